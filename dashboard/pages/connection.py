"""What every page of one connection shows: its name and status, the flow picture, and why it does not sync."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from hashlib import blake2b
from typing import Any
from uuid import UUID

from connectors.destinations import registry as destinations
from connectors.models import Connection, EntityQuerySet, Status
from connectors.providers import registry as providers
from connectors.providers.manifest import DestinationManifest, Manifest
from connectors.status import reason_in_words
from dashboard import formatting
from dashboard.pages.banner import Banner, banner_of
from dashboard.pages.next_steps import why_no_sync
from dashboard.pages.waiting import link_of
from jobs.models import Lease, LeaseState
from jobs.services.delivered import is_held
from jobs.services.why import Reason, clock, why_not_running

RECENT = timedelta(hours=24)
# Seconds between two polls, and how long the words of a relative time may stand.
# What one person does another one sees within five seconds.
ACTIVE_POLL, IDLE_POLL = 2, 4
_ACTIVE_WORDS, _IDLE_WORDS = 10, 60
# Settings that name the account or database at the source, the best one first.
_ACCOUNT_SETTINGS = ("database", "account", "base_url", "host")


@dataclass(frozen=True, slots=True)
class Live:
    """A live sync of an entity: its job, whether a worker has it, and the rows read so far.

    `retry` says which attempt it waits for, and until when; empty where it waits for no time.
    """

    job_id: UUID
    is_running: bool
    rows: int
    retry: str

    @property
    def status(self) -> str:
        """The status of the job."""
        return "running" if self.is_running else "pending"

    @property
    def words(self) -> str:
        """What stands under the status while it lives."""
        if not self.is_running:
            return self.retry or "Queued"
        return f"Syncing now, {formatting.number(self.rows)} rows" if self.rows else "Syncing now"


class Subject:
    """One connection with what its pages read of it, each fact once and on first use."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self.connection = connection
        self.now = now

    @cached_property
    def provider(self) -> Manifest:
        """What the provider says about itself."""
        return providers.manifest(self.connection.provider)

    @cached_property
    def destination(self) -> DestinationManifest | None:
        """What the kind of destination says about itself, None before one is chosen."""
        chosen = self.connection.destination
        return destinations.manifest(chosen.kind) if chosen else None

    @cached_property
    def live(self) -> dict[UUID | None, Live]:
        """The live sync of each entity that has one; the running one where another waits behind it."""
        leases = Lease.objects.syncs().filter(connection=self.connection).select_related("job")
        columns = (
            "job_id", "entity_id", "state", "progress", "attempt", "available_at", "job__max_attempts",
            "job__error_code",
        )  # fmt: skip
        rows = leases.only(*columns).order_by("state", "job_id")
        return {lease.entity_id: _live(lease, self.now) for lease in rows}

    @cached_property
    def totals(self) -> dict[str, int]:
        """How many entities there are, by status, by outcome, and synced in the last 24 hours."""
        return self.connection.entities.totals(since=self.now - RECENT, **self._live_ids)

    @property
    def entities(self) -> EntityQuerySet:
        """All entities with their rank and outcome, those that were excluded too."""
        return self.connection.entities.all().with_rank().with_outcome(**self._live_ids)

    @property
    def _live_ids(self) -> dict[str, list[UUID]]:
        """The entities with a live sync: those that a worker has, and those that wait."""
        live = [(entity_id, one.is_running) for entity_id, one in self.live.items() if entity_id]
        return {
            "running": [entity_id for entity_id, is_running in live if is_running],
            "waiting": [entity_id for entity_id, is_running in live if not is_running],
        }

    @cached_property
    def reason(self) -> Reason | None:
        """Why it does not run now; None while it does."""
        return why_not_running(self.connection, now=self.now)

    @property
    def running(self) -> int:
        """How many entities a worker syncs now."""
        return sum(one.is_running for one in self.live.values())

    @property
    def has_entities(self) -> bool:
        """Whether pages speak of entities; a connection with a single one shows no such furniture."""
        return self.totals["total"] + self.totals["excluded"] > 1

    @property
    def poll_seconds(self) -> int:
        """How often the page asks for news."""
        return ACTIVE_POLL if self.live else IDLE_POLL

    def version(self, page: object) -> str:
        """Name the state of a page made of plain values: it changes with them, and as relative times move on."""
        moment = int(self.now.timestamp()) // (_ACTIVE_WORDS if self.live else _IDLE_WORDS)
        return blake2b(f"{page!r}{moment}".encode(), digest_size=12).hexdigest()


@dataclass(frozen=True, slots=True)
class Node:
    """One end of the flow picture. `is_place` says that the detail is an address, such as a dataset."""

    name: str
    detail: str
    tile: str = ""
    hue: int = 6
    is_place: bool = False


@dataclass(frozen=True, slots=True)
class Wire:
    """The cable between both ends: how it is drawn (`kind`), in which status, and what its label says."""

    kind: str
    status: str
    word: str


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a connection's pages. `refusal` says why a sync cannot be started, empty if it can.

    `syncing` is what the button says instead while a sync lives, empty while none does; `look` is the address and the
    words of a link to what a waiting sync waits for, empty where there is none.
    """

    pk: UUID
    name: str
    status: str
    since: datetime
    note: str
    look: tuple[str, str]
    syncing: str
    has_entities: bool
    refusal: str
    source: Node
    target: Node
    wire: Wire
    banner: Banner | None
    poll_seconds: int
    pending_changes: int
    is_assisted: bool


def head_of(subject: Subject) -> Head:
    """Prepare the head, with at most four queries, or eleven while its syncs wait."""
    connection = subject.connection
    banner = banner_of(connection, source=subject.provider.name, totals=subject.totals)
    return Head(
        pk=connection.pk,
        name=connection.name,
        status=connection.status,
        since=connection.status_since,
        note=_note(subject, banner),
        look=link_of(_waits(subject)),
        syncing=_syncing(subject),
        has_entities=subject.has_entities,
        refusal=why_no_sync(connection.status, connection.status_reason),
        source=_source(subject),
        target=_target(subject),
        wire=_wire(subject),
        banner=banner,
        poll_seconds=subject.poll_seconds,
        pending_changes=connection.pending_changes,
        is_assisted=subject.provider.is_assisted,
    )


def _live(lease: Lease, now: datetime) -> Live:
    tables: dict[str, Any] = lease.progress.get("tables", {})
    rows = sum(extracted or 0 for extracted, _ in tables.values())
    retry = "Waits for files" if is_held(lease) else ""
    if not retry and lease.state == LeaseState.PENDING and lease.attempt and lease.available_at > now:
        retry = f"Attempt {lease.attempt + 1} of {lease.job.max_attempts}, next at {clock(lease.available_at, now)}"
    return Live(job_id=lease.job_id, is_running=lease.state == LeaseState.RUNNING, rows=rows, retry=retry)


def _syncing(subject: Subject) -> str:
    """The verb on the button while a sync lives; empty where a press brings the next attempts forward."""
    if subject.running:
        return "Syncing"
    return "Queued" if any(not one.retry for one in subject.live.values()) else ""


def _note(subject: Subject, banner: Banner | None) -> str:
    """What follows "Broken since …" in the head."""
    connection = subject.connection
    if reason := _waits(subject):
        return reason.clause if len(subject.live) > 1 else f"waits to sync: {reason.clause}"
    if subject.live:
        return _syncing_words(subject)
    if connection.status == Status.BROKEN and connection.failure_streak > 1:
        return f"{connection.failure_streak} failed runs in a row"
    if banner and banner.actor:
        return f"by {banner.actor}"
    return reason_in_words(connection.status, connection.status_reason).lower()


def _syncing_words(subject: Subject) -> str:
    total = subject.totals["total"]
    if total > 1:
        return f"syncing now: {subject.running} of {total} entities" if subject.running else "waiting to sync"
    return next(one.words for one in subject.live.values()).lower()


def _waits(subject: Subject) -> Reason | None:
    """Why a connection waits whose syncs were asked for or are due, but none of which runs."""
    return subject.reason if subject.live and not subject.running else None


def _source(subject: Subject) -> Node:
    config, provider = subject.connection.config, subject.provider
    detail = next((str(config[name]) for name in _ACCOUNT_SETTINGS if config.get(name)), provider.category)
    return Node(provider.name, detail, provider.tile, provider.tile_hue)


def _target(subject: Subject) -> Node:
    chosen, manifest = subject.connection.destination, subject.destination
    if chosen is None or manifest is None:
        return Node("No destination yet", "Nothing can be loaded")
    database = chosen.config.get("database", "")
    place = f"{database}.{subject.connection.dataset}" if database else subject.connection.dataset
    return Node(chosen.name, place, manifest.tile, manifest.tile_hue, is_place=True)


def _wire(subject: Subject) -> Wire:
    connection, totals = subject.connection, subject.totals
    if subject.running:
        several = f"{subject.running} of {totals['total']} entities syncing"
        return Wire("run", "running", several if subject.has_entities else "Syncing now")
    word = reason_in_words(connection.status, connection.status_reason)
    if connection.status == Status.PAUSED:
        return Wire("paused", connection.status, "Paused")
    if connection.status != Status.ACTIVE:
        return Wire("broken", connection.status, word)
    if totals["broken"]:
        # The cable works, so it is whole, but somebody should look at it.
        return Wire("ok", "warning", f"{totals['broken']} of {totals['total']} entities broken")
    return Wire("ok", connection.status, "Active")
