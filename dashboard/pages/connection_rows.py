"""The rows of the list of connections, ready to print: facts of the shown ones in three queries, words made once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from hashlib import blake2b
from uuid import UUID

from django.db.models import Count, Q
from django.urls import reverse
from django.utils import timezone

from connectors.destinations import registry as destinations
from connectors.errors import REGISTRY
from connectors.models import FAR_AHEAD, Connection, Entity, Pause, ScheduleKind, Status
from connectors.providers import registry as providers
from connectors.schedules import in_words
from connectors.status import reason_in_words
from dashboard import formatting
from dashboard.charts import RunsStrip, runs_strip
from dashboard.pages.setup_link import resume_of
from jobs.models import Lease, LeaseState


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as words, with the exact one for machines and for the title. Without a time only the words stand."""

    words: str
    iso: str = ""
    exact: str = ""


@dataclass(frozen=True, slots=True)
class Meter:
    """How many of the selected entities synced within 24 h, and the bar's two parts as width classes."""

    synced: int
    total: int
    words: str
    good: str
    bad: str


@dataclass(frozen=True, slots=True)
class Activity:
    """What goes on now: its tone ("run" or "idle"), a verb for the button, the words, and the job to watch."""

    tone: str
    verb: str
    words: str
    href: str


@dataclass(frozen=True, slots=True)
class Live:
    """The cells of a row that change by themselves. `resume` is the address at which a setup that was left goes on."""

    status: str
    reason: str
    activity: Activity | None
    meter: Meter | None
    runs: RunsStrip
    last: Moment
    next: Moment
    resume: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One connection of the list. `live` is what may change while somebody looks; `version` stands for it."""

    id: str
    name: str
    href: str
    jobs_href: str
    tile: str
    hue: int
    provider: str
    destination: str
    dataset: str
    schedule: str
    schedule_title: str
    owner: str
    tags: tuple[str, ...]
    live: Live
    version: str = field(init=False)

    def __post_init__(self) -> None:
        """Work out the version."""
        object.__setattr__(self, "version", fingerprint(self.live))


@dataclass(frozen=True, slots=True)
class Counts:
    """The selected entities of a connection: all, those that synced within 24 h, those that are broken."""

    total: int = 0
    synced: int = 0
    failing: int = 0


@dataclass(frozen=True, slots=True)
class Clock:
    """The moment for which a page is made, the time zone it speaks in, and where its day and its 24 h began."""

    now: datetime
    zone: tzinfo
    day_ago: datetime

    def moment(self, at: datetime | None, without: str) -> Moment:
        """Return `at` as words, or the words `without` it."""
        if at is None:
            return Moment(without)
        return Moment(
            formatting.relative_time(at, self.now, self.zone),
            at.astimezone(self.zone).isoformat(timespec="seconds"),
            formatting.exact_time(at, self.zone),
        )


def clock_now() -> Clock:
    """Return the present, in the time zone that pages speak in."""
    now = timezone.now()
    return Clock(now=now, zone=timezone.get_current_timezone(), day_ago=now - timedelta(hours=24))


def fingerprint(value: object) -> str:
    """Return a short text that differs when what is shown of `value` does."""
    return blake2b(repr(value).encode(), digest_size=5).hexdigest()


def rows_of(connections: Sequence[Connection], clock: Clock) -> list[Row]:
    """Return the rows of `connections` (loaded by `for_list`) in their order. Three queries, whatever they are."""
    ids = [connection.pk for connection in connections]
    counts, live, pauses = _entity_counts(ids, clock), _leases(ids), _pauses(ids)
    return [
        _row(one, counts.get(one.pk, Counts()), live.get(one.pk, []), pauses.get(one.pk), clock) for one in connections
    ]


def _entity_counts(ids: Sequence[UUID], clock: Clock) -> dict[UUID, Counts]:
    selected = Entity.objects.selected().filter(connection_id__in=ids)
    counted = selected.values_list("connection_id").annotate(
        total=Count("pk"),
        synced=Count("pk", filter=Q(last_success_at__gte=clock.day_ago)),
        failing=Count("pk", filter=Q(status=Status.BROKEN)),
    )
    return {row[0]: Counts(*row[1:]) for row in counted.order_by()}


def _leases(ids: Sequence[UUID]) -> dict[UUID, list[Lease]]:
    found: dict[UUID, list[Lease]] = {}
    for lease in Lease.objects.syncs().filter(connection_id__in=ids).order_by("pk"):
        found.setdefault(lease.connection_id, []).append(lease)
    return found


def _pauses(ids: Sequence[UUID]) -> dict[UUID, Pause]:
    found = Pause.objects.open().filter(connection_id__in=ids).select_related("created_by")
    return {pause.connection_id: pause for pause in found}


def _row(connection: Connection, counts: Counts, leases: list[Lease], pause: Pause | None, clock: Clock) -> Row:
    provider = providers.manifest(connection.provider)
    target, href = connection.destination, connection.get_absolute_url()
    activity = _activity(leases, clock)
    return Row(
        id=connection.pk.hex,
        name=connection.name,
        # A list has many rows, and looking an address up costs more than the rest of a row.
        href=href,
        jobs_href=f"{href}jobs/",
        tile=provider.tile,
        hue=provider.tile_hue,
        provider=provider.name,
        destination=destinations.manifest(target.kind).name if target else "",
        dataset=connection.dataset,
        schedule=connection.cron if connection.schedule_kind == ScheduleKind.CRON else in_words(connection),
        schedule_title=in_words(connection),
        owner=connection.owner.get_username() if connection.owner else "",
        tags=tuple(tag.name for tag in connection.tags.all()),
        live=Live(
            status=connection.status,
            reason=_reason(connection, counts, pause, clock),
            activity=activity,
            meter=_meter(counts),
            runs=runs_strip(connection.recent_runs, is_running=activity is not None and activity.tone == "run"),
            last=clock.moment(connection.last_run_at, "Never"),
            next=_next(connection, activity, clock),
            resume=resume_of(connection)[1],
        ),
    )


def _activity(leases: list[Lease], clock: Clock) -> Activity | None:
    """Say what the live jobs of a connection do: those that run hide those that wait."""
    if not leases:
        return None
    running = [lease for lease in leases if lease.state == LeaseState.RUNNING]
    if running:
        rows = sum(_rows_so_far(lease) for lease in running)
        words = f"Syncing now, {formatting.number(rows)} rows" if rows else "Syncing now"
        return Activity("run", "Syncing", words, _job_href(running[0]))
    first = min(leases, key=lambda lease: lease.available_at)
    if first.available_at >= FAR_AHEAD:
        return Activity("idle", "Waiting", "Waits for files", _job_href(first))
    waits = first.attempt and first.available_at > clock.now
    words = f"Tries again {formatting.relative_time(first.available_at, clock.now)}" if waits else "Queued"
    return Activity("idle", "Queued", words, _job_href(first))


def _rows_so_far(lease: Lease) -> int:
    """Return the rows read by a running job, from its last report."""
    return sum(extracted for extracted, _loaded in lease.progress.get("tables", {}).values())


def _job_href(lease: Lease) -> str:
    return reverse("jobs:detail", args=[lease.job_id])


def _reason(connection: Connection, counts: Counts, pause: Pause | None, clock: Clock) -> str:
    """Return the two or three words under the status: why it is not active, or what to look at although it is."""
    if pause is not None and connection.status == Status.PAUSED:
        actor = pause.created_by.get_username() if pause.created_by else "a person"
        who = "Patchbay" if pause.is_by_rule else actor
        return f"By {who}, {formatting.elapsed_time(pause.created_at, clock.now)}"
    if step := resume_of(connection)[0]:
        return f"Setup waits: {step}"
    if connection.status != Status.ACTIVE:
        return reason_in_words(connection.status, connection.status_reason)
    return _flagged(connection, counts, clock)


def _flagged(connection: Connection, counts: Counts, clock: Clock) -> str:
    """Return what to look at although it is active: of several flags the most pressing one."""
    if vars(connection)["is_in_outage"]:
        return REGISTRY[connection.last_error_code].short
    if counts.failing:
        return "1 entity failing" if counts.failing == 1 else f"{counts.failing} entities failing"
    if vars(connection)["is_stale"]:
        return _lateness(connection, clock)
    return _ending(connection, clock) if vars(connection)["is_expiring"] else ""


def _ending(connection: Connection, clock: Clock) -> str:
    last = connection.credentials_end_on
    has_ended = last is not None and last < clock.now.date()
    return "Credentials ended" if has_ended else f"Credentials end {last:%-d %b}"


def _lateness(connection: Connection, clock: Clock) -> str:
    last = connection.last_success_at
    return f"No success for {formatting.elapsed_time(last, clock.now)}" if last else "No success yet"


def _meter(counts: Counts) -> Meter | None:
    if not counts.total:
        return None
    missing = counts.total - counts.synced
    noun = "entity" if counts.total == 1 else "entities"
    return Meter(
        synced=counts.synced,
        total=counts.total,
        words=f"{counts.synced} of {counts.total} {noun} synced in the last 24 h",
        good=formatting.width_class(counts.synced, counts.total),
        bad=formatting.width_class(min(counts.failing, missing), counts.total),
    )


def _next(connection: Connection, activity: Activity | None, clock: Clock) -> Moment:
    """Return when the next run is, or why there is none."""
    if connection.status == Status.PAUSED:
        return Moment("Paused")
    planned = connection.next_run_at
    if planned is None:
        return Moment("On hold" if connection.status == Status.BROKEN else "Not scheduled")
    if activity is not None:
        return Moment("After this run")
    return clock.moment(planned, "") if planned > clock.now else Moment("Due now")
