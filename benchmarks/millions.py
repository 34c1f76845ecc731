"""An installation with a long history: ten million ended jobs over sixty days, written by one SQL statement.

For measurements of pages, not for workers: jobs have neither attempts nor steps nor log lines, and connections lead
nowhere. Use it so:

    def measure(here: Installation) -> None:
        history = millions.fill(here)            # some minutes, and about 8 GB in the folder of the installation
        url, cookie = here.start_web(), signed_in()
        times = timed(lambda: client.get(...))   # these three are in benchmarks.pages

What is there then: `CONNECTIONS` connections with `ENTITIES` entities between them, named like companies and loading
into one destination. The first `BUSY` connections have all the jobs, most of them the very first ones: `history.busy`
names these. Jobs are spread evenly over the time up to now, in weekly partitions as the product makes them, with
UUIDv7 ids of the moment they were made; 96 % are data syncs, 3 % of all failed, with ten error codes of the registry
(`history.codes`, the most frequent first). `fill(here, jobs=100_000)` makes fewer, for a first try.
"""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING
from uuid import UUID

from benchmarks.installation import Installation, say

if TYPE_CHECKING:
    from connectors.models import Connection

JOBS, DAYS = 10_000_000, 60
CONNECTIONS, ENTITIES, BUSY = 10_000, 100_000, 200
_ROOM_BYTES = 20_000_000_000
_BATCH = 5_000
_WORDS = (
    *("Alder", "Birch", "Brook", "Cedar", "Clay", "Cliff", "Coral", "Crane", "Dale", "Delta", "Elm", "Falcon", "Fern"),
    *("Field", "Flint", "Forest", "Garnet", "Glen", "Harbour", "Hawk", "Hazel", "Heron", "Hill", "Iron", "Juniper"),
    *("Kestrel", "Lake", "Larch", "Linden", "Maple", "Marsh", "Meadow", "Mill", "Moor", "North", "Oak", "Orchard"),
)
_TRADES = ("Foods", "Logistics", "Clinics", "Retail", "Hotels", "Insurance", "Energy", "Steel", "Care", "Systems")
_FORMS = ("GmbH", "AG", "Ltd", "SARL", "BV", "Inc", "SpA", "AB")
CODES = (
    *("invalid_credentials", "provider_unavailable", "connection_timeout", "rate_limited", "unreachable"),
    *("worker_lost", "insufficient_permissions", "destination_unreachable", "bad_record", "tls_error"),
)
# One statement. The inner query draws the dice of each row, the middle one reads them. A code's share falls with its
# place, and so does a connection's: the square of an even draw is small more often than large.
_INSERT = """
INSERT INTO jobs_job (
    id, type, status, trigger, connection_id, entity_id, slot_at, missed_slots, created_at, started_at, ended_at,
    attempt, max_attempts, error_code, error_step, error_detail, rows_extracted, rows_loaded, bytes, tables, worker,
    options
)
SELECT
    (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex((d * 4095)::int), 3, '0')
        || to_hex(8 + (e * 4)::int %% 4) || lpad(to_hex((f * 1152921504606846975)::bigint), 15, '0'))::uuid,
    CASE WHEN a < 0.96 THEN 'data_sync' WHEN a < 0.97 THEN 'historical_resync' WHEN a < 0.99 THEN 'test_connection'
        WHEN a < 0.999 THEN 'discover' ELSE 'purge' END,
    CASE WHEN failed THEN 'failed' WHEN b < 0.034 THEN 'cancelled' ELSE 'success' END,
    CASE WHEN a < 0.96 THEN 'schedule' ELSE 'user' END,
    (%(connections)s::uuid[])[which], (%(entities)s::uuid[])[(which - 1) * %(each)s + 1 + (e * (%(each)s - 1))::int],
    CASE WHEN a < 0.96 THEN date_trunc('minute', at) END, 0, at, at + '1 s', at + '1 s' + '300 s'::interval * f,
    1, 3, CASE WHEN failed THEN (%(codes)s::text[])[1 + floor(%(codes_count)s * d * d)::int] ELSE '' END,
    CASE WHEN failed THEN 'extract' ELSE '' END, CASE WHEN failed THEN 'The source answered 503.' ELSE '' END,
    (f * 40000)::int, CASE WHEN failed THEN 0 ELSE (f * 40000)::int END, (f * 9000000)::int,
    '[{"name": "employees", "mode": "merge", "extracted": 120, "loaded": 120}]', 'sync-1', '{}'
FROM (
    SELECT *, b < 0.03 AS failed, 1 + floor(%(busy)s * c * c)::int AS which
    FROM (
        SELECT %(since)s::timestamptz + %(step)s * number * interval '1 s' AS at,
            random() AS a, random() AS b, random() AS c, random() AS d, random() AS e, random() AS f
        FROM generate_series(0, %(jobs)s - 1) AS number
    ) AS dice OFFSET 0
) AS row
"""


@dataclass(frozen=True, slots=True)
class History:
    """What was made: how many jobs, since when and until when, and of which connections."""

    jobs: int
    since: datetime
    until: datetime
    busy: tuple[Connection, ...]
    codes: tuple[str, ...] = CODES


def fill(here: Installation, *, jobs: int = JOBS, days: int = DAYS) -> History:
    """Write the connections, their entities and so many jobs over the last `days`, and print what it took.

    Raises `OSError` where the disk has too little room.
    """
    if shutil.disk_usage(here.home).free < _ROOM_BYTES:
        message = f"{here.home} needs {_ROOM_BYTES // 10**9} GB of room for ten million jobs."
        raise OSError(message)
    until = datetime.now(UTC)
    since = until - timedelta(days=days)
    began = time.monotonic()
    with _index_made_after():
        busy, entities = _write_names(since)
    say(f"{CONNECTIONS:,} connections and {ENTITIES:,} entities, in {time.monotonic() - began:.0f} s")
    began = time.monotonic()
    _write_jobs([one.pk for one in busy], entities, jobs=jobs, since=since, until=until)
    say(f"{jobs:,} jobs over {days} days, in {time.monotonic() - began:.0f} s and {_bytes() / 1e9:.1f} GB")
    return History(jobs, since, until, tuple(busy))


@contextmanager
def _index_made_after() -> Iterator[None]:
    """Take the index of parts of names away for a while: made at once it takes a tenth of the time."""
    from django.db import connection  # noqa: PLC0415 - Django is set up late

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_indexdef('name_by_part'::regclass)")
        (definition,) = cursor.fetchone()
        cursor.execute("DROP INDEX name_by_part")
        yield
        cursor.execute(definition)


def _write_names(since: datetime) -> tuple[list[Connection], list[UUID]]:
    """Write all connections and entities; return the busy connections, and their entities in the same order."""
    from connectors.models import Connection, Destination, Entity, Status  # noqa: PLC0415 - Django is set up late

    active = {"status": Status.ACTIVE, "status_reason": "ok"}
    warehouse = Destination.objects.create(name="Warehouse of all", kind="postgres")
    names = _names()
    moment = since - timedelta(days=400)
    connections = [
        Connection(
            pk=_id_at(moment + timedelta(minutes=number)), name=next(names), provider="sandbox_payroll",
            destination=warehouse, dataset=f"set_{number}", **active,
        )
        for number in range(CONNECTIONS)
    ]  # fmt: skip
    Connection.objects.bulk_create(connections, batch_size=_BATCH)
    each = ENTITIES // CONNECTIONS
    entities = (
        Entity(
            pk=_id_at(moment + timedelta(minutes=place, milliseconds=number)), connection=connection, name=next(names),
            ref=f"co_{place:05}_{number}_{secrets.token_hex(4)}", dataset=f"set_{place}__{number}", **active,
        )
        for place, connection in enumerate(connections)
        for number in range(each)
    )  # fmt: skip
    first: list[UUID] = []
    while batch := list(islice(entities, _BATCH)):
        Entity.objects.bulk_create(batch)
        first += [one.pk for one in batch]
    return connections[:BUSY], first[: BUSY * each]


def _names() -> Iterator[str]:
    """Give names of companies, all different: "Alder Birch Foods GmbH", and in the end with a number."""
    number = 0
    while True:
        number += 1
        for form in _FORMS:
            for trade in _TRADES:
                for place, word in enumerate(_WORDS):
                    partner = _WORDS[(place * 7 + number) % len(_WORDS)]
                    yield f"{word} {partner} {trade} {form}{f' {number}' if number > 1 else ''}"


def _id_at(moment: datetime) -> UUID:
    from connectors.ids import first_id_at  # noqa: PLC0415 - as the models are

    return UUID(int=first_id_at(moment).int | secrets.randbits(62))


def _write_jobs(busy: list[UUID], entities: list[UUID], *, jobs: int, since: datetime, until: datetime) -> None:
    """Write the jobs, without the look at each foreign key that would take longer than the rows themselves."""
    from django.db import connection, transaction  # noqa: PLC0415 - Django is set up late

    from jobs.partitions import WEEK, create_week, week_of  # noqa: PLC0415 - likewise

    with connection.cursor() as cursor:
        week = week_of(since)
        while week <= until:
            create_week(cursor, week)
            week += WEEK
        with transaction.atomic():
            cursor.execute("SET LOCAL statement_timeout = 0")
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(
                _INSERT,
                {
                    "connections": busy,
                    "entities": entities,
                    "each": len(entities) // len(busy),
                    "busy": len(busy),
                    "codes": list(CODES),
                    "codes_count": len(CODES),
                    "since": since,
                    "step": (until - since).total_seconds() / jobs,
                    "jobs": jobs,
                },
            )
        cursor.execute("SET statement_timeout = 0")
        # As autovacuum would have done by and by.
        cursor.execute("VACUUM ANALYZE jobs_job, connectors_connection, connectors_entity, connectors_name")
        cursor.execute("SET statement_timeout = 30000")


def _bytes() -> int:
    from django.db import connection  # noqa: PLC0415 - Django is set up late

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return int(cursor.fetchone()[0])
