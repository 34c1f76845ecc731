"""Celery as `manage.py up` starts it, with the points at which a test lets it die: the words behind are Celery's."""

from __future__ import annotations

import django
from celery.__main__ import main

django.setup()

from tests.faults.harness import points  # noqa: E402 - Django comes first

points.install()
main()
