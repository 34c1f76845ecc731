"""What the pages of destinations show: the list, one with its last check, and the connections that load there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, Sum
from django.urls import reverse

from connectors.destinations import registry
from connectors.errors import REGISTRY, told
from connectors.ids import first_id_at
from connectors.models import Connection, Destination, Status
from connectors.providers import registry as providers
from connectors.providers.manifest import DestinationManifest
from connectors.services.destination_check import Check, stored_check
from dashboard import formatting
from dashboard.pages.job_steps import label_of
from jobs.models import SYNC_TYPES, Job, JobStatus
from jobs.text import counted

DAY = timedelta(hours=24)
SHOWN_CONNECTIONS = 20
_NEVER = ("skipped", "Not tested")
# The registry speaks of connections and sources; these say it of a destination.
_TITLES = {
    "misconfigured": "The settings do not fit {name}",
    "address_not_allowed": "The address of {name} is not allowed",
}
_CAUSES = {"misconfigured": "The destination does not know the database, file or option that is set here."}


@dataclass(frozen=True, slots=True)
class Row:
    """One destination of the list."""

    pk: UUID
    name: str
    href: str
    manifest: DestinationManifest
    place: str
    used: str
    status: str
    word: str
    checked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a check, ready to print."""

    label: str
    status: str
    took: str
    said: str


@dataclass(frozen=True, slots=True)
class CheckView:
    """A check in words; of one that failed also why and what to do."""

    status: str
    word: str
    steps: tuple[Step, ...]
    title: str = ""
    cause: str = ""
    actions: tuple[tuple[str, str], ...] = ()
    words: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Loading:
    """One connection that loads into a destination."""

    name: str
    href: str
    tile: str
    hue: int
    status: str
    dataset: str
    rows: str
    last: datetime | None


@dataclass(frozen=True, slots=True)
class DestinationPage:
    """Everything that the page of one destination prints."""

    row: Row
    facts: tuple[tuple[str, str], ...]
    set_by: str
    check: CheckView | None
    used: int
    used_note: str
    rows_24h: str
    loads_24h: str
    failed_24h: str
    connections: tuple[Loading, ...]
    more_href: str


def rows_of(destinations: Iterable[Destination]) -> tuple[Row, ...]:
    """Return the rows of destinations that were loaded with `for_page`."""
    return tuple(row_of(one) for one in destinations)


def row_of(destination: Destination) -> Row:
    """Return the row of one destination that was loaded with `for_page`."""
    used: int = getattr(destination, "used", 0)
    status, word = _state(destination)
    return Row(
        pk=destination.pk,
        name=destination.name,
        href=destination.get_absolute_url(),
        manifest=registry.manifest(destination.kind),
        place=registry.place_of(destination.kind, destination.config),
        used=counted(used, "connection") if used else "Not used",
        status=status,
        word=word,
        checked_at=destination.checked_at,
    )


def page_of(destination: Destination, *, now: datetime, zone: tzinfo) -> DestinationPage:
    """Prepare the page of a destination that was loaded with `for_page`: three queries."""
    row = row_of(destination)
    loads = _loads(destination, now)
    using = Connection.objects.filter(destination=destination)
    shown = list(using.defer("credentials", "config").order_by("name")[:SHOWN_CONNECTIONS])
    states = dict(using.values_list("status").annotate(count=Count("pk")).order_by())
    used: int = getattr(destination, "used", 0)
    done, failed = (sum(one[name] for one in loads.values()) for name in ("done", "failed"))
    more = f"{reverse('connections:list')}?destination={destination.pk}" if used > SHOWN_CONNECTIONS else ""
    return DestinationPage(
        row=row,
        facts=_facts(destination),
        set_by=set_by(destination, now, zone),
        check=view_of(stored_check(destination.last_check), destination.name),
        used=used,
        used_note=_used_note(states, used),
        rows_24h=formatting.number(sum(one["rows"] or 0 for one in loads.values())),
        loads_24h=f"in {counted(done, 'load')}",
        failed_24h=formatting.number(failed),
        connections=tuple(_loading(one, loads.get(one.pk, {})) for one in shown),
        more_href=more,
    )


def set_by(destination: Destination, now: datetime, zone: tzinfo) -> str:
    """Say when the credentials were set and by whom: "Set 3 d ago by operator"; empty where there are none."""
    if not getattr(destination, "is_sealed", False):
        return ""
    when = destination.credentials_set_at
    who = destination.credentials_set_by
    ago = f" {formatting.relative_time(when, now, zone)}" if when else ""
    return f"Set{ago}{f' by {who.get_username()}' if who else ''}"


def view_of(check: Check | None, name: str) -> CheckView | None:
    """Put a check of the destination `name` into words; None where there is none."""
    if check is None:
        return None
    steps = tuple(
        Step(label_of(one.name), one.status, formatting.duration(_seconds(one.milliseconds)), one.said)
        for one in check.steps
    )
    if check.is_ok:
        return CheckView("success", "Works", steps)
    entry = REGISTRY.get(check.code, REGISTRY["unknown_error"])

    def say(text: str) -> str:
        return told(text, source=name, destination=name)

    return CheckView(
        status="failed",
        word=entry.short,
        steps=steps,
        title=_TITLES[check.code].format(name=name) if check.code in _TITLES else say(entry.title),
        cause=_CAUSES.get(check.code) or say(entry.cause),
        actions=tuple((say(one.title), say(one.hint)) for one in entry.actions if one.kind != "sync_now"),
        words=check.detail,
        code=check.code,
    )


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _state(destination: Destination) -> tuple[str, str]:
    found = stored_check(destination.last_check)
    if found is None:
        return _NEVER
    return (
        ("success", "Works") if found.is_ok else ("failed", REGISTRY.get(found.code, REGISTRY["unknown_error"]).short)
    )


def _facts(destination: Destination) -> tuple[tuple[str, str], ...]:
    fields = registry.manifest(destination.kind).fields
    known = destination.config
    return tuple(
        (one.label, str(known.get(one.name) or one.default or formatting.NOT_APPLICABLE))
        for one in fields
        if not one.is_secret
    )


def _used_note(states: dict[str, int], used: int) -> str:
    words = [f"{states[one]} {one}" for one in (Status.BROKEN, Status.INCOMPLETE, Status.PAUSED) if states.get(one)]
    return ", ".join(words) or ("all active" if used else "none")


def _loads(destination: Destination, now: datetime) -> dict[UUID, dict[str, Any]]:
    """Return rows, loads and failed loads of the last 24 hours by connection. The id is the time."""
    ended = Job.objects.filter(pk__gte=first_id_at(now - DAY), type__in=SYNC_TYPES, connection__destination=destination)
    counts = ended.values("connection_id").annotate(
        rows=Sum("rows_loaded"),
        done=Count("pk", filter=Q(status=JobStatus.SUCCESS)),
        failed=Count("pk", filter=Q(status=JobStatus.FAILED)),
    )
    return {one["connection_id"]: dict(one) for one in counts.order_by()}


def _loading(connection: Connection, loads: dict[str, Any]) -> Loading:
    provider = providers.manifest(connection.provider)
    return Loading(
        name=connection.name,
        href=connection.get_absolute_url(),
        tile=provider.tile,
        hue=provider.tile_hue,
        status=connection.status,
        dataset=connection.dataset,
        rows=formatting.number(loads.get("rows") or 0),
        last=connection.last_success_at,
    )
