"""The Django project: settings, pages, and the one-command stack."""

from dashboard.celery import app as celery_app

__all__ = ("celery_app",)
