"""The history checker: what must be true after any fault, one function per invariant of RELIABILITY.md, section 4.

Each returns its violations in words; none means that the invariant holds. They read the tables past our own code.
"""

from __future__ import annotations

import base64
import itertools
import json
import zlib
from collections.abc import Callable, Iterable
from typing import Any

from connectors.models import Connection
from tests.faults.harness import points
from tests.faults.harness.lab import WAREHOUSE, Lab
from tests.jobs.chain import assert_statuses_derived
from tests.sandbox.running import API_KEY

COLLECTIONS = {"employees": "employees", "pay_runs": "pay-runs", "pay_statements": "pay-statements"}
# Seconds that a slot may be past without a job before it counts as missed.
OVERDUE_SECONDS = 10
_LOST_AT_MOST = 3


def one_job_per_slot(lab: Lab) -> list[str]:
    """I1: one job per entity and slot, and no slot that passed without being claimed."""
    twice = lab.rows(
        "SELECT entity_id, slot_at, count(*) FROM jobs_job WHERE slot_at IS NOT NULL GROUP BY 1, 2 HAVING count(*) > 1"
    )
    overdue = lab.rows(
        "SELECT id, next_run_at FROM connectors_entity WHERE is_selected AND next_run_at < now() - %s * interval '1 s'",
        OVERDUE_SECONDS,
    )
    return [f"I1: {count} jobs of entity {entity} for its slot {slot}" for entity, slot, count in twice] + [
        f"I1: nobody claimed the slot {slot} of entity {entity}" for entity, slot in overdue
    ]


def one_running_one_pending(lab: Lab) -> list[str]:
    """I2: at most one running and one pending sync per entity, by the jobs themselves."""
    found = lab.rows(
        "SELECT entity_id, status, count(*) FROM jobs_job WHERE type IN ('data_sync', 'historical_resync') "
        "AND status IN ('running', 'pending') GROUP BY 1, 2 HAVING count(*) > 1"
    )
    return [f"I2: entity {entity} has {count} {status} syncs" for entity, status, count in found]


def loads_never_overlap(lab: Lab) -> list[str]:
    """I3: no two processes load the same entity at once, by the ledger that each writes.

    A process that died in its load wrote no end; its load ended with it, so only what began before is compared.
    """
    ledger = lab.points / points.LEDGER
    lines = ledger.read_text(encoding="ascii").splitlines() if ledger.exists() else []
    open_loads: dict[tuple[str, str], float] = {}
    loads: dict[str, list[tuple[float, float, str]]] = {}
    for line in lines:
        at, pid, what, pipeline = line.split()
        if what == "begin":
            open_loads[pipeline, pid] = float(at)
        elif (pipeline, pid) in open_loads:
            loads.setdefault(pipeline, []).append((open_loads.pop((pipeline, pid)), float(at), pid))
    for (pipeline, pid), began in open_loads.items():
        loads.setdefault(pipeline, []).append((began, began, pid))
    return [
        f"I3: processes {first[2]} and {second[2]} loaded {pipeline} at the same time"
        for pipeline, spans in loads.items()
        for first, second in itertools.pairwise(sorted(spans))
        if second[0] < first[1]
    ]


def each_job_ends_once(lab: Lab) -> list[str]:
    """I4: a live job has its lease and an ended one has none; attempts are closed with their jobs."""
    states = lab.rows(
        "SELECT j.id, j.status, l.state FROM jobs_job j FULL JOIN jobs_lease l ON l.job_id = j.id "
        "WHERE coalesce(l.state, 'none') <> CASE WHEN j.status IN ('pending', 'running') THEN j.status ELSE 'none' END"
    )
    attempts = lab.rows(
        "SELECT j.id, j.status, count(*) FILTER (WHERE a.ended_at IS NULL) AS still_open FROM jobs_job j "
        "LEFT JOIN jobs_attempt a ON a.job_id = j.id GROUP BY j.id, j.status "
        "HAVING count(*) FILTER (WHERE a.number IS NOT NULL AND a.ended_at IS NULL) <> (j.status = 'running')::int"
    )
    return [f"I4: job {job} is {status} and its lease {state}" for job, status, state in states] + [
        f"I4: job {job} is {status} with {count} open attempts" for job, status, count in attempts
    ]


def rows_arrived(lab: Lab, connections: Iterable[Connection]) -> list[str]:
    """I5: each entity that synced has at the destination exactly the rows of its source, each once."""
    wrong = []
    for entity in _synced(connections):
        for table, collection in COLLECTIONS.items():
            expected = sorted(
                row["id"] for row in lab.sandbox.rows(f"/v1/companies/{entity.ref}/{collection}", limit=500)
            )
            query = f'SELECT id FROM "{entity.dataset}"."{table}" ORDER BY id COLLATE "C"'
            found = [row[0] for row in lab.rows(query, database=WAREHOUSE)]
            if found != expected:
                lost, extra = len(set(expected) - set(found)), len(found) - len(set(found) & set(expected))
                wrong.append(f"I5: {entity.dataset}.{table} lacks {lost} rows and has {extra} too many")
    return wrong


def cursor_follows_data(lab: Lab, connections: Iterable[Connection]) -> list[str]:
    """I6: no stored cursor is later than the newest row that arrived."""
    ahead = []
    for entity in _synced(connections):
        for table, cursor in _cursors(lab, entity.dataset).items():
            newest = lab.value(f'SELECT max(updated_at) FROM "{entity.dataset}"."{table}"', database=WAREHOUSE)
            stored = lab.value("SELECT %s::timestamptz", cursor)
            if newest is None or stored > newest:
                ahead.append(f"I6: the cursor of {entity.dataset}.{table} is {stored}, its newest row {newest}")
    return ahead


def statuses_derived(connections: Iterable[Connection]) -> list[str]:
    """I7: every stored status is what the one function makes of the stored facts."""
    wrong = []
    for connection in connections:
        try:
            assert_statuses_derived(connection)
        except AssertionError:
            wrong.append(f"I7: the statuses stored of {connection.name} are not what its facts say")
    return wrong


def attempts_follow_policy(lab: Lab) -> list[str]:
    """I8: attempts are numbered without a gap, and no job lost more workers than quarantine allows."""
    gaps = lab.rows(
        "SELECT j.id, j.attempt, count(a.number), max(a.number) FROM jobs_job j LEFT JOIN jobs_attempt a "
        "ON a.job_id = j.id GROUP BY j.id, j.attempt "
        "HAVING count(a.number) <> j.attempt OR coalesce(max(a.number), 0) <> j.attempt"
    )
    lost = lab.rows(
        "SELECT job_id, count(*) FROM jobs_attempt WHERE error_code = 'worker_lost' GROUP BY 1 HAVING count(*) > %s",
        _LOST_AT_MOST,
    )
    return [f"I8: job {job} says {said} attempts and has {count}, up to {last}" for job, said, count, last in gaps] + [
        f"I8: job {job} lost {count} workers and was tried again" for job, count in lost
    ]


def no_secret_leaks(lab: Lab, connections: Iterable[Connection]) -> list[str]:
    """I9: no secret in a log, in a column that people read, in the broker or in a folder of an attempt."""
    secrets = {API_KEY, lab.postgres.server.password, *_secrets(connections)}
    texts = {str(path.relative_to(lab.home)): path.read_bytes() for path in _files(lab)}
    for query in (
        "SELECT message FROM jobs_logline",
        "SELECT error_detail || detail::text FROM (SELECT error_detail, tables AS detail FROM jobs_job) j",
        "SELECT error_detail FROM jobs_attempt",
        "SELECT progress::text FROM jobs_lease",
    ):
        texts[query] = "\n".join(str(text) for (text,) in lab.rows(query)).encode()
    return [
        f"I9: a secret is in {place}"
        for place, text in texts.items()
        if any(secret.encode() in text for secret in secrets)
    ]


def check(lab: Lab, *connections: Connection) -> list[str]:
    """Return every violation of I1 to I9 in what is stored now, at rest; destinations of `connections` only."""
    return [
        *one_job_per_slot(lab),
        *one_running_one_pending(lab),
        *loads_never_overlap(lab),
        *each_job_ends_once(lab),
        *rows_arrived(lab, connections),
        *cursor_follows_data(lab, connections),
        *statuses_derived(connections),
        *attempts_follow_policy(lab),
        *no_secret_leaks(lab, connections),
    ]


def during(lab: Lab) -> list[str]:
    """Return every violation of what must hold at each moment, in the middle of a fault too: I1 to I4."""
    moments: tuple[Callable[[Lab], list[str]], ...] = (
        one_running_one_pending,
        loads_never_overlap,
        each_job_ends_once,
    )
    return [words for invariant in moments for words in invariant(lab)]


def _synced(connections: Iterable[Connection]) -> list[Any]:
    return [
        entity
        for connection in connections
        for entity in connection.entities.filter(is_selected=True, last_success_at__isnull=False)
    ]


def _cursors(lab: Lab, dataset: str) -> dict[str, str]:
    """Return the cursor of each table in the newest state whose load is recorded, as dlt restores it."""
    state = lab.value(
        f'SELECT s.state FROM "{dataset}"._dlt_pipeline_state s JOIN "{dataset}"._dlt_loads l '
        "ON l.load_id = s._dlt_load_id AND l.status = 0 ORDER BY l.inserted_at DESC LIMIT 1",
        database=WAREHOUSE,
    )
    if state is None:
        return {}
    # A state without a cursor names no source.
    sources = json.loads(zlib.decompress(base64.b64decode(state))).get("sources", {"": {"resources": {}}})
    resources = next(iter(sources.values()))["resources"]
    return {table: stored["cursor"] for table, stored in resources.items() if stored.get("cursor")}


def _secrets(connections: Iterable[Connection]) -> set[str]:
    return {secret for connection in connections for secret in connection.read_credentials().values()}


def _files(lab: Lab) -> list[Any]:
    return [*lab.logs.glob("*.log"), lab.home / "redis.log", *(lab.home / "work").rglob("*.jsonl")]
