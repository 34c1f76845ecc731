"""The banner of a connection that does not sync as it should: what happened, what still works, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.urls import reverse

from connectors.errors import Action, ActionKind, ErrorEntry, entry, told
from connectors.models import Connection, Pause, Status
from connectors.services.facts import is_assisted
from connectors.status import MISSING
from dashboard.pages.awaiting import awaited_now
from dashboard.pages.session_link import invite_of
from dashboard.pages.setup_link import resume_of
from jobs.models import Job


@dataclass(frozen=True, slots=True)
class Banner:
    """What the banner says; the code, the job and the times are there where they apply.

    `since` is when it began. `is_first` says that the job is the first that failed so, `actor` who paused; `owner` and
    `runbook` are whom to ask and what to read where it is broken, `mend` is the address of the setup where a change
    there helps, `resync` says that a new run does.
    """

    status: str
    title: str
    text: str
    since: datetime | None = None
    steps: tuple[tuple[str, str], ...] = ()
    code: str = ""
    job_id: UUID | None = None
    is_first: bool = False
    until: datetime | None = None
    next_run_at: datetime | None = None
    actor: str = ""
    owner: str = ""
    runbook: str = ""
    mend: str = ""
    mend_label: str = "Change the setup"
    resync: bool = False
    # Where a link is made with which the end user signs in again, where that is what helps.
    invite: str = ""
    # Where files are uploaded, where they are awaited.
    upload: str = ""
    # Where a setup that was left goes on: the name of the step and its address.
    resume: tuple[str, str] = ("", "")


def banner_of(connection: Connection, *, source: str, totals: dict[str, int]) -> Banner | None:
    """Return the connection's banner, None when there is nothing to say. `source` names the provider."""
    if connection.status == Status.PAUSED:
        return _paused(connection)
    if connection.status == Status.INCOMPLETE:
        return _incomplete(connection)
    if totals["broken"]:
        return _broken(connection, source, totals)
    if connection.failure_streak and connection.last_error_code:
        return _stumbling(connection, source)
    return _waiting(connection) if is_assisted(connection.provider) else None


def _paused(connection: Connection) -> Banner:
    pause = Pause.objects.open().filter(connection=connection).select_related("created_by").first()
    who = who_paused(pause)
    reason = f"{pause.reason.rstrip('.')}. " if pause and pause.reason else ""
    text = f"{reason}Runs on schedule are left out meanwhile. What was loaded stays as it is."
    return Banner(
        "paused",
        f"Paused by {who}",
        text,
        since=connection.status_since,
        until=pause.until if pause else None,
        actor=who,
    )


def who_paused(pause: Pause | None) -> str:
    """Return who paused a connection."""
    if pause is None or pause.is_by_rule:
        return "a rule of Patchbay"
    return pause.created_by.get_username() if pause.created_by else "a former member"


def _incomplete(connection: Connection) -> Banner:
    if connection.status_reason == "awaiting_upload":
        return _first_files(connection)
    missing = MISSING.get(connection.status_reason, "Something is missing before it can sync.")
    loaded = "What was loaded before is unchanged" if connection.last_success_at else "Nothing was loaded yet"
    step, href = resume_of(connection)
    waits = f" It waits at the step “{step}”." if step else ""
    text = f"{missing} {loaded}, and no run is planned.{waits}"
    since = connection.status_since
    if connection.status_reason == "schema_review_pending":
        changes, label = reverse("connections:schema", args=[connection.pk]), "Review changes"
        return Banner(
            "incomplete", "Schema changes wait for a review", text, since=since, mend=changes, mend_label=label
        )
    mend = "" if href else _setup(connection)
    return Banner("incomplete", "Setup is not finished", text, since=since, resume=(step, href), mend=mend)


def _first_files(connection: Connection) -> Banner:
    """No complete set of files has come yet."""
    found = awaited_now(connection)
    names = f" Awaited: {', '.join(found.names)}." if found else ""
    return Banner(
        "incomplete",
        "Waiting for the first files",
        f"People deliver the files of this connection, and its first set is not whole yet.{names} It is loaded as soon "
        "as all are there.",
        since=connection.status_since,
        invite=invite_of(connection),
        upload=_files(connection),
    )


def _waiting(connection: Connection) -> Banner | None:
    """A set was due and is not whole; nothing failed."""
    found = awaited_now(connection)
    if found is None or found.since is None:
        return None
    whose = f" of {found.entity}" if found.entity else ""
    others = f" {found.others} more wait for theirs." if found.others else ""
    return Banner(
        "warning",
        f"Waiting for files{whose}: {', '.join(found.names)}",
        f"They were due, and the sync waits for them. It starts by itself when all are there.{others} What was loaded "
        "before is unchanged.",
        since=found.since,
        invite=invite_of(connection),
        upload=_files(connection),
    )


def _files(connection: Connection) -> str:
    return reverse("connections:files", args=[connection.pk])


def _broken(connection: Connection, source: str, totals: dict[str, int]) -> Banner:
    """Describe the most frequent failure among the broken entities, and when it was seen first.

    A connection that works but for some of its entities is a warning.
    """
    group = connection.entities.selected().broken_codes()[0]
    found = entry(group["status_reason"])
    is_one, total = group["count"] == 1, totals["total"]
    job_id, since = _first_failure(connection, found.code, None if group["never"] else group["synced_at"])
    title = _told(found.title, connection, source, group["first_name"])
    several = f", for {group['count']} of {total} entities" if total > 1 else ""
    if is_one and total > 1:
        several = "" if group["first_name"] in title else f", for {group['first_name']}"
    return Banner(
        status="broken" if connection.status == Status.BROKEN else "warning",
        title=f"{title}{several}",
        text=" ".join([_told(found.cause, connection, source, group["first_name"]), *_still_works(totals)]),
        since=since or connection.status_since,
        steps=_steps(found, connection, source, group["first_name"]),
        code=found.code,
        job_id=job_id,
        is_first=True,
        next_run_at=group["next_at"],
        owner=_owner(connection),
        runbook=connection.runbook_url,
        mend=_mend(connection, found)[0],
        mend_label=_mend(connection, found)[1],
        resync=_helps(found, "sync_now"),
        invite=_invite(connection, found),
    )


def _still_works(totals: dict[str, int]) -> Iterable[str]:
    others = totals["total"] - totals["broken"]
    if others == 1:
        yield "The other entity still syncs."
    elif others:
        yield f"The other {others} entities still sync."
    yield "What was loaded before is unchanged."


def _stumbling(connection: Connection, source: str) -> Banner:
    """The last run failed, but nobody has to act yet."""
    found = entry(connection.last_error_code)
    entity = connection.entities.selected().values_list("name", flat=True).first() or ""
    return Banner(
        status="warning",
        title=f"The last run failed: {_told(found.title, connection, source, entity)}",
        text=f"{_told(found.cause, connection, source, entity)} Patchbay tries again by itself.",
        since=connection.last_run_at,
        code=found.code,
        job_id=connection.last_job_id,
        next_run_at=connection.next_run_at,
        owner=_owner(connection),
        runbook=connection.runbook_url,
        mend=_mend(connection, found)[0],
        mend_label=_mend(connection, found)[1],
        resync=_helps(found, "sync_now"),
        invite=_invite(connection, found),
    )


def _invite(connection: Connection, found: ErrorEntry) -> str:
    """Return where a link is made, for what the end user mends: a refused sign-in above all."""
    return invite_of(connection) if found.who == "end_user" or found.retry.kind == "auth" else ""


def _mend(connection: Connection, found: ErrorEntry) -> tuple[str, str]:
    """Return where a change helps, empty for nowhere, and what the button there says."""
    kinds = {one.kind for one in found.actions}
    if "review_schema" in kinds:
        return reverse("connections:schema", args=[connection.pk]), "Review changes"
    return _setup(connection) if kinds & {"edit_credentials", "edit_settings"} else "", "Change the setup"


def _setup(connection: Connection) -> str:
    return reverse("connections:setup", args=[connection.pk])


def _owner(connection: Connection) -> str:
    return connection.owner.get_username() if connection.owner else ""


def _helps(found: ErrorEntry, kind: ActionKind) -> bool:
    return any(one.kind == kind for one in found.actions)


def _first_failure(
    connection: Connection, code: str, synced_at: datetime | None
) -> tuple[UUID, datetime | None] | tuple[None, None]:
    """Return the first job that failed with `code` since the last success, and when it started: there it began."""
    since = synced_at or connection.created_at
    failures = Job.objects.filter(connection=connection).failures(code, since=since)
    return failures.values_list("pk", "started_at").first() or (None, None)


def _steps(found: ErrorEntry, connection: Connection, source: str, entity: str) -> tuple[tuple[str, str], ...]:
    def step(action: Action) -> tuple[str, str]:
        return (
            _told(action.title, connection, source, entity),
            _told(action.hint, connection, source, entity),
        )

    return tuple(step(action) for action in found.actions)


def _told(text: str, connection: Connection, source: str, entity: str) -> str:
    destination = connection.destination.name if connection.destination else "the destination"
    return told(text, source=source, destination=destination, entity=entity)
