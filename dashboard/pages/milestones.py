"""How far a connection is whose files people deliver: from the link to complete data, each milestone with its facts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.urls import reverse

from connectors.models import GOOD, Connection, Entity, Upload, UploadStatus
from connectors.providers.assisted.declared import Awaited, DeclarationError
from connectors.services.uploads import awaited_of
from dashboard.formatting import duration
from dashboard.pages.auth_steps import Step
from dashboard.pages.session_facts import entry_of, filled
from dashboard.pages.session_link import invite_of
from dashboard.pages.session_next import NextStep
from jobs.models import Job, JobStatus
from jobs.text import counted
from sessions_log.models import LEFT, Session, SessionStatus
from sessions_log.stages import Stage
from sessions_log.story import Story

_JOB_WORDS = {
    JobStatus.PENDING: ("idle", "Waits for its turn"),
    JobStatus.RUNNING: ("run", "In progress"),
    JobStatus.SUCCESS: ("ok", "Done"),
    JobStatus.FAILED: ("bad", "Failed"),
    JobStatus.CANCELLED: ("warn", "Cancelled"),
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What milestones are made of: the session if there was one, the newest upload of each awaited file, the job."""

    session: Session | None
    story: Story | None
    awaited: tuple[Awaited, ...]
    uploads: tuple[Upload, ...]
    job: Job | None

    @property
    def good(self) -> tuple[Upload, ...]:
        """The awaited files that are there."""
        names = {one.table for one in self.awaited}
        return tuple(one for one in self.uploads if one.status in GOOD and one.table in names)

    @property
    def refused(self) -> tuple[Upload, ...]:
        """Those whose newest upload was refused."""
        return tuple(one for one in self.uploads if one.status == UploadStatus.REFUSED)

    @property
    def is_delivered(self) -> bool:
        """Whether every awaited file came and was found good."""
        return bool(self.awaited) and len(self.good) >= len(self.awaited)

    @property
    def loaded(self) -> tuple[Upload, ...]:
        """Those that were loaded."""
        return tuple(one for one in self.uploads if one.status == UploadStatus.LOADED)


def facts_of(connection: Connection, session: Session | None, story: Story | None) -> Facts:
    """Read what the milestones of a connection are made of, for one session or without. Up to five queries."""
    try:
        awaited = awaited_of(connection)
    except DeclarationError:
        awaited = ()
    found = _uploads(connection, session)
    job_id = next((one.job_id for one in found if one.job_id), session.first_job_id if session else None)
    job = Job.objects.filter(pk=job_id).first() if job_id else None
    return Facts(session, story, awaited, found, job)


def _uploads(connection: Connection, session: Session | None) -> tuple[Upload, ...]:
    """Return the newest upload of each table: of the session where it brought some, else of the first company."""
    order = ("table", "-pk")
    if session is not None:
        mine = Upload.objects.of_visit(session.pk).exclude(status=UploadStatus.REPLACED)
        if known := tuple(mine.order_by(*order).distinct("table")):
            return known
        if session.status != SessionStatus.COMPLETED:
            return ()
    entity = Entity.objects.selected().filter(connection=connection).order_by("name", "pk").values("pk")[:1]
    whole = Upload.objects.filter(entity=entity, connection=connection).exclude(status=UploadStatus.REPLACED)
    return tuple(whole.order_by(*order).distinct("table"))


def milestones_of(facts: Facts) -> tuple[Step, ...]:
    """Return the six milestones, done, current, refused or not reached."""
    steps = list(_steps(facts))
    first_open = next((one.number for one in steps if one.tone != "ok" and one.state != _NOT_ASKED), 0)
    return tuple(_with_current(one, first_open) for one in steps)


_NOT_ASKED = "Not asked for"


def _with_current(step: Step, current: int) -> Step:
    """Mark the milestone that is waited at."""
    return replace(step, is_current=step.number == current)


def _steps(facts: Facts) -> Iterator[Step]:
    session, story = facts.session, facts.story
    yield _step(1, "Invited", *_invited(session), at=session.created_at if session else None)
    opened = story.opened_at if story else None
    yield _step(2, "Link opened", *_opened(session), at=opened, took=_between(session, opened))
    files = story.stages.get(Stage.AUTHENTICATION) if story else None
    yield _step(
        3,
        "Files delivered",
        *_delivered(facts),
        at=files.reached_at if files else _first(facts.uploads),
        took=duration(files.took) if files else "",
        attempts=_attempts(facts),
        seen=files.words if files and not facts.is_delivered else "",
        code=files.error_code if files and not facts.is_delivered else "",
    )
    yield _step(4, "Files checked", *_checked(facts), at=_last_checked(facts))
    yield _step(5, "First load", *_load(facts), at=facts.job.ended_at if facts.job else None, took=_took(facts.job))
    ended = facts.job.ended_at if facts.job and facts.job.status == JobStatus.SUCCESS else None
    yield _step(6, "Data complete", *_complete(facts), at=ended)


def _step(  # noqa: PLR0913 - what a milestone is made of
    number: int,
    name: str,
    tone: str,
    state: str,
    *,
    at: datetime | None = None,
    took: str = "",
    attempts: str = "",
    seen: str = "",
    code: str = "",
) -> Step:
    return Step(number, name, tone, state, at, took, attempts, seen, code, is_current=False)


def _invited(session: Session | None) -> tuple[str, str]:
    return ("ok", "Link made") if session else ("", _NOT_ASKED)


def _opened(session: Session | None) -> tuple[str, str]:
    if session is None:
        return "", _NOT_ASKED
    if session.opened_at is not None:
        return "ok", "Opened"
    return ("warn", "Never opened") if session.status == SessionStatus.EXPIRED else ("idle", "Waits to be opened")


def _delivered(facts: Facts) -> tuple[str, str]:
    came = f"{len({one.table for one in facts.uploads})} of {counted(len(facts.awaited), 'file')}"
    if facts.is_delivered:
        return "ok", came
    if facts.session and facts.session.status in LEFT:
        return ("bad", f"{came}, refused, then left") if facts.refused else ("warn", f"{came}, left here")
    if facts.session and facts.session.status == SessionStatus.OPENED:
        return "run", f"{came}, here now"
    return ("idle", f"{came} so far") if facts.uploads else ("", "Not reached")


def _attempts(facts: Facts) -> str:
    refused = facts.story.counts["file.refused"] if facts.story else len(facts.refused)
    return f"{counted(refused, 'file')} refused" if refused else ""


def _checked(facts: Facts) -> tuple[str, str]:
    if not facts.uploads:
        return "", "Not reached"
    told = f"{len(facts.good)} of {counted(len(facts.awaited), 'file')} in order"
    if facts.is_delivered:
        rows = sum(one.rows or 0 for one in facts.good)
        return "ok", f"{counted(rows, 'row')}"
    return ("bad" if facts.refused else "idle"), told


def _load(facts: Facts) -> tuple[str, str]:
    if facts.job is None:
        return ("idle", "Starts when all is there") if facts.uploads else ("", "Not reached")
    return _JOB_WORDS[JobStatus(facts.job.status)]


def _complete(facts: Facts) -> tuple[str, str]:
    total = len(facts.awaited)
    if facts.job is None or facts.job.status != JobStatus.SUCCESS:
        return "", "Not reached"
    if len(facts.loaded) < total:
        return "warn", f"{len(facts.loaded)} of {counted(total, 'table')}"
    return "ok", f"{total} of {counted(total, 'table')}"


def _first(uploads: Sequence[Upload]) -> datetime | None:
    return min((one.uploaded_at for one in uploads), default=None)


def _last_checked(facts: Facts) -> datetime | None:
    return max((one.checked_at for one in facts.good if one.checked_at), default=None)


def _between(session: Session | None, opened: datetime | None) -> str:
    return duration(opened - session.created_at) if session and opened else ""


def _took(job: Job | None) -> str:
    return duration(job.ended_at - job.started_at) if job and job.ended_at and job.started_at else ""


def next_milestone(connection: Connection, facts: Facts) -> NextStep:
    """Return the one thing to do next, with its button."""
    session = facts.session
    upload = reverse("connections:files", args=[connection.pk])
    if facts.job is not None:
        return _after_job(facts.job, session)
    if facts.refused and not facts.is_delivered:
        words = " ".join(f"{one.name}: {one.reason}" for one in facts.refused)
        customer = f"A file could not be used. {words} Correct it and upload it again."
        return NextStep("Tell them what to correct", words, "New upload link", invite_of(connection), customer)
    if session is not None and session.status == SessionStatus.OPENED:
        return NextStep("Wait", "They are uploading now. After 15 minutes without a word this page says so.")
    if facts.is_delivered:
        return NextStep("Nothing to do", "The set is whole, and its sync starts by itself.")
    names = _missing(facts)
    if session is not None and session.status == SessionStatus.CREATED:
        return NextStep(
            "Wait, or upload the files yourself",
            f"The link was not opened yet. Awaited: {names}.",
            "Upload files",
            upload,
            customer=f"Your link to upload {names} is ready and waits to be opened.",
        )
    return NextStep(
        "Get the files",
        f"Awaited: {names}. Send a link to whoever has them, or upload them on the page Files.",
        "New upload link",
        invite_of(connection),
        customer=f"We still need these files from you: {names}. The link leads to a page that checks them at once.",
    )


def _after_job(job: Job, session: Session | None) -> NextStep:
    if job.status == JobStatus.FAILED:
        entry = entry_of(job.error_code)
        title = filled(entry.title, session) if session else entry.short
        return NextStep(
            "Look at the job",
            f"The files are there, but the load failed: {title}.",
            "Open the job",
            job.get_absolute_url(),
        )
    if job.status == JobStatus.SUCCESS:
        return NextStep("Nothing to do", "The data is complete. The next set is awaited by the schedule.")
    return NextStep("Wait", "The files are there, and the load goes on by itself.")


def _missing(facts: Facts) -> str:
    there = {one.table for one in facts.good}
    return ", ".join(one.name for one in facts.awaited if one.table not in there) or "all files"
