"""What is said about a cron expression or a time zone that cannot be used, and what the clocks do to those that can."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from connectors.clock_changes import changes_after, touched_by
from connectors.cron import LONGEST, ScheduleError, offered_zones, read_cron, read_zone
from connectors.schedules import Schedule
from dashboard.pages.clock_notes import note_of

NOW = datetime(2026, 11, 19, 13, 32, tzinfo=UTC)
NEVER = "This never happens: no year has such a day"
ONCE = "No run is done twice."
GAP = f"02:30 does not exist that night, so the run starts at 03:00. {ONCE}"
SECONDS = "Seconds and years cannot be given."

WRONG_EXPRESSIONS = [
    ("", "Write five fields"),
    ("   ", "Write five fields"),
    ("often", "This has 1 field, and a cron expression has five"),
    ("30 2 * *", "This has 4 fields, and a cron expression has five"),
    ("0 30 2 * * *", SECONDS),
    ("* * * * * *", SECONDS),
    ("0 30 2 * * * 2027", SECONDS),
    ("@daily", "Write “@daily” as five fields"),
    ("60 * * * *", "The minute “60” cannot be read. Minutes go from 0 to 59."),
    ("-1 * * * *", "The minute “-1” cannot be read."),
    ("*/0 * * * *", "The minute “*/0” cannot be read."),
    ("1.5 * * * *", "The minute “1.5” cannot be read."),
    ("1,,2 * * * *", "The minute “1,,2” cannot be read."),
    ("50-10 * * * *", "The minute “50-10” cannot be read."),
    ("\u0661 * * * *", "The minute “\u0661” cannot be read."),
    ("0 24 * * *", "The hour “24” cannot be read. Hours go from 0 to 23."),
    ("0 2am * * *", "The hour “2am” cannot be read."),
    ("0 0 32 * *", "The day of the month “32” cannot be read."),
    ("0 0 0 * *", "The day of the month “0” cannot be read."),
    ("0 0 * 13 *", "The month “13” cannot be read. Months go from 1 to 12, or JAN to DEC."),
    ("0 0 * * 8", "The day of the week “8” cannot be read."),
    ("0 0 * * someday", "The day of the week “someday” cannot be read."),
    ("0 0 30 2 *", NEVER),
    ("0 0 31 4,6,9,11 *", NEVER),
    ("\x00 * * * *", "a character that cannot be typed"),
    ("0 2 * * *\n", "a character that cannot be typed"),
    (f"{','.join(['1'] * 70)} * * * *", f"This is too long: 147 characters, where at most {LONGEST} can be stored."),
]
WRONG_ZONES = [
    ("", "Name the time zone"),
    ("Mars/Olympus", "There is no time zone “Mars/Olympus”."),
    ("../../etc/passwd", "There is no time zone"),
    ("Europe/Berlin\x00", "There is no time zone “Europe/Berlin”."),
    ("europe/berlin", "There is no time zone “europe/berlin”. Names look like Europe/Berlin"),
    ("+01:00", "There is no time zone “+01:00”."),
    ("X" * 5000, f"There is no time zone “{'X' * 40}”."),
]


@pytest.mark.parametrize(("text", "said"), WRONG_EXPRESSIONS)
def test_wrong_expression_is_told_in_a_sentence(text: str, said: str) -> None:
    with pytest.raises(ScheduleError) as refusal:
        read_cron(text)

    assert said in str(refusal.value)


@pytest.mark.parametrize(("text", "said"), WRONG_ZONES)
def test_wrong_zone_is_told_in_a_sentence(text: str, said: str) -> None:
    with pytest.raises(ScheduleError) as refusal:
        read_zone(text)

    assert said in str(refusal.value)


@pytest.mark.parametrize(
    "text", ["* * * * *", "30 2 * * *", "0 0 29 2 *", "0 0 L * *", "0 6 * * MON-FRI", "*/15 8-18 * * 1-5", "0 0 30 2 1"]
)
def test_expression_that_happens_is_taken_as_it_is(text: str) -> None:
    assert read_cron(text) == text
    assert read_cron(f"  {text.replace(' ', '   ')} ") == text


def test_every_zone_that_is_offered_is_one() -> None:
    assert offered_zones()[0] == "UTC"
    assert {read_zone(name) for name in offered_zones()} == set(offered_zones())
    assert {"Europe/Berlin", "America/Chicago", "Australia/Lord_Howe"} < set(offered_zones())


def test_changes_are_found_to_the_second() -> None:
    found = list(changes_after(ZoneInfo("Europe/Berlin"), NOW))

    assert [change.at for change in found] == [
        datetime(2027, 3, 28, 1, tzinfo=UTC),
        datetime(2027, 10, 31, 1, tzinfo=UTC),
    ]
    assert [change.is_forward for change in found] == [True, False]
    assert list(changes_after(ZoneInfo("UTC"), NOW)) == []


@pytest.mark.parametrize(
    ("cron", "zone", "reader", "said"),
    [
        (
            "30 2 * * *",
            "America/Chicago",
            "Europe/Berlin",
            [
                f"Sun 14 Mar 2027: {GAP} From then on 02:30 there is 08:30 your time instead of 09:30.",
                "Sun 7 Nov 2027: From then on 02:30 there is 09:30 your time instead of 08:30.",
            ],
        ),
        (
            "30 2 * * *",
            "Europe/Berlin",
            "Europe/Berlin",
            [
                f"Sun 28 Mar 2027: {GAP}",
                "Sun 31 Oct 2027: 02:30 comes twice that night; the run starts the first time only.",
            ],
        ),
        (
            "*/15 * * * *",
            "Europe/Berlin",
            "UTC",
            [
                f"Sun 28 Mar 2027: 02:00 to 02:45 do not exist that night, so runs go on at 03:00. {ONCE}",
                "Sun 31 Oct 2027: The hour from 02:00 comes twice that night, and runs go on through both.",
            ],
        ),
        ("0 12 * * *", "Europe/Berlin", "Europe/Berlin", []),
    ],
)
def test_change_of_the_clocks_is_told_where_it_touches_a_run(
    cron: str, zone: str, reader: str, said: list[str]
) -> None:
    schedule = Schedule("cron", timedelta(), NOW, cron=cron, zone=zone)
    notes = [
        note_of(schedule, ZoneInfo(zone), change, ZoneInfo(reader)) for change in changes_after(ZoneInfo(zone), NOW)
    ]

    assert [f"{note.title.partition(' on ')[2]}: {note.text}" for note in notes if note] == said


def test_one_run_of_the_hour_that_comes_twice_is_the_first() -> None:
    schedule = Schedule("cron", timedelta(), NOW, cron="30 2 * * *", zone="Europe/Berlin")
    back = list(changes_after(ZoneInfo("Europe/Berlin"), NOW))[1]

    touched = touched_by(schedule, back)

    assert touched is not None
    assert [slot.astimezone(UTC) for slot in touched.starts] == [datetime(2027, 10, 31, 0, 30, tzinfo=UTC)]
