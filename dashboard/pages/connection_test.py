"""What the dialog of a connection's tests shows: the one that runs or ran last, and the earlier ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from uuid import UUID

from django.urls import reverse

from connectors.errors import Action
from connectors.models import Connection
from connectors.providers import registry as providers
from dashboard.access import Can
from dashboard.formatting import duration
from dashboard.pages.job import Verdict, verdict_of
from dashboard.pages.job_steps import StepRow, doing, label_of, rows_of
from jobs.models import Job, JobStatus, JobType, Step
from jobs.services.enqueue_test import outcome_of
from jobs.text import counted

POLL_SECONDS = 1
# As many tests are looked at, so many of them are listed below the one that is shown.
_LOOKED_AT, _LISTED = 50, 8
_OUTCOMES = {
    "success": "Success",
    "authentication_failed": "Authentication failed",
    "connection_timeout": "Connection timeout",
    "permission_denied": "Permission denied",
    "unreachable": "Unreachable",
    "tls_error": "TLS error",
    "misconfigured": "Misconfigured",
}
_UNUSED = ("tables", "options")


@dataclass(frozen=True, slots=True)
class Remedy:
    """One thing to do, with a link where it can be done here."""

    title: str
    hint: str
    href: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class EarlierTest:
    """One test of the list below."""

    href: str
    status: str
    outcome: str
    step: str
    at: datetime
    took: str
    actor: str


@dataclass(frozen=True, slots=True)
class ShownTest:
    """The test that the dialog is about. `failed` is the name of the step that failed, empty for none."""

    job: Job
    title: str
    steps: tuple[StepRow, ...]
    failed: str
    verdict: Verdict | None
    remedies: tuple[Remedy, ...]
    statement: str
    took: str
    spoken: str
    text: str


def tests_of(connection: Connection) -> list[Job]:
    """Return the newest tests of a connection, the newest first."""
    found = Job.objects.filter(connection=connection, type=JobType.TEST_CONNECTION).newest_first()
    return list(found.for_page().defer(*_UNUSED)[:_LOOKED_AT])


def chosen_of(tests: Sequence[Job], wanted: UUID | None) -> Job | None:
    """Return the test `wanted`, the newest one without it; None where there is none."""
    return next((one for one in tests if one.pk == wanted), tests[0] if tests else None)


def shown_of(job: Job, steps: Sequence[Step], can: Can, now: datetime) -> ShownTest:
    """Prepare the test that is shown, and its steps."""
    rows = rows_of(job, steps, now)
    verdict = verdict_of(job, ())
    title = f"Test connection: {_title(job, rows)}"
    return ShownTest(
        job=job,
        title=title,
        steps=rows,
        failed=next((row.name for row in rows if row.status == "failed"), ""),
        verdict=verdict,
        remedies=_remedies(job, verdict, can) if job.status == JobStatus.FAILED else (),
        statement=_statement(job),
        took=duration(job.duration_ms / 1000) if job.duration_ms is not None else "",
        spoken=title if job.is_over else f"Testing {job.connection.name}",
        text=_text(job, title, rows, verdict),
    )


def earlier_of(tests: Sequence[Job], shown: Job) -> tuple[EarlierTest, ...]:
    """Return the tests beside the one that is shown, the newest first."""
    address = reverse("connections:test", args=[shown.connection_id])
    others = [one for one in tests if one.pk != shown.pk and one.is_over][:_LISTED]
    return tuple(
        EarlierTest(
            href=f"{address}?job={one.pk}",
            status=one.status,
            outcome=outcome_in_words(one),
            step=label_of(one.error_step) if one.error_step else "",
            at=one.ended_at or one.created_at,
            took=duration(one.duration_ms / 1000) if one.duration_ms is not None else "",
            actor=one.actor.get_username() if one.actor else "Patchbay",
        )
        for one in others
    )


def failing_since(tests: Sequence[Job]) -> tuple[str, datetime] | None:
    """Say which step the newest tests fail at, how many in a row, and since when; None where the newest did not."""
    ended = [one for one in tests if one.status in {JobStatus.SUCCESS, JobStatus.FAILED}]
    if not ended or ended[0].status == JobStatus.SUCCESS:
        return None
    step = ended[0].error_step
    failed = list(takewhile(lambda one: one.status == JobStatus.FAILED and one.error_step == step, ended))
    many = counted(len(failed), "test")
    reached = "at least " if len(failed) == len(tests) == _LOOKED_AT else ""
    words = f"{label_of(step)} has failed in {reached}{many}{' in a row' if len(failed) > 1 else ''}, the first"
    return words, failed[-1].ended_at or failed[-1].created_at


def outcome_in_words(job: Job) -> str:
    """Return the outcome of a test for people; how the job stands where it has none."""
    return _OUTCOMES.get(outcome_of(job), job.get_status_display())


def _title(job: Job, rows: Sequence[StepRow]) -> str:
    if job.status == JobStatus.PENDING:
        return "waiting for a worker"
    if job.status == JobStatus.RUNNING:
        return next((doing(row.name) for row in rows if row.is_now), "starting")
    outcome = outcome_in_words(job)
    # An abbreviation stays one.
    return outcome if outcome.startswith("TLS") else f"{outcome[:1].lower()}{outcome[1:]}"


def _remedies(job: Job, verdict: Verdict | None, can: Can) -> tuple[Remedy, ...]:
    """Return the entry's recommended actions. To sync again is none of them: first the test has to succeed."""
    offered = [one for one in (verdict.actions if verdict else ()) if one.kind not in {"sync_now", "test_connection"}]
    return tuple(_remedy(job, action, can) for action in offered)


def _remedy(job: Job, action: Action, can: Can) -> Remedy:
    if action.kind in {"edit_credentials", "edit_settings"} and can["edit_connection"]:
        href = reverse("connections:setup", args=[job.connection_id])
        return Remedy(action.title, action.hint, href, "Edit setup")
    return Remedy(action.title, action.hint)


def _statement(job: Job) -> str:
    """Return what the owner of the source types to allow what was refused, empty where there is no such thing."""
    if job.error_code != "insufficient_permissions":
        return ""
    connection = job.connection
    tables = list(connection.tables.filter(is_selected=True).values_list("source_schema", "name"))
    return providers.access(connection.provider).how_to_allow(connection.config, tables)


def _text(job: Job, title: str, rows: Sequence[StepRow], verdict: Verdict | None) -> str:
    """Return the result as lines to paste into a ticket."""
    steps = [f"{row.label}: {row.status}, {row.took}, {row.detail}" for row in rows]
    cause = [f"Code: {verdict.code}", f"The source's words: {verdict.words}"] if verdict else []
    return "\n".join([f"{title} ({job.connection.name})", *steps, *cause, f"Job: {job.pk}"])
