"""The real settings with the few differences that a test run needs."""

import os
from pathlib import Path

from dashboard.settings import *  # noqa: F403
from dashboard.settings import DATABASES

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DATABASES["default"]["ENGINE"] = "tests.database"
DATABASES["default"]["TEST"] = {"NAME": "patchbay_test"}
# Sign-ins of a test run all come from one address.
ACCOUNT_RATE_LIMITS = False
STATIC_ROOT = Path(os.environ["PATCHBAY_TEST_STATIC"])
# Each test's client makes the middleware anew, and must not look through all static files for it.
WHITENOISE_AUTOREFRESH = True
