"""The Django project as an app: pages, forms and commands."""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """The only app that speaks HTTP, HTML and JSON."""

    name = "dashboard"
