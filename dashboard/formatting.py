"""Times, durations, numbers and sizes as words: pure functions, no request and no database.

The rules are those of the visual reference ("Timestamps, IDs, numbers"): short units, thousands separators,
an en dash where a value does not apply, bytes in powers of 1000.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo

NOT_APPLICABLE = "\N{EN DASH}"

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_RELATIVE_UNTIL = 8 * _DAY  # "7 d ago" lasts a day
_THOUSAND = 1000
_ONE_DIGIT_UNTIL = 9.95  # bytes below this, in their unit, still round to one digit and a decimal
_PERCENT_BASE = 30  # fewer than this do not bear a decimal
MOST_TYPED = 40  # letters of what somebody typed that a sentence says back


def relative_time(moment: datetime, now: datetime, zone: tzinfo = UTC) -> str:
    """Say how far an aware ``moment`` is from ``now``: "2 h ago", "in 36 min".

    More than 7 days ago it is the date in ``zone`` instead ("4 Mar 2026"), as nobody counts back so far.
    """
    seconds = int((now - moment).total_seconds())
    if seconds == 0:
        return "now" if moment > now else "just now"
    if seconds >= _RELATIVE_UNTIL:
        return calendar_date(moment, zone)
    distance = _distance(abs(seconds))
    return f"{distance} ago" if seconds > 0 else f"in {distance}"


def _distance(seconds: int) -> str:
    """The largest whole unit that fits into ``seconds``, with its name."""
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= unit:
            return f"{seconds // unit} {name}"
    return f"{seconds} s"


def elapsed_time(moment: datetime, now: datetime) -> str:
    """Say how long a state has lasted since ``moment``, without "ago": "14 h"."""
    return _distance(max(0, int((now - moment).total_seconds())))


def exact_time(moment: datetime, zone: tzinfo = UTC) -> str:
    """The whole truth about ``moment``, for titles: "Thu 19 Nov 2026, 12:04:31 CET (UTC+1)"."""
    local = moment.astimezone(zone)
    offset = utc_offset(moment, zone)
    name = local.tzname() or offset
    # Zones without an abbreviation call themselves "+03", which the offset says already.
    suffix = offset if name == offset or name[0] in "+-" else f"{name} ({offset})"
    return f"{_DAYS[local.weekday()]} {calendar_date(moment, zone)}, {clock_time(moment, zone)} {suffix}"


def calendar_date(moment: datetime, zone: tzinfo = UTC) -> str:
    """The day of ``moment`` in ``zone``: "4 Mar 2026"."""
    return calendar_day(moment.astimezone(zone).date())


def calendar_day(day: date) -> str:
    """A day without a time: "4 Mar 2026"."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def weekday_and_day(moment: datetime, zone: tzinfo = UTC) -> str:
    """The day of ``moment`` in ``zone`` without the year: "Fri 20 Nov"."""
    local = moment.astimezone(zone)
    return f"{_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]}"


def day_heading(moment: datetime, now: datetime, zone: tzinfo = UTC) -> str:
    """What stands above what happened on one day: "Today, Thu 19 Nov"; of another year with it."""
    day, today = moment.astimezone(zone).date(), now.astimezone(zone).date()
    said = weekday_and_day(moment, zone)
    names = {today: "Today", today - timedelta(days=1): "Yesterday"}
    if day in names:
        return f"{names[day]}, {said}"
    return said if day.year == today.year else f"{said} {day.year}"


def clock_time(moment: datetime, zone: tzinfo = UTC) -> str:
    """The time of day of ``moment`` in ``zone``, to the second: "12:04:31"."""
    return moment.astimezone(zone).strftime("%H:%M:%S")


def log_time(moment: datetime, zone: tzinfo = UTC) -> str:
    """The time of day of ``moment`` in ``zone``, to the millisecond, for log lines: "12:03:03.204"."""
    return moment.astimezone(zone).isoformat(timespec="milliseconds")[11:23]


def short_time(moment: datetime, zone: tzinfo = UTC) -> str:
    """Day and time without the year, for narrow columns: "19 Nov, 12:04"."""
    local = moment.astimezone(zone)
    return f"{local.day} {_MONTHS[local.month - 1]}, {local:%H:%M}"


def utc_offset(moment: datetime, zone: tzinfo = UTC) -> str:
    """The distance of ``zone`` from UTC at ``moment``: "UTC", "UTC+1", "UTC-3:30"."""
    offset = moment.astimezone(zone).utcoffset() or timedelta()
    minutes = abs(int(offset.total_seconds())) // 60
    if not minutes:
        return "UTC"
    sign = "+" if offset > timedelta() else "-"
    return f"UTC{sign}{minutes // 60}" + (f":{minutes % 60:02d}" if minutes % 60 else "")


def zone_label(zone: tzinfo, now: datetime) -> str:
    """The short name of ``zone`` at ``now``, for the top bar: "Berlin, UTC+1"; "UTC" stays "UTC"."""
    offset = utc_offset(now, zone)
    city = str(zone).rpartition("/")[2].replace("_", " ")
    return offset if city == "UTC" else f"{city}, {offset}"


def duration(value: float | timedelta | None) -> str:
    """A span given in seconds (or as a timedelta): "412 ms", "44 s", "1 m 28 s", "2 h 05 m", "3 d 04 h"."""
    if value is None:
        return NOT_APPLICABLE
    exact = max(0.0, value.total_seconds() if isinstance(value, timedelta) else float(value))
    milliseconds = round(exact * _THOUSAND)
    if milliseconds < _THOUSAND:
        return f"{milliseconds} ms" if milliseconds else "0 s"
    seconds = round(exact)
    if seconds < _MINUTE:
        return f"{seconds} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} m {seconds % _MINUTE:02d} s"
    if seconds < _DAY:
        return f"{seconds // _HOUR} h {seconds % _HOUR // _MINUTE:02d} m"
    return f"{seconds // _DAY} d {seconds % _DAY // _HOUR:02d} h"


def number(value: float | None) -> str:
    """A count with thousands separators, an en dash for "does not apply", 0 for zero."""
    return NOT_APPLICABLE if value is None else f"{round(value):,}"


def file_size(value: float | None) -> str:
    """A number of bytes in powers of 1000: "912 B", "1.8 MB", "38 MB"."""
    if value is None:
        return NOT_APPLICABLE
    size = float(value)
    units = ["B", "kB", "MB", "GB", "TB"]
    shown = f"{size:.0f}"
    while float(shown) >= _THOUSAND and len(units) > 1:
        units.pop(0)
        size /= _THOUSAND
        shown = f"{size:.1f}".removesuffix(".0") if size < _ONE_DIGIT_UNTIL else f"{size:.0f}"
    return f"{shown} {units[0]}"


def percent(part: float, whole: float) -> str:
    """The share of ``part`` in ``whole``, with one decimal only where the base is 30 or more: "86.7%"."""
    if not whole:
        return NOT_APPLICABLE
    share = 100 * part / whole
    return (f"{share:.1f}" if whole >= _PERCENT_BASE else f"{share:.0f}").removesuffix(".0") + "%"


def width_class(part: float, whole: float) -> str:
    """The class that draws ``part`` of ``whole`` as a bar: "w-0" to "w-100".

    Pages allow no inline style, so widths are whole percents. Something is never drawn as nothing, and an
    unfinished part never as the whole.
    """
    if whole <= 0 or part <= 0:
        return "w-0"
    if part >= whole:
        return "w-100"
    return f"w-{min(99, max(1, round(100 * part / whole)))}"


def as_typed(text: str) -> str:
    """Return what somebody asked for, to be said back in a sentence: short, and without what cannot be printed."""
    clean = text.replace("\0", "�")
    return clean if len(clean) <= MOST_TYPED else f"{clean[:MOST_TYPED]}…"
