"""The app of what end users did while connecting."""

from django.apps import AppConfig


class SessionsLogConfig(AppConfig):
    """Sessions, their events, and what follows from them."""

    name = "sessions_log"
    verbose_name = "Session history"
