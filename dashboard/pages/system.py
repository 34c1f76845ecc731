"""The System page: is Patchbay itself well? Every figure out of `jobs.services.health`, ready to print."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from django.urls import reverse

from dashboard.formatting import NOT_APPLICABLE, clock_time, duration, elapsed_time, number, width_class
from dashboard.pages.system_chart import LIMIT_SECONDS, StartChart, start_chart
from dashboard.pages.system_parts import Finding, Part, findings_of, parts_of
from dashboard.pages.system_versions import VersionLine, versions_of
from jobs.models import Queue, Worker
from jobs.services.health import Health, QueueFacts, health_at
from jobs.services.watchdog import Overdue, Vitals, overdue, vitals
from jobs.services.why import WORKER_ALIVE, situation_at
from jobs.services.workers import short_name

POLL_SECONDS = 5
_PURPOSES = {
    Queue.INTERACTIVE: "tests, discovery",
    Queue.SYNC: "scheduled and manual syncs",
    Queue.BULK: "historical re-syncs, purges",
    Queue.SYSTEM: "tick, reap, retention",
}


@dataclass(frozen=True, slots=True)
class Kpi:
    """One key figure with the line under it."""

    name: str
    value: str
    note: str


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One queue. `busy` is empty where slots are not counted, as for the system's own tasks."""

    name: str
    purpose: str
    status: str
    word: str
    workers: int
    busy: str
    slots: int
    bar: str
    waiting: str
    oldest: str
    has_oldest: bool
    rate: str


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """One worker for one queue; of those that fell silent, the ones of the last day."""

    name: str
    process: str
    queue: str
    status: str
    word: str
    slots: int
    version: str
    started_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class OverdueRow:
    """A schedule whose time passed, with where to look."""

    id: str
    name: str
    url: str
    slot_at: datetime
    late: str
    why: str
    action: str
    action_url: str


@dataclass(frozen=True, slots=True)
class SystemPage:
    """Everything that the templates print; `line` is the status and the words of every page's frame."""

    line: tuple[str, str]
    status: str
    word: str
    findings: tuple[Finding, ...]
    kpis: tuple[Kpi, ...]
    chart: StartChart | None
    queues: tuple[QueueRow, ...]
    workers: str
    worker_rows: tuple[WorkerRow, ...]
    overdue: tuple[OverdueRow, ...]
    overdue_total: int
    parts: tuple[Part, ...]
    versions: tuple[VersionLine, ...]
    support: str


def system_page_at(now: datetime, zone: tzinfo, *, names_workers: bool = False) -> SystemPage:
    """Prepare the page, with each worker if `names_workers`. It takes the same queries whatever there is to show."""
    health, signs = health_at(now), vitals()
    found = findings_of(health, signs, zone)
    parts, versions = parts_of(health, signs, zone), versions_of(health)
    alive = [worker for worker in health.workers if is_alive(worker, now)]
    status, word = headline(found)
    return SystemPage(
        line=health_line(signs),
        status=status,
        word=word,
        findings=found,
        kpis=tuple(_kpis(health, alive, zone)),
        chart=start_chart(health.day.points, now, zone),
        queues=tuple(_queue_row(facts, alive, now) for facts in health.queues),
        workers=_workers(alive),
        worker_rows=tuple(_worker_row(worker, now) for worker in health.workers) if names_workers else (),
        overdue=tuple(_overdue_row(one, now) for one in overdue(situation_at(now))),
        overdue_total=signs.overdue,
        parts=parts,
        versions=versions,
        support=_support(word, found, parts, versions, now, zone),
    )


def headline(found: Sequence[Finding]) -> tuple[str, str]:
    """Return the status of the whole and its words."""
    bad, warnings = (sum(one.status == status for one in found) for status in ("broken", "warning"))
    if bad:
        return "broken", "Not working" if bad == 1 else f"Not working, {bad} faults"
    if warnings:
        return "warning", f"Works, {warnings} {'warning' if warnings == 1 else 'warnings'}"
    return "active", "Works"


def health_line(signs: Vitals) -> tuple[str, str]:
    """Return the status and words that stand at the foot of every page."""
    if not signs.queues:
        return "broken", "No worker is alive"
    if signs.deserted:
        return "broken", f"No worker for {', '.join(signs.deserted)}"
    if signs.is_silent:
        return "broken", "The scheduler is silent"
    if signs.overdue:
        return "warning", f"{number(signs.overdue)} {'schedule' if signs.overdue == 1 else 'schedules'} overdue"
    return "active", "All workers healthy"


def is_alive(worker: Worker, now: datetime) -> bool:
    """Whether a worker was heard from lately."""
    return worker.seen_at >= now - WORKER_ALIVE


def _kpis(health: Health, alive: Sequence[Worker], zone: tzinfo) -> Iterator[Kpi]:
    day = health.day
    yield Kpi("Slot to start, 95%", duration(day.p95_hour), f"last hour, limit {LIMIT_SECONDS} s")
    waiting = [f"{number(queue.waiting)} {queue.name}" for queue in health.queues if queue.waiting]
    yield Kpi("Waiting jobs", number(sum(queue.waiting for queue in health.queues)), ", ".join(waiting) or "none")
    slots = sum(worker.slots for worker in alive if worker.queue != Queue.SYSTEM)
    yield Kpi("In progress", number(sum(queue.running for queue in health.queues)), f"of {number(slots)} slots")
    lost = f"last lost {clock_time(day.last_lost_at, zone)[:5]}" if day.last_lost_at else "none lost in 24 h"
    here, known = _processes(alive), _processes(health.workers)
    yield Kpi("Workers", f"{here} of {known}", f"{known - here} silent" if here < known else lost)
    yield Kpi("Jobs taken over", number(day.taken_over), "from lost workers, 24 h")


def _queue_row(facts: QueueFacts, alive: Sequence[Worker], now: datetime) -> QueueRow:
    ours = [worker for worker in alive if worker.queue == facts.name]
    slots = sum(worker.slots for worker in ours if worker.draining_at is None)
    is_system = facts.name == Queue.SYSTEM
    status, word = _state(facts, ours, slots)
    return QueueRow(
        name=facts.name,
        purpose=_PURPOSES[Queue(facts.name)],
        status=status,
        word=word,
        workers=len(ours),
        busy="" if is_system or not slots else number(facts.running),
        slots=slots,
        bar=width_class(facts.running, slots),
        waiting=NOT_APPLICABLE if is_system else number(facts.waiting),
        has_oldest=facts.oldest_at is not None,
        oldest=elapsed_time(facts.oldest_at, now) if facts.oldest_at else NOT_APPLICABLE,
        rate=NOT_APPLICABLE if is_system else f"{facts.started_per_minute:.1f}".removesuffix(".0"),
    )


def _state(facts: QueueFacts, ours: Sequence[Worker], slots: int) -> tuple[str, str]:
    if not ours:
        return "broken", "No worker"
    if not slots:
        return "warning", "Stopping"
    if facts.running >= slots and facts.waiting:
        return "warning", "Full"
    return "active", "Normal"


def _worker_row(worker: Worker, now: datetime) -> WorkerRow:
    status, word = ("active", "Normal") if is_alive(worker, now) else ("broken", "Silent")
    if status == "active" and worker.draining_at is not None:
        status, word = "warning", "Stopping"
    process = short_name(worker.identity.removesuffix(f":{worker.queue}"))
    moments = (worker.started_at, worker.seen_at)
    return WorkerRow(worker.name, process, worker.queue, status, word, worker.slots, worker.version, *moments)


def _workers(alive: Sequence[Worker]) -> str:
    if not alive:
        return "No worker was heard from within 30 s"
    machines, count = len({worker.identity.partition("/")[0] for worker in alive}), _processes(alive)
    noun, places = "worker" if count == 1 else "workers", "machine" if machines == 1 else "machines"
    return f"{count} {noun} on {machines} {places}, each heard from within 30 s"


def _processes(workers: Sequence[Worker]) -> int:
    """Count the processes: one that serves several queues has a row for each, named after it and the queue."""
    return len({worker.identity.removesuffix(f":{worker.queue}") for worker in workers})


def _overdue_row(one: Overdue, now: datetime) -> OverdueRow:
    connection = reverse("connections:overview", args=[one.connection_id])
    return OverdueRow(
        id=one.key,
        name=one.connection if one.entity in {"", one.connection} else f"{one.connection}, {one.entity}",
        url=connection,
        slot_at=one.slot_at,
        late=elapsed_time(one.slot_at, now),
        why=one.why,
        action="Open job" if one.job_id else "Open",
        action_url=reverse("jobs:detail", args=[one.job_id]) if one.job_id else connection,
    )


def _support(
    word: str,
    found: Sequence[Finding],
    parts: Sequence[Part],
    versions: Sequence[VersionLine],
    now: datetime,
    zone: tzinfo,
) -> str:
    """Return the page as a text for support; it holds no name of a connection and no address."""
    lines = [f"Patchbay: {word}, {now.astimezone(zone).isoformat(timespec='seconds')}"]
    lines += [f"{one.title}. {one.text}" for one in found]
    lines += [f"{part.name}: {part.word}. {part.text} {part.figure}".rstrip() for part in parts]
    lines += [f"{line.name}: {line.value} {line.note}".rstrip() for line in versions]
    return "\n".join(lines)
