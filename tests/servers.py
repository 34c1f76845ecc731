"""The real servers of a test run, started before Django reads its settings and stopped at its end.

Loaded as a pytest plugin (`-p tests.servers`), which happens before pytest-django looks for a database.
"""

from __future__ import annotations

import argparse
import base64
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from dashboard.stack import postgres, redis
from dashboard.stack.home import prepare_home

# A process that takes tests from another one (`-n 3`) works below that one's folder, which goes at the end of all.
TAKER = os.environ.get("PYTEST_XDIST_WORKER", "")
HOME = Path(os.environ["PATCHBAY_HOME"], TAKER) if TAKER else Path(tempfile.mkdtemp(prefix="patchbay-tests-"))
# Static files as a browser gets them in production, collected once for all processes of a run.
STATIC = (HOME.parent if TAKER else HOME) / "static"
# For what needs the settings and no server.
NO_SERVERS = ("postgresql://nobody@127.0.0.1:1/none", "redis://127.0.0.1:1")
# Nothing here outlives the run, so nothing waits for the disk. Tests of what a crash leaves start servers of their own.
THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "checkpoint_timeout": "1h"}


def _environment(database_url: str, redis_url: str) -> dict[str, str]:
    return {
        # Our Celery app names the real settings as its default, and the environment wins over pytest's own.
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "PATCHBAY_HOME": str(HOME),
        "PATCHBAY_TEST_STATIC": str(STATIC),
        "PATCHBAY_HTTPS": "0",
        "PATCHBAY_SECRET_KEY": secrets.token_urlsafe(50),
        "PATCHBAY_ENCRYPTION_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "PATCHBAY_ALLOWED_NETWORKS": "127.0.0.0/8",
        "PATCHBAY_HOSTS": "127.0.0.1,localhost,testserver",
        "PATCHBAY_ENVIRONMENT": "Test",
    }


def _only_hands_out() -> bool:
    """Whether this process only hands out tests; those that take them have servers of their own."""
    words = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    words.add_argument("-n", "--numprocesses", default="0")
    return not TAKER and words.parse_known_args()[0].numprocesses != "0"


def _collect_static() -> None:
    words = (sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity=0")
    environment = {**os.environ, **_environment(*NO_SERVERS)}
    subprocess.run(words, check=True, cwd=Path(__file__).parents[1], env=environment)


prepare_home(HOME)
if not TAKER:
    _collect_static()
if _only_hands_out():
    os.environ.update(_environment(*NO_SERVERS))
else:
    POSTGRES = postgres.start(HOME, **THROW_AWAY)
    REDIS = redis.start(HOME)
    os.environ.update(_environment(POSTGRES.server.url(), REDIS.server.url()))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop both servers and remove their folder."""
    del config
    if not _only_hands_out():
        REDIS.stop()
        POSTGRES.stop()
    shutil.rmtree(HOME, ignore_errors=True)
