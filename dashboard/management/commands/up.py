"""`manage.py up`: the whole of Patchbay as one process tree, until Ctrl-C."""

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from dashboard.stack.boot import up
from dashboard.stack.output import Output

INTERRUPTED = 130


class Command(BaseCommand):
    """Starts PostgreSQL, Redis, the web, the workers and beat; ends them all with itself."""

    help = "Start Patchbay: database, queue, web, workers and, on the first start, demo data."
    # Checks may look into a database that this very command is about to start.
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django declares it so

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add ``--empty``."""
        parser.add_argument("--empty", action="store_true", help="on the first start, put in no demo data")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run until told to stop; exit with 0 then, with 1 when the stack could not start."""
        try:
            code = up(settings.BASE_DIR, os.environ, empty=options["empty"], output=Output())
        except KeyboardInterrupt:
            code = INTERRUPTED
        sys.exit(code)
