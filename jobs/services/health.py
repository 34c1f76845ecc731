"""Is Patchbay itself well: what the System page shows, each part in a fixed number of queries.

What reads a whole day of jobs is kept for a minute, so that a page that polls every five seconds costs little; the
rest is small tables. A part that is away is told and never raises: the page is needed most when something is away.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import redis
from celery import current_app
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.db import connection as database
from django.db.models import Count, Min, Q
from kombu.exceptions import KombuError, OperationalError

from connectors import secrets
from connectors.ids import first_id_at
from jobs.models import Job, JobType, Lease, LeaseState, Pulse, Queue, Worker

DAY, HOUR = timedelta(hours=24), timedelta(hours=1)
# The chart has a point for each quarter of an hour.
POINT = timedelta(minutes=15)
# Jobs started within this time make the number per minute.
RATE_OVER = timedelta(minutes=5)
# A worker that has been silent for so long is no news any more.
WORKERS_SINCE = timedelta(days=1)
_KEPT_SECONDS = 60
# Seconds. The broker answers within milliseconds or is away; a page does not wait for it.
_REDIS_PATIENCE = 0.5
_BULK_TYPES = (JobType.HISTORICAL_RESYNC, JobType.PURGE)
_SYNC_TYPES = (JobType.DATA_SYNC,)


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """One queue. `oldest_at` is since when its longest waiting job could start; rates are jobs per minute."""

    name: str
    waiting: int = 0
    running: int = 0
    oldest_at: datetime | None = None
    started_per_minute: float = 0.0


@dataclass(frozen=True, slots=True)
class StartPoint:
    """From slot to start of the jobs that started in one quarter of an hour, in seconds."""

    at: datetime
    median: float
    p95: float
    jobs: int


@dataclass(frozen=True, slots=True)
class DayFacts:
    """What a day of jobs says; at most a minute old. `old_keys` counts credentials that an older key sealed."""

    points: tuple[StartPoint, ...]
    p95_hour: float | None
    taken_over: int
    last_lost_at: datetime | None
    old_keys: int
    unknown_keys: int


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """The database. The oldest open transaction in seconds, the time of one small query in milliseconds."""

    version: str
    connections: int
    most_connections: int
    oldest_seconds: float
    took_ms: float


@dataclass(frozen=True, slots=True)
class RedisFacts:
    """The broker; `error` says why nothing else is known."""

    error: str = ""
    version: str = ""
    memory: int = 0
    most_memory: int = 0
    evicted: int = 0
    took_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class DiskFacts:
    """The file system of the working files, in bytes; None where this machine has no such folder."""

    total: int
    free: int

    @property
    def share(self) -> float:
        """How full it is, from 0 to 1."""
        return 1 - self.free / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class Health:
    """All of it, at the moment `now`."""

    now: datetime
    workers: Sequence[Worker]
    queues: Sequence[QueueFacts]
    pulses: Mapping[str, Pulse]
    day: DayFacts
    database: DatabaseFacts
    redis: RedisFacts
    disk: DiskFacts | None
    keys: int = field(default=0)


def health_at(now: datetime) -> Health:
    """Read everything: eight queries, four of them at most once a minute, and one question to Redis."""
    return Health(
        now=now,
        workers=list(Worker.objects.filter(seen_at__gte=now - WORKERS_SINCE).order_by("queue", "name", "identity")),
        queues=queue_facts(now),
        pulses={pulse.name: pulse for pulse in Pulse.objects.all()},
        day=_day_kept(now),
        database=database_facts(),
        redis=redis_facts(),
        disk=disk_facts(Path(settings.PATCHBAY_HOME)),
        keys=len(settings.PATCHBAY_ENCRYPTION_KEYS),
    )


def queue_facts(now: datetime) -> list[QueueFacts]:
    """Return each queue with what waits, runs and was started, in two queries."""
    ready = Q(state=LeaseState.PENDING, available_at__lte=now)
    counted = Lease.objects.order_by().values_list("queue")
    live = {
        queue: (waiting, running, oldest)
        for queue, waiting, running, oldest in counted.annotate(
            waits=Count("pk", filter=Q(state=LeaseState.PENDING)),
            runs=Count("pk", filter=Q(state=LeaseState.RUNNING)),
            oldest=Min("available_at", filter=ready),
        )
    }
    rates = _started(now)
    return [
        QueueFacts(queue.value, *live.get(queue.value, (0, 0, None)), started_per_minute=rates.get(queue, 0.0))
        for queue in Queue
    ]


def _started(now: datetime) -> dict[Queue, float]:
    """Return the jobs started per minute by queue, of those made within the last hour."""
    recent = Job.objects.filter(pk__gte=first_id_at(now - HOUR), started_at__gte=now - RATE_OVER)
    rates: dict[Queue, float] = {}
    for kind, count in recent.order_by().values_list("type").annotate(Count("pk")):
        queue = Queue.SYNC if kind in _SYNC_TYPES else Queue.BULK if kind in _BULK_TYPES else Queue.INTERACTIVE
        rates[queue] = rates.get(queue, 0.0) + count / (RATE_OVER / timedelta(minutes=1))
    return rates


def _day_kept(now: datetime) -> DayFacts:
    """Return the facts of a day, read anew once a minute in each process."""
    kept: DayFacts | None = cache.get("health.day")
    if kept is None:
        kept = day_facts(now)
        cache.set("health.day", kept, _KEPT_SECONDS)
    return kept


_LATENCY = """
SELECT {bucket}, percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY extract(epoch FROM started_at - slot_at)),
       count(*)
FROM jobs_job
WHERE id >= %(first)s AND slot_at IS NOT NULL AND started_at >= %(since)s
GROUP BY 1 ORDER BY 1
"""
_LATENCY_BY_POINT = _LATENCY.format(bucket="date_bin(%(point)s, started_at, %(origin)s)")
_LATENCY_OF_ALL = _LATENCY.format(bucket="1")
_LOST = """
SELECT count(*), max(ended_at) FROM jobs_attempt WHERE job_id >= %(first)s AND error_code = 'worker_lost'
"""
# Stored bytes: version, four bytes of key id, nonce, ciphertext (see `connectors.secrets`).
_KEYS = """
SELECT count(*) FILTER (WHERE key <> %(newest)s), count(*) FILTER (WHERE key <> ALL(%(known)s)) FROM (
  SELECT substring(credentials FROM 2 FOR 4) AS key FROM connectors_connection WHERE length(credentials) > 0
  UNION ALL
  SELECT substring(credentials FROM 2 FOR 4) FROM connectors_destination WHERE length(credentials) > 0) sealed
"""


def day_facts(now: datetime) -> DayFacts:
    """Return what the jobs of the last 24 hours and the sealed credentials say, in four queries."""
    origin = datetime(2000, 1, 1, tzinfo=UTC)
    values: dict[str, Any] = {"point": POINT, "origin": origin, "first": first_id_at(now - DAY), "since": now - DAY}
    with database.cursor() as cursor:
        cursor.execute(_LATENCY_BY_POINT, values)
        points = tuple(StartPoint(at, middle, high, jobs) for at, (middle, high), jobs in cursor.fetchall())
        cursor.execute(_LATENCY_OF_ALL, {**values, "first": first_id_at(now - HOUR), "since": now - HOUR})
        hour = cursor.fetchone()
        cursor.execute(_LOST, values)
        lost, last_lost_at = cursor.fetchone()
        old, unknown = _old_keys(cursor)
    return DayFacts(points, hour[1][1] if hour else None, lost, last_lost_at, old, unknown)


def _old_keys(cursor: Any) -> tuple[int, int]:
    """Count the credentials that another key than the newest sealed, and those that no key of the ring opens."""
    try:
        known = secrets.key_ids()
    except ImproperlyConfigured:
        return 0, 0
    cursor.execute(_KEYS, {"newest": known[0], "known": list(known)})
    return cast("tuple[int, int]", cursor.fetchone())


def database_facts() -> DatabaseFacts:
    """Ask the database about itself, in one query."""
    began = time.perf_counter()
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('server_version'), count(*) FILTER (WHERE backend_type = 'client backend'), "
            "current_setting('max_connections')::int, "
            "coalesce(extract(epoch FROM max(now() - xact_start) FILTER "
            "(WHERE backend_type = 'client backend' AND pid <> pg_backend_pid())), 0)::float FROM pg_stat_activity"
        )
        version, connections, most, oldest = cursor.fetchone()
    took_ms = (time.perf_counter() - began) * 1000
    return DatabaseFacts(str(version).split()[0], connections, most, max(0.0, oldest), took_ms)


def redis_facts() -> RedisFacts:
    """Ask the broker about itself; one that does not answer in half a second is told as away."""
    options = {
        **settings.CELERY_BROKER_TRANSPORT_OPTIONS,
        "socket_timeout": _REDIS_PATIENCE,
        "socket_connect_timeout": _REDIS_PATIENCE,
        "max_retries": 0,
    }
    began = time.perf_counter()
    try:
        with current_app.connection_for_read(transport_options=options) as broker:
            channel: Any = broker.default_channel
            began = time.perf_counter()
            known = channel.client.info()
    except (OperationalError, KombuError, redis.RedisError, OSError) as error:
        return RedisFacts(error=_in_words(error))
    return RedisFacts(
        version=str(known.get("redis_version", "")),
        memory=int(known.get("used_memory", 0)),
        most_memory=int(known.get("maxmemory", 0)),
        evicted=int(known.get("evicted_keys", 0)),
        took_ms=(time.perf_counter() - began) * 1000,
    )


def _in_words(error: BaseException) -> str:
    """Say why the broker is away; the transport wraps what happened into errors of its own."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, (TimeoutError, redis.TimeoutError)):
            return f"It did not answer within {_REDIS_PATIENCE:g} s"
        cause = cause.__cause__ or cause.__context__
    return "It cannot be reached"


def disk_facts(folder: Path) -> DiskFacts | None:
    """Return how full the file system of the working files is, None where there is no such folder."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None
    return DiskFacts(usage.total, usage.free)
