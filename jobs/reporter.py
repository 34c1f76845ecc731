"""How a running job tells what it does: steps, rows and log lines, kept in memory and written by a heartbeat thread.

The thread has a database connection of its own. Once a second it writes what is new and renews the lease in the same
update, which names the attempt's token. It learns there that a person asked to cancel. A worker that loses its lease
ends its own process, so that two attempts never write at once. A second thread, the guard, does the same when the lease
could not be renewed in time: it never speaks to the database, since an answer that does not come would hold it up.
"""

from __future__ import annotations

import os
import threading
import time
from datetime import timedelta
from types import TracebackType
from typing import Self

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from connectors.plan import SYNC_STEPS, LogLevel, StepName, StepStatus, Stopped
from connectors.secrets import Redactor
from jobs.models import Lease, LogLine, Step
from jobs.services.start import Claim
from jobs.text import storable

log = structlog.get_logger(__name__)

BEAT_SECONDS = 1.0
# A worker that cannot renew gives up after this part of the lease, well before another one may take the job.
_GIVE_UP_AT = 0.75
# Work that does not stop by itself within this time after a cancel is ended with its process.
_FORCE_AFTER_SECONDS = 30.0
_SAMPLES_KEPT = 120
_DETAIL_LENGTH = 300
_LINE_LENGTH = 4000
EXIT_FENCED = 3


class JobReporter:
    """The reporter of one attempt. Use it as a context manager around the work; `finish` writes what is left."""

    def __init__(self, claim: Claim, redact: Redactor) -> None:
        self._claim = claim
        self._redact = redact
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._cancelled_at: float | None = None
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._is_over = threading.Event()
        self._guard = threading.Thread(target=self._watch, name="lease-guard", daemon=True)
        self._started = time.monotonic()
        self._renewed = self._started
        self._changed = False
        self._tables: dict[str, list[int]] = {}
        self._samples: list[tuple[int, int]] = []
        self._lines: list[LogLine] = []
        self._next_line = 1
        self._steps: dict[str, Step] = {}
        self._dirty_steps: set[str] = set()
        self.current_step = ""

    def __enter__(self) -> Self:
        """Write the steps as pending and begin to renew the lease."""
        last = LogLine.objects.filter(job_id=self._claim.job_id).order_by("-number").values_list("number", flat=True)
        self._next_line = (last.first() or 0) + 1
        first = (self._claim.attempt - 1) * len(SYNC_STEPS) + 1
        for number, name in enumerate(SYNC_STEPS, start=first):
            self._steps[name] = Step(job_id=self._claim.job_id, number=number, attempt=self._claim.attempt, name=name)
        Step.objects.bulk_create(self._steps.values())
        self._thread.start()
        self._guard.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop renewing; what is still in memory has been written by `finish`. The guard watches to the very end."""
        self._stop.set()
        self._thread.join()
        self._is_over.set()
        self._guard.join()

    def finish(self) -> None:
        """Stop the thread and write what is left, before the attempt's end is recorded."""
        self._stop.set()
        self._thread.join()
        self._flush()

    # ---- what the work calls ------------------------------------------------------------------------------------

    def step(self, name: StepName, status: StepStatus, detail: str = "") -> None:
        """Record that a step began, ended or failed."""
        with self._lock:
            step = self._steps[name]
            now = timezone.now()
            if status == "running":
                self.current_step = name
                step.started_at = step.started_at or now
            elif status in {"success", "failed"}:
                step.started_at, step.ended_at = step.started_at or now, now
            step.status = status
            step.detail = storable(self._redact(detail), _DETAIL_LENGTH) or step.detail
            self._dirty_steps.add(name)

    def rows(self, table: str, *, extracted: int | None = None, loaded: int | None = None) -> None:
        """Take over the running totals of a table."""
        with self._lock:
            counts = self._tables.setdefault(table, [0, 0])
            counts[0] = counts[0] if extracted is None else extracted
            counts[1] = counts[1] if loaded is None else loaded
            self._changed = True

    def log(self, level: LogLevel, step: str, message: str) -> None:
        """Add a line to the job's log, secrets removed."""
        with self._lock:
            self._lines.append(
                LogLine(
                    job_id=self._claim.job_id,
                    number=self._next_line,
                    attempt=self._claim.attempt,
                    at=timezone.now(),
                    level=level,
                    step=step,
                    message=storable(self._redact(message), _LINE_LENGTH),
                )
            )
            self._next_line += 1

    def check(self) -> None:
        """Raise `Stopped` once a person asked to cancel."""
        if self._cancelled_at is not None:
            raise Stopped("cancelled_by_user")

    # ---- the two threads ----------------------------------------------------------------------------------------

    def _beat(self) -> None:
        try:
            while not self._stop.wait(BEAT_SECONDS):
                self._beat_once()
        finally:
            connection.close()

    def _beat_once(self) -> None:
        try:
            self._flush()
        except (DatabaseError, InterfaceError) as error:
            log.warning("The lease could not be renewed", job=str(self._claim.job_id), reason=str(error))
            connection.close()

    def _watch(self) -> None:
        while not self._is_over.wait(BEAT_SECONDS):
            now = time.monotonic()
            if now - self._renewed > settings.PATCHBAY_LEASE_SECONDS * _GIVE_UP_AT:
                _end_process("The lease could not be renewed in time", self._claim)
            if self._cancelled_at is not None and now - self._cancelled_at > _FORCE_AFTER_SECONDS:
                _end_process("The work did not stop after a cancel", self._claim)

    def _flush(self) -> None:
        """Write what is new and renew the lease; nothing to do when nothing changed and the lease is fresh."""
        with self._lock:
            lines, self._lines = self._lines, []
            steps = [self._steps[name] for name in self._dirty_steps]
            is_due = time.monotonic() - self._renewed >= settings.PATCHBAY_HEARTBEAT_SECONDS
            progress = self._progress() if self._changed else None
            self._dirty_steps, self._changed = set(), False
        if not (lines or steps or progress or is_due):
            return
        try:
            self._write(lines, steps, progress)
        except BaseException:
            with self._lock:
                self._lines[:0] = lines
                self._dirty_steps |= {step.name for step in steps}
                self._changed = self._changed or progress is not None
            raise

    def _progress(self) -> dict[str, object]:
        seconds = int(time.monotonic() - self._started)
        self._samples.append((seconds, sum(counts[0] for counts in self._tables.values())))
        if len(self._samples) > _SAMPLES_KEPT:
            self._samples = self._samples[::2]
        return {"tables": dict(self._tables), "step": self.current_step, "rates": list(self._samples)}

    def _write(self, lines: list[LogLine], steps: list[Step], progress: dict[str, object] | None) -> None:
        began = time.monotonic()
        with transaction.atomic():
            held = Lease.objects.running().filter(pk=self._claim.job_id, token=self._claim.token)
            values: dict[str, object] = {
                "expires_at": Now() + timedelta(seconds=settings.PATCHBAY_LEASE_SECONDS),
            }
            if progress is not None:
                values["progress"] = progress
            if held.update(**values) != 1:
                _end_process("Another attempt owns the job", self._claim)
            LogLine.objects.bulk_create(lines)
            Step.objects.bulk_update(steps, ["status", "detail", "started_at", "ended_at"])
            is_cancelled = held.filter(cancel_requested_at__isnull=False).exists()
        # The database counted from a moment after this one, so that we always give up first.
        self._renewed = began
        if is_cancelled and self._cancelled_at is None:
            self._cancelled_at = began


def _end_process(reason: str, claim: Claim) -> None:
    """End this process at once: no clean-up code may run, since it could write."""
    log.error(reason, job=str(claim.job_id), attempt=claim.attempt)
    os._exit(EXIT_FENCED)
