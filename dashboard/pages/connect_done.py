"""The last page of the hosted flow: what is connected, and how the first copy of each entity stands."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.models import Connection, Upload
from connectors.providers import registry
from dashboard.looks import LOOKS
from jobs.models import Job, JobStatus
from jobs.text import counted
from sessions_log.models import Session, SessionKind

# More than these are only counted: the page is for reading, and a list of hundreds says nothing.
MOST_SHOWN = 50
_WORDS = {
    JobStatus.PENDING: "Waiting",
    JobStatus.RUNNING: "Copying",
    JobStatus.SUCCESS: "Copied",
    JobStatus.FAILED: "Not copied yet",
    JobStatus.CANCELLED: "Not copied yet",
}
# How it looks to somebody who need not act: what failed is ours to mend.
_LOOKS = {JobStatus.FAILED: "warning", JobStatus.CANCELLED: "pending"}


@dataclass(frozen=True, slots=True)
class Line:
    """One entity and its first copy; without a `status` none is on its way."""

    name: str
    status: str
    word: str


@dataclass(frozen=True, slots=True)
class Done:
    """What the page says. `more` are those that are not listed."""

    title: str
    lead: str
    lines: tuple[Line, ...]
    more: int
    source: str


def done_of(session: Session) -> Done:
    """Prepare the page of a session that is completed. Three queries at most."""
    connection = session.connection
    if connection is None:
        return Done("This is connected", "You can close this page.", (), 0, "")
    manifest = registry.manifest(connection.provider)
    if manifest.is_assisted:
        return _of_files(connection, session)
    total = connection.entities.selected().count()
    entities = connection.entities.selected().order_by("name", "pk").values_list("pk", "name")[:MOST_SHOWN]
    statuses = _statuses(connection, session)
    is_again = session.kind == SessionKind.RECONNECT
    made = f"{manifest.entities_in_words(total)} {'is' if total == 1 else 'are'} connected"
    return Done(
        title=f"{manifest.name} is connected again" if is_again else made,
        lead=_lead(statuses),
        lines=tuple(_line(name, statuses.get(str(pk))) for pk, name in entities) if total > 1 else (),
        more=max(0, total - MOST_SHOWN),
        source=manifest.name,
    )


def _of_files(connection: Connection, session: Session) -> Done:
    sent = list(Upload.objects.of_visit(session.pk).exclude(connection=None).order_by("pk")[: MOST_SHOWN + 1])
    statuses = _statuses(connection, session)
    lead = (
        _lead(statuses)
        if statuses
        else "They are loaded as soon as all that is awaited is there. You can close this page."
    )
    return Done(
        title=f"{counted(len(sent), 'file')} {'is' if len(sent) == 1 else 'are'} delivered",
        lead=lead,
        lines=tuple(Line(one.name, one.status, LOOKS[one.status].word) for one in sent[:MOST_SHOWN]),
        more=max(0, len(sent) - MOST_SHOWN),
        source="",
    )


def _statuses(connection: Connection, session: Session) -> dict[str, str]:
    """Return the status of the newest sync that this session started, by entity."""
    if session.first_job_id is None:
        return {}
    jobs = Job.objects.filter(connection=connection, pk__gte=session.first_job_id, entity__isnull=False)
    return {str(entity): status for entity, status in jobs.order_by("pk").values_list("entity_id", "status")}


def _lead(statuses: dict[str, str]) -> str:
    known = set(statuses.values())
    if not known:
        return "The data is copied by the usual plan. You can close this page."
    if known == {JobStatus.SUCCESS}:
        return "The first copy is done. You can close this page."
    if known & {JobStatus.PENDING, JobStatus.RUNNING}:
        return "The first copy has started. You can close this page: it goes on by itself."
    return "Not all of it could be copied yet. You need not do anything: it is tried again. You can close this page."


def _line(name: str, status: str | None) -> Line:
    if status is None:
        return Line(name, "", "")
    known = JobStatus(status)
    return Line(name, _LOOKS.get(known, known.value), _WORDS[known])
