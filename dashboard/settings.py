"""Every setting of the web, the workers and beat, read from the environment.

Defaults are those of a production machine; `manage.py up` sets what a first try on one machine needs instead.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import dj_database_url
import structlog
from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from kombu import Queue

BASE_DIR = Path(__file__).resolve().parent.parent


def _text(name: str, default: str = "") -> str:
    return os.environ.get(name, default)


def _flag(name: str, *, default: bool) -> bool:
    return _text(name, "1" if default else "0").lower() in {"1", "true", "yes", "on"}


def _number(name: str, default: int) -> int:
    try:
        return int(_text(name, str(default)))
    except ValueError as error:
        message = f"{name} must be a whole number, not {_text(name)!r}."
        raise ImproperlyConfigured(message) from error


def _list(name: str, default: str = "") -> list[str]:
    return [part.strip() for part in _text(name, default).split(",") if part.strip()]


# ---- Patchbay's own ---------------------------------------------------------------------------------------------
VERSION = "0.1.0"
PATCHBAY_HOME = Path(_text("PATCHBAY_HOME") or BASE_DIR / ".patchbay").absolute()
PATCHBAY_ENVIRONMENT = _text("PATCHBAY_ENVIRONMENT", "Production")
# Keys of 32 bytes in URL-safe base64, the newest first: the first one seals, all of them open.
PATCHBAY_ENCRYPTION_KEYS = _list("PATCHBAY_ENCRYPTION_KEYS")
# Networks that connections may lead to although they are private or loopback, such as 10.1.0.0/16.
PATCHBAY_ALLOWED_NETWORKS = _list("PATCHBAY_ALLOWED_NETWORKS")
# Folders of this machine below which files may be read as a source, such as /srv/exports; none by default.
PATCHBAY_FILE_FOLDERS = _list("PATCHBAY_FILE_FOLDERS")
# Folders of this machine below which destinations may write files, beside the one of this installation itself.
PATCHBAY_EXPORT_FOLDERS = _list("PATCHBAY_EXPORT_FOLDERS")
# What one file of a source may take, in bytes: as it is, unpacked, in one line, and in memory while it is read; and how
# many times its size a packed file may grow to.
PATCHBAY_FILE_BYTES = _number("PATCHBAY_FILE_BYTES", 20 * 1024**3)
PATCHBAY_FILE_UNPACKED_BYTES = _number("PATCHBAY_FILE_UNPACKED_BYTES", 20 * 1024**3)
PATCHBAY_FILE_RATIO = _number("PATCHBAY_FILE_RATIO", 200)
PATCHBAY_FILE_LINE_BYTES = _number("PATCHBAY_FILE_LINE_BYTES", 8 * 1024**2)
PATCHBAY_FILE_MEMORY_BYTES = _number("PATCHBAY_FILE_MEMORY_BYTES", 512 * 1024**2)
PATCHBAY_SANDBOX_URL = _text("PATCHBAY_SANDBOX_URL")
PATCHBAY_SANDBOX_API_KEY = _text("PATCHBAY_SANDBOX_API_KEY")
PATCHBAY_LEASE_SECONDS = _number("PATCHBAY_LEASE_SECONDS", 120)
# A renewal is one small update in place, so it is made often: a cancel is felt within this time.
PATCHBAY_HEARTBEAT_SECONDS = _number("PATCHBAY_HEARTBEAT_SECONDS", 5)
# Work that reads no row, ends no step and says nothing for so long is taken for a hang and ended. A destination whose
# single statements take longer, which report nothing while they run, needs more.
PATCHBAY_NO_PROGRESS_SECONDS = _number("PATCHBAY_NO_PROGRESS_SECONDS", 600)
# The longest that one attempt may take: of a sync, of a re-sync or purge, of what a person waits for.
PATCHBAY_SYNC_SECONDS = _number("PATCHBAY_SYNC_SECONDS", 6 * 60 * 60)
PATCHBAY_BULK_SECONDS = _number("PATCHBAY_BULK_SECONDS", 24 * 60 * 60)
PATCHBAY_INTERACTIVE_SECONDS = _number("PATCHBAY_INTERACTIVE_SECONDS", 90)
# Until a source or a destination must have answered the first time.
PATCHBAY_CONNECT_SECONDS = _number("PATCHBAY_CONNECT_SECONDS", 10)
PATCHBAY_RETENTION_DAYS = _number("PATCHBAY_RETENTION_DAYS", 60)
# Sessions and their events are few, and a person comes back after months.
PATCHBAY_SESSION_DAYS = _number("PATCHBAY_SESSION_DAYS", 180)
# Calls a minute that one key may make which tells of sessions (POST /api/v1/session-events).
PATCHBAY_INGEST_CALLS = _number("PATCHBAY_INGEST_CALLS", 300)
# The largest file that may be uploaded, in bytes, and for how many days an uploaded file is kept after it was loaded.
PATCHBAY_UPLOAD_BYTES = _number("PATCHBAY_UPLOAD_BYTES", 200_000_000)
PATCHBAY_UPLOAD_DAYS = _number("PATCHBAY_UPLOAD_DAYS", 30)
# A connection that neither synced nor was tested for so long is tested by itself; 0 for never.
PATCHBAY_SELF_TEST_HOURS = _number("PATCHBAY_SELF_TEST_HOURS", 24)
# Jobs of a queue that may be with the workers at once, started or about to be, while no worker of it is known: the
# rest waits in the database. Of a known worker it is twice its slots.
PATCHBAY_IN_FLIGHT = _number("PATCHBAY_IN_FLIGHT", 4)
# The most jobs at once of one connection (historical ones: half of it), to one destination, at one provider account.
PATCHBAY_CONNECTION_JOBS = _number("PATCHBAY_CONNECTION_JOBS", 4)
PATCHBAY_DESTINATION_JOBS = _number("PATCHBAY_DESTINATION_JOBS", 8)
PATCHBAY_ACCOUNT_JOBS = _number("PATCHBAY_ACCOUNT_JOBS", 4)
# "web" keeps a pool of database connections; a pool's threads do not survive a worker's fork.
PATCHBAY_PROCESS = _text("PATCHBAY_PROCESS")

# ---- Django -----------------------------------------------------------------------------------------------------
SECRET_KEY = _text("PATCHBAY_SECRET_KEY")
DEBUG = _flag("PATCHBAY_DEBUG", default=False)
_HTTPS = _flag("PATCHBAY_HTTPS", default=True)
ALLOWED_HOSTS = _list("PATCHBAY_HOSTS", "127.0.0.1,localhost,[::1]")
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS] if _HTTPS else []

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "template_partials",
    "django_htmx",
    "csp",
    "allauth",
    "allauth.account",
    "django_celery_beat",
    "connectors",
    "jobs",
    "sessions_log",
    "dashboard",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # It adds random bytes, so that the length of an answer tells nothing of the secrets in it.
    "django.middleware.gzip.GZipMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "dashboard.access.ReauthenticateByHeaderMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "dashboard.access.PolicyMiddleware",
    "dashboard.views.refusals.GoneMiddleware",
]

ROOT_URLCONF = "dashboard.urls"
WSGI_APPLICATION = "dashboard.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SITE_NAME = "Patchbay"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "dashboard.context.shell",
            ],
            "builtins": ["django.templatetags.static"],
        },
    },
]

_POOL = {"min_size": 1, "max_size": 8, "timeout": 10}
_DATABASE = dj_database_url.config(
    env="DATABASE_URL", default="postgres://patchbay@127.0.0.1:5432/patchbay", conn_health_checks=True
)
DATABASES: dict[str, dict[str, Any]] = {"default": {**_DATABASE}}
# Milliseconds. A statement that waits longer is a fault to be told, not a page that hangs.
_DATABASE_LIMITS = "-c statement_timeout=30000 -c lock_timeout=5000 -c idle_in_transaction_session_timeout=60000"
DATABASES["default"].setdefault("OPTIONS", {})["options"] = _DATABASE_LIMITS
# Milliseconds and seconds: a server that vanished without a word is noticed well before a lease ends.
DATABASES["default"]["OPTIONS"] |= {"tcp_user_timeout": 20_000, "keepalives_idle": 30, "connect_timeout": 10}
if PATCHBAY_PROCESS == "web":
    DATABASES["default"]["OPTIONS"]["pool"] = _POOL
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = False
else:
    DATABASES["default"]["CONN_MAX_AGE"] = None

LANGUAGE_CODE = "en"
TIME_ZONE = _text("PATCHBAY_TIME_ZONE", "UTC")
USE_TZ = True
USE_I18N = False

STATIC_URL = "static/"
STATIC_ROOT = PATCHBAY_HOME / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "dashboard.static_files.BundlingStorage"},
}
WHITENOISE_KEEP_ONLY_HASHED_FILES = True

# ---- Signing in -------------------------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "connections:list"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "dashboard.accounts.AccountAdapter"
ACCOUNT_FORMS = {"login": "dashboard.forms.accounts.LoginForm"}
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_ON_GET = False
SESSION_COOKIE_AGE = 12 * 60 * 60
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# ---- What a browser may do --------------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = _HTTPS
# Two instances on one machine differ by their port only, and a browser's cookies do not know ports.
_COOKIE_PREFIX = "__Host-" if _HTTPS else f"patchbay_{_text('PORT', '8000')}_"
SESSION_COOKIE_NAME = f"{_COOKIE_PREFIX}session"
CSRF_COOKIE_NAME = f"{_COOKIE_PREFIX}csrf"
CSRF_COOKIE_HTTPONLY = True
SECURE_HSTS_SECONDS = 31_536_000 if _HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _flag("PATCHBAY_BEHIND_PROXY", default=False) else None
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
# One tick per table of a large source.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000

# ---- E-mail: connect links ---------------------------------------------------------------------------------------
# The server that takes our mails. Without one, mails become files in PATCHBAY_EMAIL_DIR, or cannot be sent.
PATCHBAY_EMAIL_HOST = _text("PATCHBAY_EMAIL_HOST")
PATCHBAY_EMAIL_DIR = "" if PATCHBAY_EMAIL_HOST else _text("PATCHBAY_EMAIL_DIR")
# "starttls", "tls" or "none".
PATCHBAY_EMAIL_SECURITY = _text("PATCHBAY_EMAIL_SECURITY", "starttls")
if PATCHBAY_EMAIL_SECURITY not in {"starttls", "tls", "none"}:
    message = f"PATCHBAY_EMAIL_SECURITY must be starttls, tls or none, not {PATCHBAY_EMAIL_SECURITY!r}."
    raise ImproperlyConfigured(message)
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if PATCHBAY_EMAIL_HOST else 'filebased'}.EmailBackend"
EMAIL_FILE_PATH = PATCHBAY_EMAIL_DIR or None
EMAIL_HOST = PATCHBAY_EMAIL_HOST
EMAIL_PORT = _number("PATCHBAY_EMAIL_PORT", 465 if PATCHBAY_EMAIL_SECURITY == "tls" else 587)
EMAIL_HOST_USER = _text("PATCHBAY_EMAIL_USER")
EMAIL_HOST_PASSWORD = _text("PATCHBAY_EMAIL_PASSWORD")
EMAIL_USE_TLS, EMAIL_USE_SSL = PATCHBAY_EMAIL_SECURITY == "starttls", PATCHBAY_EMAIL_SECURITY == "tls"
# Seconds. Somebody waits for it with the page that shows the link.
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = _text("PATCHBAY_EMAIL_FROM", "patchbay@localhost")

# ---- Celery: the message is a hint, Postgres owns the job -------------------------------------------------------
CELERY_BROKER_URL = _text("REDIS_URL", "redis://127.0.0.1:6379/0")
_VISIBILITY = 900
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": _VISIBILITY,
    # A blocking read waits for about ten seconds; longer than this means that the server is gone.
    "socket_timeout": 15,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    "health_check_interval": 25,
    "retry_on_timeout": False,
    "global_keyprefix": _text("PATCHBAY_REDIS_PREFIX", "patchbay:"),
}
CELERY_VISIBILITY_TIMEOUT = _VISIBILITY
CELERY_RESULT_BACKEND = None
CELERY_RESULT_EXPIRES = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_STORE_ERRORS_EVEN_IF_IGNORED = False
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_REJECT_ON_WORKER_LOST = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
# Celery closes the database connection before and after each task, and a new one costs more than all that a short job
# writes. A child runs fewer tasks than this, so its connection lives as long; each task looks whether it still works.
CELERY_DB_REUSE_MAX = 1_000_000
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_DISABLE_PREFETCH = True
CELERY_WORKER_MAX_TASKS_PER_CHILD = 50
# KiB at its highest; a child above it is replaced after its job. A fresh one has 140 MB, dlt included, and a limit near
# that would replace it after every job.
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 600_000
CELERY_WORKER_PROC_ALIVE_TIMEOUT = 30
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 30
CELERY_WORKER_ENABLE_SOFT_SHUTDOWN_ON_IDLE = True
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_TASK_SEND_SENT_EVENT = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_TASK_DEFAULT_QUEUE = "system"
CELERY_TASK_QUEUES = [Queue(name) for name in ("interactive", "sync", "bulk", "system")]
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True
CELERY_WORKER_ETA_TASK_LIMIT = 100
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
# Seconds. Beat holds these few system entries only; the schedules of connections are rows with `next_run_at`.
CELERY_BEAT_SCHEDULE = {
    # Every night; there is nothing to mend unless we erred.
    "jobs.reconcile": {
        "task": "jobs.reconcile",
        "schedule": crontab(minute="40", hour="3"),
        "options": {"queue": "system", "expires": 3600},
    },
    "jobs.tick": {"task": "jobs.tick", "schedule": 1.0, "options": {"queue": "system", "expires": 5}},
    "jobs.reap": {"task": "jobs.reap", "schedule": 5.0, "options": {"queue": "system", "expires": 15}},
    "jobs.take_up_bulks": {
        "task": "jobs.take_up_bulks",
        "schedule": 5.0,
        "options": {"queue": "system", "expires": 10},
    },
    "jobs.end_pauses": {"task": "jobs.end_pauses", "schedule": 30.0, "options": {"queue": "system", "expires": 30}},
    "jobs.self_test": {"task": "jobs.self_test", "schedule": 600.0, "options": {"queue": "system", "expires": 600}},
    "jobs.keep_partitions": {
        "task": "jobs.keep_partitions",
        "schedule": 6 * 60 * 60.0,
        "options": {"queue": "system", "expires": 600},
    },
    "jobs.drop_uploads": {
        "task": "jobs.drop_uploads",
        "schedule": 60 * 60.0,
        "options": {"queue": "system", "expires": 600},
    },
    # A session is abandoned after fifteen minutes, so half a minute is soon enough.
    "sessions.sweep": {"task": "sessions.sweep", "schedule": 30.0, "options": {"queue": "system", "expires": 30}},
    # What it has not reached yet is read from the sessions, so a late one costs time and no truth.
    "sessions.rollup": {"task": "sessions.rollup", "schedule": 60.0, "options": {"queue": "system", "expires": 60}},
    "sessions.drop_old": {
        "task": "sessions.drop_old",
        "schedule": 6 * 60 * 60.0,
        "options": {"queue": "system", "expires": 600},
    },
}

# ---- Logging: one line each, to the error stream ----------------------------------------------------------------
_SHARED_PROCESSORS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
]
structlog.configure(
    processors=[*_SHARED_PROCESSORS, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": structlog.stdlib.ProcessorFormatter,
            "foreign_pre_chain": _SHARED_PROCESSORS,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.dev.ConsoleRenderer(
                    colors=False, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
                ),
            ],
        },
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "stream": sys.stderr}},
    "root": {"handlers": ["console"], "level": _text("PATCHBAY_LOG_LEVEL", "WARNING")},
    "loggers": {
        name: {"level": "INFO", "handlers": ["console"], "propagate": False}
        for name in ("dashboard", "connectors", "jobs", "sessions_log")
    }
    # A refused or unknown page was answered; only a fault of our own is worth a line.
    | {"django.request": {"level": "ERROR", "handlers": ["console"], "propagate": False}},
}
