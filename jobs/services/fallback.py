"""Ticks and reaps while beat or the system worker is away: the schedules then go on as long as other workers live."""

from __future__ import annotations

import threading
from datetime import timedelta

import structlog
from django.db import DatabaseError, InterfaceError, connection
from django.db.models.functions import Now

from jobs.models import Pulse
from jobs.services import pulse
from jobs.services.dispatch import tick
from jobs.services.reap import reap

log = structlog.get_logger(__name__)

# Beat ticks each second; what is silent for so long is away.
SILENT = timedelta(seconds=30)
_LOOK_SECONDS = 5.0
_TICK_SECONDS = 1.0
_TICKS_PER_REAP = 5


class Fallback:
    """A loop that does beat's work while nobody else does. Any number of them may run: a tick doubled does no harm."""

    def __init__(self) -> None:
        self._told_to_stop = threading.Event()
        self._is_on = False
        self._ticks = 0

    def stop(self) -> None:
        """End the loop at its next pause. Safe in a signal handler."""
        self._told_to_stop.set()

    def run(self) -> None:
        """Look every few seconds whether ticks still come; while they do not, tick each second."""
        pause = 0.0
        while not self._told_to_stop.wait(pause):
            try:
                pause = _TICK_SECONDS if self.step() else _LOOK_SECONDS
            except (DatabaseError, InterfaceError) as error:
                log.warning("The database is away; trying again", reason=str(error).partition("\n")[0])
                connection.close()
                pause = _LOOK_SECONDS

    def step(self) -> bool:
        """Do one round: tick, and reap now and then, if nobody else does. Returns whether this loop ticks.

        Its own ticks leave the pulse `dispatch` in place of `tick`, so that it hears beat come back.
        """
        is_needed = not Pulse.objects.filter(name="tick", at__gte=Now() - SILENT).exists()
        if is_needed != self._is_on:
            self._is_on = is_needed
            log.warning("No tick came for 30 s; ticking here" if is_needed else "Ticks come again; only looking on")
        if not is_needed:
            pulse.beat("dispatch", 0, {"is_ticking": False})
            return False
        pulse.measured("dispatch", tick, "published")
        if self._ticks % _TICKS_PER_REAP == 0:
            pulse.measured("reap", reap, "taken_back")
        self._ticks += 1
        return True
