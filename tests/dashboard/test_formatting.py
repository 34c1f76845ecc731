"""Times, durations, numbers and sizes as words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest

from dashboard import formatting

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 19, 13, 32, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ago", "expected"),
    [
        (timedelta(0), "just now"),
        (timedelta(milliseconds=900), "just now"),
        (timedelta(seconds=1), "1 s ago"),
        (timedelta(seconds=59), "59 s ago"),
        (timedelta(seconds=60), "1 min ago"),
        (timedelta(minutes=59, seconds=59), "59 min ago"),
        (timedelta(hours=1), "1 h ago"),
        (timedelta(hours=23, minutes=59), "23 h ago"),
        (timedelta(days=1), "1 d ago"),
        (timedelta(days=7, hours=23), "7 d ago"),
        (timedelta(days=8), "11 Nov 2026"),
        (timedelta(days=260), "4 Mar 2026"),
        (timedelta(milliseconds=-300), "now"),
        (timedelta(seconds=-8), "in 8 s"),
        (timedelta(minutes=-36), "in 36 min"),
        (timedelta(hours=-17, minutes=-5), "in 17 h"),
        (timedelta(days=-12), "in 12 d"),
    ],
)
def test_relative_time(ago: timedelta, expected: str) -> None:
    assert formatting.relative_time(NOW - ago, NOW) == expected


def test_relative_time_dates_in_the_given_zone() -> None:
    moment = datetime(2026, 3, 3, 23, 30, tzinfo=UTC)

    assert formatting.relative_time(moment, NOW, BERLIN) == "4 Mar 2026"


@pytest.mark.parametrize(
    ("since", "expected"),
    [(timedelta(hours=14, minutes=50), "14 h"), (timedelta(0), "0 s"), (timedelta(minutes=-1), "0 s")],
)
def test_elapsed_time(since: timedelta, expected: str) -> None:
    assert formatting.elapsed_time(NOW - since, NOW) == expected


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        (BERLIN, "Thu 19 Nov 2026, 14:32:07 CET (UTC+1)"),
        (UTC, "Thu 19 Nov 2026, 13:32:07 UTC"),
        (ZoneInfo("America/St_Johns"), "Thu 19 Nov 2026, 10:02:07 NST (UTC-3:30)"),
        (ZoneInfo("Asia/Kolkata"), "Thu 19 Nov 2026, 19:02:07 IST (UTC+5:30)"),
        (ZoneInfo("America/Sao_Paulo"), "Thu 19 Nov 2026, 10:32:07 UTC-3"),
        (ZoneInfo("Pacific/Kiritimati"), "Fri 20 Nov 2026, 03:32:07 UTC+14"),
    ],
)
def test_exact_time(zone: tzinfo, expected: str) -> None:
    assert formatting.exact_time(NOW, zone) == expected


def test_exact_time_in_summer_has_the_summer_offset() -> None:
    moment = datetime(2026, 7, 1, 22, 0, tzinfo=UTC)

    assert formatting.exact_time(moment, BERLIN) == "Thu 2 Jul 2026, 00:00:00 CEST (UTC+2)"


def test_clock_log_and_short_time() -> None:
    moment = datetime(2026, 11, 19, 11, 3, 3, 204_900, tzinfo=UTC)

    assert formatting.clock_time(moment, BERLIN) == "12:03:03"
    assert formatting.log_time(moment, BERLIN) == "12:03:03.204"
    assert formatting.short_time(moment, BERLIN) == "19 Nov, 12:03"
    assert formatting.calendar_date(moment, BERLIN) == "19 Nov 2026"


@pytest.mark.parametrize(
    ("zone", "expected"),
    [(BERLIN, "Berlin, UTC+1"), (UTC, "UTC"), (ZoneInfo("America/New_York"), "New York, UTC-5")],
)
def test_zone_label(zone: tzinfo, expected: str) -> None:
    assert formatting.zone_label(zone, NOW) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (None, formatting.NOT_APPLICABLE),
        (0, "0 s"),
        (-3, "0 s"),
        (0.0002, "0 s"),
        (0.412, "412 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1 s"),
        (44, "44 s"),
        (59.6, "1 m 00 s"),
        (88, "1 m 28 s"),
        (242, "4 m 02 s"),
        (3599.7, "1 h 00 m"),
        (7500, "2 h 05 m"),
        (273_600, "3 d 04 h"),
        (timedelta(seconds=88), "1 m 28 s"),
    ],
)
def test_duration(seconds: float | timedelta | None, expected: str) -> None:
    assert formatting.duration(seconds) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(None, formatting.NOT_APPLICABLE), (0, "0"), (1912, "1,912"), (1_204_331, "1,204,331")]
)
def test_number(value: int | None, expected: str) -> None:
    assert formatting.number(value) == expected


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (None, formatting.NOT_APPLICABLE),
        (0, "0 B"),
        (912, "912 B"),
        (1300, "1.3 kB"),
        (2000, "2 kB"),
        (9_960, "10 kB"),
        (999_600, "1 MB"),
        (1_800_000, "1.8 MB"),
        (38_000_000, "38 MB"),
        (1_240_000_000, "1.2 GB"),
        (5_000_000_000_000_000, "5000 TB"),
    ],
)
def test_file_size(size: int | None, expected: str) -> None:
    assert formatting.file_size(size) == expected


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [(26, 30, "86.7%"), (30, 30, "100%"), (2, 3, "67%"), (0, 8, "0%"), (0, 0, formatting.NOT_APPLICABLE)],
)
def test_percent(part: int, whole: int, expected: str) -> None:
    assert formatting.percent(part, whole) == expected


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [
        (0, 20, "w-0"),
        (1, 1000, "w-1"),
        (18, 20, "w-90"),
        (999, 1000, "w-99"),
        (20, 20, "w-100"),
        (30, 20, "w-100"),
        (1, 0, "w-0"),
    ],
)
def test_width_class(part: int, whole: int, expected: str) -> None:
    assert formatting.width_class(part, whole) == expected
