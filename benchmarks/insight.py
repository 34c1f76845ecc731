"""The Insight page of a connection with 100,000 jobs in sixty days, among the jobs of 199 others."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import requests

from benchmarks import millions
from benchmarks.installation import Installation, say
from benchmarks.pages import say_times, signed_in, timed

if TYPE_CHECKING:
    from jobs.insight import Scope

# The busiest connection has one in fourteen of them.
JOBS = 1_420_000
_PERIODS = ("24h", "7d", "28d", "60d")
_TIMES = 10


def measure(here: Installation) -> None:
    """Print what trends, facts and pages take: of the busiest connection, of one of its entities, of a quiet one."""
    history = millions.fill(here, jobs=JOBS)
    url, cookie = here.start_web(), signed_in()
    from jobs.insight import Scope  # noqa: PLC0415 - Django is set up late
    from jobs.models import Job  # noqa: PLC0415 - likewise

    busy, quiet = history.busy[0], history.busy[-1]
    entity = Job.objects.filter(connection=busy, entity__isnull=False).values_list("entity", flat=True)[0]
    whose = {"the busiest connection": Scope(busy.pk), "one of its entities": Scope(busy.pk, entity)}
    for what, scope in {**whose, "a quiet connection": Scope(quiet.pk)}.items():
        count = Job.objects.filter(**{scope.column: scope.key}).count()
        say(f"{what}, {count:,} jobs in {millions.DAYS} days")
        _of_database(scope)
        _of_server(url, cookie, scope)


def _of_database(scope: Scope) -> None:
    from dashboard.pages.insight import PIECES  # noqa: PLC0415 - Django is set up late
    from jobs.insight import Period, history_facts, read_trend  # noqa: PLC0415 - likewise

    now = datetime.now(UTC)
    for period in _PERIODS:
        span = Period(now, UTC, *PIECES[period])
        say_times(f"trend of {period}", _repeat(partial(read_trend, scope, span, by_entity=True)))

    say_times("facts of hints", _repeat(partial(history_facts, scope, now, UTC)))


def _repeat(work: Callable[[], object]) -> list[float]:
    """Return how many milliseconds each of some calls took that found nothing kept."""
    from django.core.cache import cache  # noqa: PLC0415 - Django is set up late

    times = []
    for _ in range(_TIMES):
        cache.clear()
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1000)
    return times


def _of_server(url: str, cookie: tuple[str, str], scope: Scope) -> None:
    page = f"{url}/connections/{scope.connection}/insight/"
    query = f"&entity={scope.entity}" if scope.entity else ""
    with requests.Session() as client:
        client.headers["Cookie"] = "=".join(cookie)
        for period in _PERIODS:
            address = f"{page}?period={period}{query}"
            began = time.perf_counter()
            sent = len(client.get(address).content)
            took_ms = 1000 * (time.perf_counter() - began)
            say(f"  the page of {period}, {sent:,} bytes, for the first time: {took_ms:.0f} ms")
            say_times(f"the page of {period} again", timed(partial(client.get, address)))
        say_times("a look for news", timed(partial(client.get, page, headers={"HX-Request": "true"})))
        say_times("the overview", timed(partial(client.get, f"{url}/connections/{scope.connection}/")))
