"""Celery, or `manage.py dispatch`, as `manage.py up` starts them, with the points at which a test lets them die.

The words behind are theirs. What PATCHBAY_FAULT_WITHOUT names is taken out of this process: see `guards`.
"""

from __future__ import annotations

import sys

import django
from celery.__main__ import main
from django.core.management import execute_from_command_line

django.setup()

from tests.faults.harness import guards, points  # noqa: E402 - Django comes first

points.install()
guards.take_out_here()
if sys.argv[1] == "dispatch":
    execute_from_command_line(sys.argv)
else:
    main()
