"""The list of all jobs with ten million of them over sixty days, and what its indexes cost on writing."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import requests

from benchmarks import millions
from benchmarks.installation import Installation, say
from benchmarks.pages import say_times, signed_in, timed

_NEW_INDEXES = ("job_by_code", "job_by_type", "job_by_trigger")
_FAILING = 600
_WRITTEN, _ROUNDS = 50_000, 4
# The same rows again, under other ids of the same millisecond.
_COPY = """
INSERT INTO jobs_job (id, {names})
SELECT (left(id::text, 24) || lpad(to_hex((random() * 281474976710655)::bigint), 12, '0'))::uuid, {names}
FROM (SELECT * FROM jobs_job ORDER BY id DESC LIMIT %s) AS newest
"""


def measure(here: Installation) -> None:
    """Print how long the server takes for each kind of page and for its look for news, and what writing costs."""
    history = millions.fill(here)
    _let_some_fail(history)
    url, (name, value) = here.start_web(), signed_in()
    with requests.Session() as client:
        client.headers["Cookie"] = f"{name}={value}"
        for what, query in _questions(history):
            say(f"{what}: /jobs/?{query}")
            address = f"{url}/jobs/?{query}"
            say_times("the page", timed(lambda: client.get(address, timeout=60)))  # noqa: B023 - called at once
            if "older_than" not in query and "at=" not in query:
                news = {"HX-Request": "true"}
                say_times("a look for news", timed(lambda: client.get(address, headers=news, timeout=60)))  # noqa: B023
    _writing()


def _let_some_fail(history: millions.History) -> None:
    """Write the facts of entities that fail, of several codes."""
    from connectors.models import Entity  # noqa: PLC0415 - Django is set up late
    from jobs.models import Job, JobStatus  # noqa: PLC0415 - likewise

    failed = list(Job.objects.filter(status=JobStatus.FAILED).order_by("-pk").values_list("pk", flat=True)[:30])
    runs = [{"id": str(pk), "status": "failed", "ms": 5000} for pk in reversed(failed)]
    whose = list(Entity.objects.order_by("dataset").values_list("pk", flat=True)[:_FAILING])
    for place, code in enumerate(history.codes):
        facts = {"last_error_code": code, "failure_streak": 2, "recent_runs": runs, "last_run_at": history.until}
        Entity.objects.filter(pk__in=whose[place :: len(history.codes)]).update(**facts)


def _questions(history: millions.History) -> Iterator[tuple[str, str]]:
    from connectors.ids import first_id_at  # noqa: PLC0415 - Django is set up late

    busiest, deep = history.busy[0], history.since + timedelta(days=3)
    yield "the newest page", ""
    yield "failed only", "status=failed"
    yield "one error code", f"code={history.codes[0]}"
    yield "the rarest error code", f"code={history.codes[-1]}"
    yield "one connection, the busiest", f"connection={busiest.pk}"
    yield "one connection that never ran", f"connection={_idle(history)}"
    yield "one provider", "provider=sandbox_payroll"
    yield "a provider without jobs", "provider=postgres"
    yield "a rare type", "type=purge"
    yield "a type without jobs", "type=token_refresh"
    yield "two filters that nothing passes", "type=data_sync&trigger=user"
    yield "a deep page by key", f"older_than={first_id_at(deep)}"
    yield "a deep page of failed ones by key", f"status=failed&older_than={first_id_at(deep)}"
    yield "a jump to a time", f"at={deep:%Y-%m-%dT%H:%M}Z"
    yield "seven days", "period=7d"
    yield "sixty days", "period=60d"
    yield "sixty days of failed ones", "period=60d&status=failed"
    yield "sixty days of one connection", f"period=60d&connection={busiest.pk}"


def _idle(history: millions.History) -> str:
    from connectors.models import Connection  # noqa: PLC0415 - Django is set up late

    busy = [one.pk for one in history.busy]
    return str(Connection.objects.exclude(pk__in=busy).order_by("pk").values_list("pk", flat=True)[0])


def _writing() -> None:
    """Print how long so many rows take to be written with our three indexes and without, in turn, and their size."""
    from django.db import connection  # noqa: PLC0415 - Django is set up late

    times: dict[str, list[float]] = {"with": [], "without": []}
    for _ in range(_ROUNDS):
        for kind, spent in times.items():
            spent.append(_written(is_without=kind == "without"))
    for kind, spent in times.items():
        say(f"{_WRITTEN:,} jobs written {kind} the indexes: median {statistics.median(spent):.2f} s, {spent}")
    with connection.cursor() as cursor:
        for name in (*_NEW_INDEXES, "job_by_status", "jobs_job_pkey"):
            cursor.execute(
                "SELECT sum(pg_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = %s::regclass", [name]
            )
            say(f"  {name}: {int(cursor.fetchone()[0]) / 1e6:.0f} MB")


class _UndoneError(Exception):
    """Takes back what was written."""


def _written(*, is_without: bool) -> float:
    from django.db import connection, transaction  # noqa: PLC0415 - Django is set up late

    from jobs.models import Job  # noqa: PLC0415 - likewise

    names = ", ".join(str(field.column) for field in Job._meta.concrete_fields if field.name != "id")  # noqa: SLF001
    spent = 0.0
    with suppress(_UndoneError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SET LOCAL lock_timeout = 0")
        cursor.execute("SET LOCAL session_replication_role = replica")
        for name in _NEW_INDEXES if is_without else ():
            cursor.execute(f"DROP INDEX {name}")
        began = time.monotonic()
        cursor.execute(_COPY.format(names=names), [_WRITTEN])
        spent = round(time.monotonic() - began, 2)
        raise _UndoneError
    return spent
