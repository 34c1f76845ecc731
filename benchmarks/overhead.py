"""A sync that finds no change, of a table with ten rows: where its milliseconds go, how many a minute, beside dlt.

Beside it a script with dlt's own SQL source does the same from the command line, a new process each time: the cursor
is restored from the destination, the source is asked for newer rows, an empty load is recorded.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import psycopg

from benchmarks.installation import ROOT, SPANS, Installation, say, wait_until
from benchmarks.spans import DLT, TOTAL

if TYPE_CHECKING:
    from connectors.models import Connection
    from jobs.models import Job

SOURCE, WAREHOUSE = "source", "warehouse"
CONNECTIONS = 12
ONE_BY_ONE = 60
WINDOW_SECONDS = 40.0
_SYNC_SECONDS = 30.0
_TABLE = """
    CREATE TABLE items (id int PRIMARY KEY, name text NOT NULL, updated_at timestamptz NOT NULL);
    INSERT INTO items SELECT n, 'Item ' || n, now() - interval '1 day' FROM generate_series(1, 10) n;
"""
_SCRIPT = """
import sys
import dlt
from dlt.sources.sql_database import sql_table

source, destination, folder, name = sys.argv[1:]
table = sql_table(source, table="items", incremental=dlt.sources.incremental("updated_at"))
table.apply_hints(write_disposition="merge", primary_key="id")
pipeline = dlt.pipeline(
    name, pipelines_dir=folder, destination=dlt.destinations.postgres(destination), dataset_name=name
)
pipeline.run(table)
"""


def measure(here: Installation) -> None:
    """Print where the milliseconds of a sync go, and how many two workers do in a minute, beside dlt."""
    _make_databases(here)
    connections = [_connect(here, number) for number in range(CONNECTIONS)]
    file = here.home / "spans.jsonl"
    here.start_workers(**{SPANS: str(file)})
    _sync_all(connections)
    _sync_all(connections)
    file.write_text("", encoding="ascii")
    for number in range(ONE_BY_ONE):
        _sync_all([connections[number % CONNECTIONS]])
    _tell_parts([json.loads(line) for line in file.read_text(encoding="ascii").splitlines()])
    ours = _per_minute(connections)
    here.stop_workers()
    cold, theirs = _dlt_alone(here)
    say()
    say(f"Syncs in a minute, two at a time: {ours:.0f} with warm workers, {theirs:.0f} with dlt from the command line")
    say(f"({cold * 1000:.0f} ms each, alone): {ours / theirs:.1f} times as many.")


def _make_databases(here: Installation) -> None:
    for name in (SOURCE, WAREHOUSE):
        here.server.create_database(name)
    with psycopg.connect(here.server.url(SOURCE), autocommit=True) as source:
        source.execute(_TABLE)


def _connect(here: Installation, number: int) -> Connection:
    from connectors.models import Connection, Destination, ScheduleKind, Table  # noqa: PLC0415 - Django is set up late
    from connectors.services import connect  # noqa: PLC0415 - likewise

    config = {"host": "127.0.0.1", "port": here.server.port, "user": "patchbay", "sslmode": "disable"}
    secret = {"password": here.server.password}
    destination = Destination.objects.filter(name=WAREHOUSE).first() or connect.create_destination(
        name=WAREHOUSE, kind="postgres", config={**config, "database": WAREHOUSE}, credentials=secret
    )
    connection = connect.create_connection(
        name=f"Items {number}",
        provider="postgres",
        config={**config, "database": SOURCE, "schema": "public"},
        destination=destination,
        interval_seconds=86400,
    )
    connect.set_credentials(connection=connection, credentials=secret)
    connect.check_and_discover(connection=connection)
    Connection.objects.filter(pk=connection.pk).update(schedule_kind=ScheduleKind.MANUAL, next_run_at=None)
    connection.entities.update(next_run_at=None)
    Table.objects.filter(connection=connection).update(mode="merge", cursor="updated_at", keys=["id"])
    return connection


def _start(connection: Connection) -> Job:
    from jobs.services.enqueue import enqueue_sync  # noqa: PLC0415 - Django is set up late

    return enqueue_sync(connection=connection, actor=None)[0]


def _sync_all(connections: list[Connection]) -> None:
    """Sync each once; raise `RuntimeError` when one does not succeed."""
    from jobs.models import Job, Lease  # noqa: PLC0415 - Django is set up late

    made = [_start(connection).pk for connection in connections]
    wait_until(lambda: not Lease.objects.exists(), seconds=_SYNC_SECONDS, what="all syncs are over")
    if failed := Job.objects.filter(pk__in=made).exclude(status="success").values_list("error_detail", flat=True):
        raise RuntimeError("; ".join(failed))


def _tell_parts(jobs: list[dict[str, float]]) -> None:
    names = sorted({name for job in jobs for name in job} - {TOTAL}, key=lambda name: (name in DLT, name))
    parts = {name: median(job.get(name, 0.0) for job in jobs) * 1000 for name in names}
    total = median(job[TOTAL] for job in jobs) * 1000
    of_dlt = median(sum(job.get(name, 0.0) for name in DLT) for job in jobs) * 1000
    ours = median(job[TOTAL] - sum(job.get(name, 0.0) for name in DLT) for job in jobs) * 1000
    say(f"A sync without changes, one at a time in a warm worker, median of {len(jobs)}: {total:.0f} ms")
    for name, took in parts.items():
        say(f"  {name:<36}{took:7.1f} ms")
    say(f"  {'dlt itself':<36}{of_dlt:7.1f} ms")
    say(f"  {'ours, everything else':<36}{ours:7.1f} ms")


def _per_minute(connections: list[Connection]) -> float:
    """Keep every connection syncing for a while, and return how many syncs end in a minute."""
    from jobs.models import Job, Lease  # noqa: PLC0415 - Django is set up late

    before, began = Job.objects.successes().count(), time.monotonic()
    while time.monotonic() - began < WINDOW_SECONDS:
        live = set(Lease.objects.values_list("connection_id", flat=True))
        for connection in connections:
            if connection.pk not in live:
                _start(connection)
        time.sleep(0.2)
    done = Job.objects.successes().count() - before
    rate = done / (time.monotonic() - began) * 60
    wait_until(lambda: not Lease.objects.exists(), seconds=_SYNC_SECONDS, what="all syncs are over")
    return rate


def _dlt_alone(here: Installation) -> tuple[float, float]:
    """Return the median seconds of one run from the command line, and how many a minute two at a time do."""
    script = here.home / "alone.py"
    script.write_text(_SCRIPT, encoding="ascii")
    for name in ("alone_0", "alone_1"):
        _run(here, script, name).wait()
    alone = []
    for _ in range(5):
        began = time.monotonic()
        if _run(here, script, "alone_0").wait() != 0:
            raise RuntimeError((here.home / "alone.log").read_text(encoding="utf-8"))
        alone.append(time.monotonic() - began)
    began, done = time.monotonic(), 0
    running: dict[str, subprocess.Popen[bytes]] = {}
    while time.monotonic() - began < WINDOW_SECONDS:
        for name in ("alone_0", "alone_1"):
            if name not in running or running[name].poll() is not None:
                done += name in running
                running[name] = _run(here, script, name)
        time.sleep(0.01)
    rate = done / (time.monotonic() - began) * 60
    for process in running.values():
        process.wait()
    return median(alone), rate


def _run(here: Installation, script: Path, name: str) -> subprocess.Popen[bytes]:
    words = [here.server.url(SOURCE), here.server.url(WAREHOUSE), str(here.home / name), name]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(here.home), "RUNTIME__DLTHUB_TELEMETRY": "false"}
    with (here.home / "alone.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, str(script), *words], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
