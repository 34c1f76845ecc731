"""What can be found: one function for each kind of record, all of them in `FINDERS`.

Another kind of record is one function here. Where it has a name, a trigger writes that into `connectors.models.Name`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse

from connectors.destinations import registry as destinations
from connectors.errors import REGISTRY
from connectors.ids import short_id
from connectors.models import Connection, Destination, Entity, Name
from connectors.providers import registry as providers
from dashboard.forms.job_criteria import JobCriteria
from dashboard.forms.session_criteria import SessionCriteria
from dashboard.pages.search.hits import Finder, Group, Hit, Search
from dashboard.pages.session_rows import kind_of, who_of
from dashboard.pages.session_words import provider_name
from jobs.models import Job, JobStatus
from jobs.text import counted
from sessions_log.models import Session

LATELY = timedelta(hours=24)
_MINUTE = timedelta(minutes=1)
_TIME_BITS = 80
# Words such as "a" are in too many codes to mean one.
_SHORTEST_CODE = 3


def jobs(search: Search) -> Group:
    """Jobs by their ID."""
    rows, ids = search.jobs, search.asked.ids
    total = len(rows)
    if ids and total > search.limit:
        total = Job.objects.with_ids(*ids).order_by()[: search.most + 1].count()
    hits = tuple(_job(job, search.asked.beginning) for job in rows[: search.limit])
    href = _jobs_made(ids) if ids and total > len(hits) else ""
    return _group("Jobs", hits, total, search, href, "All jobs of these minutes")


def related(search: Search) -> Group:
    """Where the one job that is meant belongs: its connection and its entity. For suggestions."""
    job = search.jobs[0]
    hits = [_connection(job.connection)]
    if job.entity:
        job.entity.connection = job.connection
        hits.append(_entity(job.entity))
    return Group("From this job", tuple(hits), len(hits))


def connections(search: Search) -> Group:
    """Connections by name or ID, those that were deleted behind the others."""
    found = search.named[Name.Kind.CONNECTION]
    rows = Connection.everything.for_search().in_bulk(_ids(found, search.limit))
    hits = [_connection(rows[pk], is_exact=is_exact) for pk, is_exact in found[: search.limit] if pk in rows]
    hits.sort(key=lambda hit: hit.is_deleted)
    # The list finds what holds the words as they stand.
    is_list = len(search.asked.words) == 1
    href = f"{reverse('connections:list')}?{urlencode({'q': search.asked.text})}" if is_list else ""
    return _group("Connections", tuple(hits), len(found), search, href or _only(search, "connections"))


def entities(search: Search) -> Group:
    """Entities by name, ID, or the ID that their source gave them."""
    found = search.named[Name.Kind.ENTITY]
    rows = Entity.objects.for_search().in_bulk(_ids(found, search.limit))
    hits = [_entity(rows[pk], is_exact=is_exact) for pk, is_exact in found[: search.limit] if pk in rows]
    hits.sort(key=lambda hit: hit.is_deleted)
    return _group("Entities", tuple(hits), len(found), search, _only(search, "entities"))


def in_destinations(search: Search) -> Group:
    """Destinations by name or ID."""
    found = search.named[Name.Kind.DESTINATION]
    rows = Destination.objects.only("name", "kind").in_bulk(_ids(found, search.limit))
    hits = [_destination(rows[pk], is_exact=is_exact) for pk, is_exact in found[: search.limit] if pk in rows]
    return _group("Destinations", tuple(hits), len(found), search, _only(search, "destinations"))


def sessions(search: Search) -> Group:
    """Sessions by their ID, and by the beginning of the end user's name or e-mail, or of your reference."""
    rows, asked = search.sessions, search.asked
    hits = tuple(_session(row, asked.beginning if search.has_id(row) else "") for row in rows[: search.limit])
    # The list finds the text anywhere, not only at the beginning.
    href = SessionCriteria(period="all", q=asked.text).address()
    return _group("Sessions", hits, len(rows), search, href, "All sessions with it")


def codes(search: Search) -> Group:
    """Error codes by the code, a part of it, or its short words; each with how many jobs failed by it lately."""
    text = search.asked.lower
    code = "_".join(text.replace("-", " ").split())
    known = [one for one in REGISTRY.values() if code in one.code or text in one.short.lower()]
    if len(code) < _SHORTEST_CODE or not known:
        return Group("Error codes")
    failed = Job.objects.failed_by([one.code for one in known], since=search.now - LATELY)
    known.sort(key=lambda one: (one.code != code, -failed.get(one.code, 0), one.code))
    hits = tuple(
        Hit(
            href=JobCriteria(status=JobStatus.FAILED, code=one.code).address(),
            icon="info",
            title=one.code,
            sub=one.short,
            word=f"{counted(failed.get(one.code, 0), 'job')} failed in 24 h",
            is_mono=True,
            is_exact=one.code == code,
        )
        for one in known
    )
    return _group("Error codes", hits[: search.limit], len(hits), search, _only(search, "codes"))


FINDERS: dict[str, Finder] = {
    "jobs": jobs,
    "connections": connections,
    "entities": entities,
    "destinations": in_destinations,
    "sessions": sessions,
    "codes": codes,
}


def _ids(found: Sequence[tuple[UUID, bool]], limit: int) -> Iterator[UUID]:
    return (pk for pk, _ in found[:limit])


def _group(
    title: str, hits: tuple[Hit, ...], total: int, search: Search, href: str, more: str = "Show more of them"
) -> Group:
    is_capped = total > search.most
    has_more = total > len(hits) and href
    return Group(title, hits, min(total, search.most), is_capped, href if has_more else "", more)


def _only(search: Search, kind: str) -> str:
    """Return the address of this search with the hits of a kind alone; empty where that is what is shown."""
    return "" if search.only else f"{reverse('search')}?{urlencode({'q': search.asked.text, 'only': kind})}"


def _jobs_made(ids: tuple[UUID, UUID]) -> str:
    """Return the address of the list of all jobs made in the minutes that these IDs cover."""
    first, last = (datetime.fromtimestamp((one.int >> _TIME_BITS) / 1000, UTC) for one in ids)
    since = first.replace(second=0, microsecond=0)
    return JobCriteria(since=since, until=last.replace(second=0, microsecond=0) + _MINUTE).address()


def _job(job: Job, beginning: str) -> Hit:
    whole = str(job.pk)
    subject = [job.get_type_display(), job.entity.name if job.entity else "", job.connection.name]
    return Hit(
        href=job.get_absolute_url(),
        icon="jobs",
        title=whole,
        sub=", ".join(dict.fromkeys(word for word in subject if word)),
        status=job.status,
        at=job.ended_at or job.created_at,
        marked=_as_written(whole, beginning),
        is_mono=True,
        is_exact=True,
    )


def _as_written(whole: str, beginning: str) -> str:
    """Return the beginning of an ID as it is written on our pages, with hyphens, whichever way it was typed."""
    digits, length = len(beginning.replace("-", "")), 0
    while digits and length < len(whole):
        digits -= whole[length] != "-"
        length += 1
    return whole[:length]


def _session(session: Session, beginning: str) -> Hit:
    provider = provider_name(session.provider)
    about = ", ".join(filter(None, (kind_of(session), provider, short_id(session.pk))))
    whole = str(session.pk)
    return Hit(
        href=session.get_absolute_url(),
        icon="sessions",
        title=whole if beginning else who_of(session),
        sub=", ".join((who_of(session), about)) if beginning else about,
        status=session.status,
        at=session.opened_at or session.created_at,
        marked=_as_written(whole, beginning) if beginning else "",
        is_mono=bool(beginning),
        # A name is that of a customer, whose connection is meant by it.
        is_exact=bool(beginning),
    )


def _connection(connection: Connection, *, is_exact: bool = False) -> Hit:
    if connection.deleted_at:
        return Hit(
            href=JobCriteria(connection=connection).address(),
            icon="plug",
            title=connection.name,
            sub="Deleted. Its jobs stay readable",
            word="Deleted",
            is_exact=is_exact,
            is_deleted=True,
        )
    to = f" to {connection.destination.name}" if connection.destination else ""
    return Hit(
        href=connection.get_absolute_url(),
        icon="plug",
        title=connection.name,
        sub=f"{providers.manifest(connection.provider).name}{to}",
        status=connection.status,
        is_exact=is_exact,
    )


def _entity(entity: Entity, *, is_exact: bool = False) -> Hit:
    connection = entity.connection
    is_deleted = connection.deleted_at is not None
    known_as = f", {entity.ref}" if entity.ref != entity.name else ""
    return Hit(
        href=JobCriteria(connection=connection).address() if is_deleted else entity.get_absolute_url(),
        icon="building",
        title=entity.name,
        sub=f"Entity of {connection.name}{known_as}",
        status="" if is_deleted else entity.status,
        word="Deleted" if is_deleted else "",
        is_exact=is_exact,
        is_deleted=is_deleted,
    )


def _destination(destination: Destination, *, is_exact: bool = False) -> Hit:
    return Hit(
        href=destination.get_absolute_url(),
        icon="db",
        title=destination.name,
        sub=destinations.manifest(destination.kind).name,
        is_exact=is_exact,
    )
