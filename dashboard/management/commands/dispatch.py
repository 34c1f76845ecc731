"""`manage.py dispatch`: makes and publishes due jobs while beat is away, until it is told to stop."""

import signal
from typing import Any

from django.core.management.base import BaseCommand

from jobs.services.fallback import Fallback


class Command(BaseCommand):
    """A stand-in for beat and the system worker. It looks on for as long as they tick."""

    help = "Keep the schedules going while beat or the system worker is away."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Run until TERM or Ctrl-C; exit with 0 then."""
        loop = Fallback()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: loop.stop())
        loop.run()
