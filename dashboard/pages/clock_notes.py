"""What a change of the clocks does to the runs of a cron expression, in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from connectors.clock_changes import ClockChange, Touched, touched_by
from connectors.schedules import Schedule, next_slot
from dashboard import formatting

# Nobody keeps the times in mind of what runs more often than this.
_FEW = timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class Note:
    """One change of the clocks that somebody should know of before it happens."""

    title: str
    text: str


def note_of(schedule: Schedule, zone: ZoneInfo, change: ClockChange, reader: ZoneInfo) -> Note | None:
    """Return what is odd about the runs when the clocks of `zone` change; None where nothing is.

    `zone` is the schedule's or the reader's. Odd is a run in the hour that is left out or comes twice, and a time of
    day that is another one for the reader from then on.
    """
    touched = touched_by(schedule, change) if str(zone) == schedule.zone else None
    sentences = [_touched(touched, change)] if touched else []
    if moved := _moved(schedule, change, reader):
        sentences.append(moved)
    if not sentences:
        return None
    city = str(zone).rpartition("/")[2].replace("_", " ")
    day = formatting.weekday_and_day(change.at - timedelta(seconds=1), zone)
    return Note(f"Clocks change in {city} on {day} {change.at.astimezone(zone):%Y}", " ".join(sentences))


def _touched(touched: Touched, change: ClockChange) -> str:
    several = touched.count > 1
    times = f"{touched.first:%H:%M} to {touched.last:%H:%M}" if several else f"{touched.first:%H:%M}"
    starts = touched.starts
    if change.is_forward:
        verb = "do" if several else "does"
        begins = f"{starts[0]:%H:%M}" if starts else "the next time"
        after = f"runs go on at {begins}" if several else f"the run starts at {begins}"
        return f"{times} {verb} not exist that night, so {after}. No run is done twice."
    if len(starts) > touched.count:
        return f"The hour from {touched.first:%H}:00 comes twice that night, and runs go on through both."
    once = "each run starts the first time only" if several else "the run starts the first time only"
    return f"{times} {'come' if several else 'comes'} twice that night; {once}."


def _moved(schedule: Schedule, change: ClockChange, reader: ZoneInfo) -> str:
    """Say how the runs move on the reader's clock from the change on; nothing where they do not."""
    zone = ZoneInfo(schedule.zone)
    if str(zone) == str(reader):
        return ""
    run = next_slot(schedule, change.at + timedelta(days=1))
    following = next_slot(schedule, run) if run else None
    if run is None or (following and following - run < _FEW):
        return ""
    wall = run.astimezone(zone)
    # The same time of day a few days before the change.
    earlier = datetime.combine((change.at - timedelta(days=3)).astimezone(zone).date(), wall.time(), zone)
    then, now = earlier.astimezone(UTC).astimezone(reader), run.astimezone(reader)
    if then.time() == now.time():
        return ""
    return f"From then on {wall:%H:%M} there is {now:%H:%M} your time instead of {then:%H:%M}."
