"""What Celery calls for sessions: each task hands over to one function.

They stand here since `sessions_log` and `jobs`, whose pulses tell that a task ran, do not know each other.
"""

from __future__ import annotations

from celery import shared_task

from jobs.services import pulse
from sessions_log.services.rollup import rollup as roll_up
from sessions_log.services.sweep import drop_old as drop_old_once
from sessions_log.services.sweep import sweep as sweep_once

# Seconds. The retention of a month that was missed takes a while.
_LONGEST_SWEEP, _LONGEST_DROP, _LONGEST_ROLLUP = 60, 30 * 60, 120


@shared_task(name="sessions.sweep", time_limit=_LONGEST_SWEEP)
def sweep() -> None:
    """Mark the sessions that fell silent and the links whose time is over."""
    pulse.measured("sessions.sweep", sweep_once, "marked")


@shared_task(name="sessions.drop_old", time_limit=_LONGEST_DROP)
def drop_old() -> None:
    """Delete the sessions past their retention time."""
    pulse.measured("sessions.drop_old", drop_old_once, "dropped")


@shared_task(name="sessions.rollup", time_limit=_LONGEST_ROLLUP)
def rollup() -> None:
    """Add up the days whose sessions changed, for the funnel."""
    pulse.measured("sessions.rollup", roll_up, "days")
