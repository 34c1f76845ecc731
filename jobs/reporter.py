"""How a running job tells what it does: steps, rows and log lines, kept in memory and written by a heartbeat thread.

The thread has a database connection of its own. Once a second it writes what is new and renews the lease in the same
update, which names the attempt's token. It learns there that a person asked to cancel. A worker that loses its lease
ends its own process, so that two attempts never write at once.

A second thread, the guard, ends the process when the lease could not be renewed in time, and when the work does not
end by itself: it hangs, takes longer than its type may, or goes on after a cancel or while its worker stops. What that
was is recorded first, in a third thread that is waited for briefly: an answer of the database that does not come must
not hold up the guard.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import TracebackType
from typing import NoReturn, Self

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.models.functions import Now
from django.utils import timezone

from connectors.plan import LogLevel, StepName, StepStatus, Stopped
from connectors.secrets import Redactor
from jobs.limits import Limits, limits_of
from jobs.line_counts import LineCounts, add_line, copy_of
from jobs.models import Attempt, JobType, Lease, LogLine, Step
from jobs.persist import persist, soon_durable
from jobs.services.drain import Drain
from jobs.services.finish import Failure, StaleAttempt, cancel, fail, give_back
from jobs.services.start import Claim
from jobs.shapes import Shapes
from jobs.text import storable

log = structlog.get_logger(__name__)

Values = dict[str, object]
BEAT_SECONDS = 1.0
# A worker that cannot renew gives up after this part of the lease, well before another one may take the job.
_GIVE_UP_AT = 0.75
# Work that does not stop by itself within this time after a cancel is ended with its process.
_FORCE_AFTER_SECONDS = 30.0
# When its worker stops, work stops at its next check; a load that has begun already may end within this time.
_DRAIN_SECONDS = 60.0
# For recording why the guard ends the process.
_LAST_WORDS_SECONDS = 5.0
_SAMPLES_KEPT = 120
_DETAIL_LENGTH = 300
_LINE_LENGTH = 4000
EXIT_FENCED = 3


class JobReporter:
    """The reporter of one attempt. Use it as a context manager around the work; `finish` writes what is left."""

    def __init__(
        self, claim: Claim, redact: Redactor, steps: tuple[StepName, ...], limits: Limits | None = None
    ) -> None:
        self._claim = claim
        self._limits = limits or limits_of(JobType.DATA_SYNC)
        self._drain = Drain()
        self._names = steps
        self._redact = redact
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._cancelled_at: float | None = None
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._is_over = threading.Event()
        self._guard = threading.Thread(target=self._watch, name="lease-guard", daemon=True)
        self._started = time.monotonic()
        self._renewed = self._moved = self._started
        self._changed = False
        self._tables: dict[str, list[int]] = {}
        self._shapes = Shapes()
        self._samples: list[tuple[int, int]] = []
        self._lines: list[LogLine] = []
        self._line_counts: LineCounts = {}
        self._next_line = 1
        self._steps: dict[str, Step] = {}
        self._dirty_steps: set[str] = set()
        self.current_step = ""

    def __enter__(self) -> Self:
        """Write the steps as pending and begin to renew the lease."""
        persist(self._open)
        self._thread.start()
        self._guard.start()
        return self

    def _open(self) -> None:
        last = LogLine.objects.filter(job_id=self._claim.job_id).order_by("-number").values_list("number", flat=True)
        self._next_line = (last.first() or 0) + 1
        first = (self._claim.attempt - 1) * len(self._names) + 1
        for number, name in enumerate(self._names, start=first):
            self._steps[name] = Step(job_id=self._claim.job_id, number=number, attempt=self._claim.attempt, name=name)
        with soon_durable():
            # Those of a commit whose answer was lost are there already.
            Step.objects.bulk_create(self._steps.values(), ignore_conflicts=True)

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
            self._moved = time.monotonic()
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
            before = list(counts)
            counts[0] = counts[0] if extracted is None else extracted
            counts[1] = counts[1] if loaded is None else loaded
            self._changed = True
            if counts != before:
                self._moved = time.monotonic()

    def columns(self, table: str, found: Mapping[str, str]) -> None:
        """Take over what columns a table has at the source."""
        with self._lock:
            self._shapes.add(table, found)

    def log(self, level: LogLevel, step: str, message: str) -> None:
        """Add a line to the job's log, secrets removed."""
        with self._lock:
            self._moved = time.monotonic()
            self._add_line(level, step, message)

    def check(self) -> None:
        """Raise `Stopped` once a person asked to cancel, or the worker was told to stop."""
        if self._cancelled_at is not None:
            raise Stopped("cancelled_by_user")
        if self._drain.seconds() is not None:
            raise Stopped("worker_stopping")

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

    def _add_line(self, level: LogLevel, step: str, message: str) -> None:
        self._lines.append(
            LogLine(
                job_id=self._claim.job_id,
                attempt=self._claim.attempt,
                number=self._next_line,
                at=timezone.now(),
                level=level,
                step=step,
                message=storable(self._redact(message), _LINE_LENGTH),
            )
        )
        add_line(self._line_counts, step=step, level=level, number=self._next_line)
        self._next_line += 1

    def _watch(self) -> None:
        while not self._is_over.wait(BEAT_SECONDS):
            now = time.monotonic()
            if now - self._renewed > settings.PATCHBAY_LEASE_SECONDS * _GIVE_UP_AT:
                _end_process("The lease could not be renewed in time", self._claim)
            if self._cancelled_at is not None and now - self._cancelled_at > _FORCE_AFTER_SECONDS:
                self._end_with("The work did not stop after a cancel", lambda: cancel(claim=self._claim))
            if (self._drain.seconds() or 0) > _DRAIN_SECONDS:
                self._end_with("The work did not stop with its worker", lambda: give_back(claim=self._claim))
            if said := self._over_limit(now):
                self._time_out(Failure("job_timed_out", self.current_step, said))

    def _time_out(self, failure: Failure) -> NoReturn:
        with self._lock:
            self._add_line("error", failure.step, f"{failure.code}: {failure.detail}")
        self._end_with("The work took too long", lambda: fail(claim=self._claim, failure=failure))

    def _over_limit(self, now: float) -> str:
        """Return which limit the attempt has reached, as a sentence; empty for none."""
        still, whole = now - self._moved, now - self._started
        if still > self._limits.no_progress_seconds:
            return f"Nothing moved for {still:.0f} s."
        if whole > self._limits.deadline_seconds:
            return f"It was not done after {whole:.0f} s."
        return ""

    def _end_with(self, reason: str, record: Callable[[], None]) -> NoReturn:
        """Record how the attempt ends, as far as the database answers in time, and end this process in any case."""

        def write() -> None:
            try:
                self._flush()
                record()
            except StaleAttempt:
                log.info("The attempt had ended already", job=str(self._claim.job_id))
            except (DatabaseError, InterfaceError) as error:
                # The reaper finds the process gone, and takes the job back.
                log.warning("The end could not be recorded", job=str(self._claim.job_id), reason=str(error))

        last_words = threading.Thread(target=write, name="last-words", daemon=True)
        last_words.start()
        last_words.join(_LAST_WORDS_SECONDS)
        _end_process(reason, self._claim)

    def _flush(self) -> None:
        """Write what is new and renew the lease; nothing to do when nothing changed and the lease is fresh."""
        with self._lock:
            lines, self._lines = self._lines, []
            of_attempt: Values = {"line_counts": copy_of(self._line_counts)} if lines else {}
            steps = [self._steps[name] for name in self._dirty_steps]
            is_due = time.monotonic() - self._renewed >= settings.PATCHBAY_HEARTBEAT_SECONDS
            progress = self._progress() if self._changed else None
            shapes = self._shapes.take()
            of_attempt |= {"shapes": shapes} if shapes else {}
            self._dirty_steps, self._changed = set(), False
        if not (of_attempt or steps or progress or is_due):
            return
        try:
            self._write(lines, of_attempt, steps, progress)
        except BaseException:
            with self._lock:
                self._shapes.give_back(shapes)
                self._lines[:0] = lines
                self._dirty_steps |= {step.name for step in steps}
                self._changed = self._changed or progress is not None
            raise

    def _progress(self) -> dict[str, object]:
        seconds = int(time.monotonic() - self._started)
        self._samples.append((seconds, sum(counts[0] for counts in self._tables.values())))
        if len(self._samples) > _SAMPLES_KEPT:
            self._samples = self._samples[::2]
        told = {"tables": dict(self._tables), "step": self.current_step, "rates": list(self._samples)}
        return told | ({"best": self._claim.best_loaded} if self._claim.best_loaded else {})

    def _write(self, lines: list[LogLine], of_attempt: Values, steps: list[Step], progress: Values | None) -> None:
        began = time.monotonic()
        with soon_durable():
            held = Lease.objects.running().filter(pk=self._claim.job_id, token=self._claim.token)
            values: Values = {} if progress is None else {"progress": progress}
            values["expires_at"] = Now() + timedelta(seconds=settings.PATCHBAY_LEASE_SECONDS)
            if held.update(**values) != 1:
                _end_process("Another attempt owns the job", self._claim)
            # Written again after a commit whose answer was lost: a line's number is its own.
            LogLine.objects.bulk_create(lines, ignore_conflicts=True)
            if of_attempt:
                Attempt.objects.filter(job_id=self._claim.job_id, number=self._claim.attempt).update(**of_attempt)
            # All of them are there: an insert that finds each is one plain statement, unlike an update of several.
            Step.objects.bulk_create(
                steps,
                update_conflicts=True,
                unique_fields=["job", "number"],
                update_fields=["status", "detail", "started_at", "ended_at"],
            )
            is_cancelled = held.filter(cancel_requested_at__isnull=False).exists()
        # The database counted from a moment after this one, so that we always give up first.
        self._renewed = began
        if is_cancelled and self._cancelled_at is None:
            self._cancelled_at = began


def _end_process(reason: str, claim: Claim) -> NoReturn:
    """End this process at once: no clean-up code may run, since it could write."""
    log.error(reason, job=str(claim.job_id), attempt=claim.attempt)
    os._exit(EXIT_FENCED)
