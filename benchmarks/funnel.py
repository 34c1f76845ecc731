"""The funnel and the list of sessions with a million sessions of half a year: time to the first byte."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import requests

from benchmarks import session_millions
from benchmarks.installation import Installation, say
from benchmarks.pages import say_times, signed_in

_WARM, _ASKS = 3, 20
_PAGES = (
    *("funnel/?period=7d", "funnel/", "funnel/?period=90d", "funnel/?period=90d&provider=postgres"),
    *("funnel/?period=90d&kind=reconnect", "funnel/?period=90d&type=automated", "funnel.csv?period=90d"),
    *("", "?period=90d", "?period=90d&left=authentication&provider=postgres", "?period=90d&finding=help_opened"),
)


def measure(here: Installation) -> None:
    """Print what a funnel costs without sums, what these cost, and how long each page takes to its first byte."""
    session_millions.fill(here)
    _directly()
    _add_up()
    url, cookie = here.start_web(), signed_in()
    with requests.Session() as client:
        client.headers["Cookie"] = "=".join(cookie)
        for page in _PAGES:
            say_times(f"/sessions/{page}", _asked(client, f"{url}/sessions/{page}"))
        _touch()
        say("after sessions of four days changed, which are read from the sessions now")
        for page in _PAGES[:3]:
            say_times(f"/sessions/{page}", _asked(client, f"{url}/sessions/{page}"))


def _asked(client: requests.Session, address: str) -> list[float]:
    """Return after how many milliseconds the first byte of each of some answers came."""
    times = []
    for number in range(_WARM + _ASKS):
        with client.get(address, stream=True, timeout=120) as answer:
            answer.raise_for_status()
            if number >= _WARM:
                times.append(answer.elapsed.total_seconds() * 1000)
            # The rest is read, so that the line serves the next one.
            assert answer.content  # noqa: S101 - a page without a byte would be no measurement
    return times


def _directly() -> None:
    from dashboard.forms.session_criteria import period_start  # noqa: PLC0415 - Django is set up late
    from sessions_log.funnel import Scope, read_funnel  # noqa: PLC0415 - likewise

    now = datetime.now(UTC)
    for period in ("7d", "30d", "90d"):
        since = period_start(period, now)
        if since is not None:
            began = time.monotonic()
            read_funnel(Scope(since), now)
            say(f"  {period} from the sessions themselves: {time.monotonic() - began:.1f} s")


def _add_up() -> None:
    from django.db import connection  # noqa: PLC0415 - Django is set up late

    from sessions_log.funnel.days import MARGIN  # noqa: PLC0415 - likewise
    from sessions_log.services.rollup import rollup  # noqa: PLC0415 - likewise

    began, days, runs = time.monotonic(), 0, 0
    while built := rollup():
        days, runs = days + built, runs + 1
    say(f"  {days} days added up in {time.monotonic() - began:.0f} s, in {runs} runs")
    _touch()
    began = time.monotonic()
    built = rollup()
    say(f"  {built} days that changed added up again in {time.monotonic() - began:.1f} s")
    # What was touched counts as new for some seconds more.
    time.sleep(MARGIN.total_seconds())
    rollup()
    with connection.cursor() as cursor:
        for name in ("session", "sessiontally", "findingtally", "timetally"):
            cursor.execute(f"VACUUM ANALYZE sessions_log_{name}")
            cursor.execute(f"SELECT count(*), pg_total_relation_size('sessions_log_{name}') FROM sessions_log_{name}")
            rows, size = cursor.fetchone()
            say(f"  {name}: {rows:,} rows, {size / 1e6:.0f} MB")


def _touch() -> None:
    """Let a session of today and of three days before it change."""
    from sessions_log.models import Session  # noqa: PLC0415 - Django is set up late

    now = datetime.now(UTC)
    for days in (0.0, 1.0, 2.0, 3.0):
        pk = Session.objects.made(now - timedelta(days=days, hours=1)).order_by("pk").values_list("pk", flat=True)[0]
        Session.objects.filter(pk=pk).update(changed_at=now)
