"""How far a sync is: rows per table, the share that is done, and the rows per second that were measured.

A live job's counts are in its lease, those of a job that is over in the job. A percentage is shown only where the
source gave estimates; nothing on the page is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.models import Mode
from dashboard.formatting import file_size, number, width_class
from jobs.models import Job, JobStatus, Lease

# While a job runs, its tables are sent again with each update: the ones that move now are enough.
LIVE_TABLES = 50
_LAST_STEPS = frozenset({"load", "finalize"})
_ORDER = {"running": 0, "pending": 1, "success": 2}


@dataclass(frozen=True, slots=True)
class TableCount:
    """The raw counts of one table. `estimated` is the source's guess of its rows."""

    name: str
    mode: str = ""
    estimated: int | None = None
    extracted: int = 0
    loaded: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class TableRow:
    """One table, ready to print."""

    name: str
    mode: str
    status: str
    word: str
    width: str
    percent: int | None
    rows: str
    of: str
    loaded: str
    size: str


@dataclass(frozen=True, slots=True)
class Progress:
    """The whole job's counts and its tables. `percent` and `share` are None where nothing is known."""

    tables: tuple[TableRow, ...]
    total: int
    copying: tuple[str, ...]
    done: int
    extracted: int
    loaded: int
    percent: int | None
    share: float | None

    @property
    def hidden(self) -> int:
        """How many tables are left out of the list."""
        return self.total - len(self.tables)


def counts_of(job: Job, lease: Lease | None) -> tuple[TableCount, ...]:
    """Return the counts per table: the lease's while the job runs, the job's own before and after."""
    live: Mapping[str, Sequence[int]] = (lease.progress or {}).get("tables", {}) if lease else {}
    known = {table["name"]: table for table in job.tables}
    names = [*known, *(name for name in live if name not in known)]
    return tuple(_count(name, known.get(name, {}), live.get(name)) for name in names)


def progress_of(job: Job, lease: Lease | None, step: str) -> Progress:
    """Return how far the job is in the step named `step`."""
    counts = counts_of(job, lease)
    rows = [_row(job, count, step) for count in counts]
    share = _share(counts) if job.status == JobStatus.RUNNING else None
    shown = rows
    if not job.is_over and len(rows) > LIVE_TABLES:
        shown = sorted(rows, key=lambda row: _ORDER.get(row.status, 0))[:LIVE_TABLES]
    return Progress(
        tables=tuple(shown),
        total=len(rows),
        copying=tuple(row.name for row in rows if row.status == "running"),
        done=sum(row.status == "success" for row in rows),
        extracted=max(sum(count.extracted for count in counts), job.rows_extracted),
        loaded=max(sum(count.loaded for count in counts), job.rows_loaded),
        percent=None if share is None else min(99, int(100 * share)),
        share=share,
    )


def _count(name: str, known: Mapping[str, Any], live: Sequence[int] | None) -> TableCount:
    extracted, loaded = live or (known.get("extracted") or 0, known.get("loaded") or 0)
    return TableCount(
        name=name,
        mode=known.get("mode", ""),
        estimated=known.get("estimated"),
        extracted=extracted,
        loaded=loaded,
        bytes=known.get("bytes") or 0,
    )


def _share(counts: Sequence[TableCount]) -> float | None:
    """Reading a row is half of the work, writing it the other half. None without an estimate for every table."""
    estimates = [count.estimated for count in counts if count.estimated is not None]
    whole = 2 * sum(estimates)
    if len(estimates) < len(counts) or not whole:
        return None
    done = sum(min(count.extracted, count.estimated or 0) + min(count.loaded, count.estimated or 0) for count in counts)
    return done / whole


def _row(job: Job, count: TableCount, step: str) -> TableRow:
    status, word = _status(job, count, step)
    whole = max(count.estimated or 0, 1)
    percent = None if count.estimated is None else min(100, int(100 * count.extracted / whole))
    is_done = status == "success"
    return TableRow(
        name=count.name,
        mode=dict(Mode.choices).get(count.mode, ""),
        status=status,
        word=word,
        width="w-100" if is_done else width_class(min(count.extracted, whole * 0.99), whole),
        percent=100 if is_done else percent,
        rows=number(count.extracted),
        of="" if job.is_over or count.estimated is None else f"~{count.estimated:,}",
        loaded=number(count.loaded),
        size=file_size(count.bytes or None),
    )


def _status(job: Job, count: TableCount, step: str) -> tuple[str, str]:
    """A table's look and word. It is done when every row that was read is at the destination."""
    if job.status == JobStatus.SUCCESS:
        return "success", "Done"
    if job.is_over:
        is_whole = count.loaded >= count.extracted > 0
        return ("success", "Loaded") if is_whole else ("skipped", "Not loaded")
    if job.status == JobStatus.PENDING:
        return "pending", "Pending"
    if step in _LAST_STEPS and count.loaded >= count.extracted:
        return "success", "Done"
    return ("running", "Copying") if count.extracted or step in _LAST_STEPS else ("pending", "Pending")
