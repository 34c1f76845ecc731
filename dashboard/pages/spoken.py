"""Counts and spans of time as a person says them in a sentence; the exact figures stand elsewhere."""

from __future__ import annotations

from datetime import timedelta

_NUMBERS = (
    "no times", "once", "twice", "three times", "four times", "five times", "six times", "seven times", "eight times",
    "nine times", "ten times",
)  # fmt: skip
_SMALL = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def times(count: int) -> str:
    """Say how often: "once", "six times", "14 times"."""
    return _NUMBERS[count] if count < len(_NUMBERS) else f"{count} times"


def spoken(span: timedelta) -> str:
    """Say a span as a person would: "two minutes", "40 seconds", "an hour"."""
    seconds = round(span.total_seconds())
    for unit, name in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute")):
        # From one and a half minutes on it is two: the span is a part of a sentence, its exact figure stands below.
        count = round(seconds / unit)
        if seconds >= unit:
            article = "an" if name == "hour" else "a"
            return f"{article} {name}" if count == 1 else f"{_small(count)} {name}s"
    return "a second" if seconds <= 1 else f"{_small(seconds)} seconds"


def _small(count: int) -> str:
    return _SMALL[count] if count < len(_SMALL) else str(count)
