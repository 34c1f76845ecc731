"""The app of what runs, ran and will run."""

from django.apps import AppConfig


class JobsConfig(AppConfig):
    """Jobs, their attempts, steps, logs and leases."""

    name = "jobs"
