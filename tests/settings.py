"""The real settings with the few differences that a test run needs."""

from dashboard.settings import *  # noqa: F403
from dashboard.settings import DATABASES, STORAGES

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
DATABASES["default"]["ENGINE"] = "tests.database"
DATABASES["default"]["TEST"] = {"NAME": "patchbay_test"}
# Sign-ins of a test run all come from one address.
ACCOUNT_RATE_LIMITS = False
# Static files straight from their folders: nothing is collected for a test run.
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = True
