"""Reads a cron expression and a time zone as a person typed them, and says in a sentence what is wrong with them."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import available_timezones

from cronsim import CronSim, CronSimError

LONGEST = 120
_FIELDS = (
    ("minute", "Minutes go from 0 to 59."),
    ("hour", "Hours go from 0 to 23."),
    ("day of the month", "Days go from 1 to 31; L is the last one."),
    ("month", "Months go from 1 to 12, or JAN to DEC."),
    ("day of the week", "Days of the week go from 0 (Sunday) to 6, or SUN to SAT."),
)
_PLACES = (
    *("Africa/", "America/", "Antarctica/", "Asia/", "Atlantic/"),
    *("Australia/", "Europe/", "Indian/", "Pacific/"),
)
_FIRST_PRINTED = 32
# What an expression is tried from: whether it ever comes does not depend on the day.
_SOME_DAY = datetime(2024, 1, 1, tzinfo=UTC)


class ScheduleError(ValueError):
    """A schedule that cannot be used. The text is a sentence for the person who typed it."""


def read_cron(text: str) -> str:
    """Return a cron expression with single spaces. Raises `ScheduleError` for one that cannot be used."""
    if any(ord(letter) < _FIRST_PRINTED and letter != "\t" for letter in text):
        message = "The expression holds a character that cannot be typed. Write it again."
        raise ScheduleError(message)
    parts = text.split()
    if not parts:
        message = "Write five fields, such as “30 2 * * *” for every day at 02:30."
        raise ScheduleError(message)
    if len(text) > LONGEST:
        message = f"This is too long: {len(text):,} characters, where at most {LONGEST} can be stored."
        raise ScheduleError(message)
    if parts[0].startswith("@"):
        message = f"Write “{parts[0]}” as five fields: minute, hour, day of the month, month, day of the week."
        raise ScheduleError(message)
    _check_count(parts)
    for place, part in enumerate(parts):
        _check_field(place, part)
    _check_happens(" ".join(parts))
    return " ".join(parts)


def read_zone(text: str) -> str:
    """Return the name of a time zone. Raises `ScheduleError` for one that there is not."""
    name = text.strip()
    if not name:
        message = "Name the time zone that the times are meant in, such as Europe/Berlin or UTC."
        raise ScheduleError(message)
    if name not in zone_names():
        shown = name[:40].replace("\0", "")
        message = f"There is no time zone “{shown}”. Names look like Europe/Berlin, America/Chicago or UTC."
        raise ScheduleError(message)
    return name


@lru_cache
def zone_names() -> frozenset[str]:
    """Return the names of all time zones that are known here."""
    return frozenset(available_timezones())


@lru_cache
def offered_zones() -> tuple[str, ...]:
    """Return the time zones that a list offers: UTC, then one per city in order, without names of old."""
    return ("UTC", *sorted(name for name in zone_names() if name.startswith(_PLACES)))


def _check_count(parts: list[str]) -> None:
    if len(parts) == len(_FIELDS):
        return
    names = "minute, hour, day of the month, month, day of the week"
    found = "1 field" if len(parts) == 1 else f"{len(parts)} fields"
    rest = " Seconds and years cannot be given." if len(parts) > len(_FIELDS) else ""
    message = f"This has {found}, and a cron expression has five: {names}.{rest}"
    raise ScheduleError(message)


def _check_field(place: int, part: str) -> None:
    fields = ["*"] * len(_FIELDS)
    fields[place] = part
    name, usual = _FIELDS[place]
    try:
        # Alone with a star in every other field, so that what is wrong is wrong here.
        CronSim(" ".join(fields), _SOME_DAY)
    except (CronSimError, AssertionError, ValueError):
        message = f"The {name} “{part}” cannot be read. {usual}"
        raise ScheduleError(message) from None


def _check_happens(expression: str) -> None:
    try:
        first = next(CronSim(expression, _SOME_DAY), None)
    except CronSimError:
        first = None
    if first is None:
        message = "This never happens: no year has such a day, so nothing would ever run. Choose another day or month."
        raise ScheduleError(message)
