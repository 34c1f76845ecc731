"""Connections and the tags that people sort them by."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from django.conf import settings
from django.db import models
from django.db.models import Case, Exists, ExpressionWrapper, F, OuterRef, Q, Value, When
from django.db.models.functions import Coalesce, Lower
from django.urls import reverse

from connectors import secrets
from connectors.ids import SHORTEST_BEGINNING, ids_beginning, new_id
from connectors.models.base import ScheduleKind, Status, SyncFacts
from connectors.models.destination import Destination

# Where something never ran or never will, in a sort: keys of pages must not be null.
LONG_AGO, FAR_AHEAD = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
# What a provider says while it is down as a whole.
OUTAGE_CODES = ("provider_unavailable", "provider_maintenance")
# Before the day on which a credential ends: long enough to get a new one out of another department.
EXPIRING_SOON = timedelta(days=14)


class ConnectionQuerySet(models.QuerySet["Connection"]):
    """Reads of connections."""

    def for_page(self) -> ConnectionQuerySet:
        """All that a connection's own pages show of it, in one query."""
        return self.select_related("destination").defer("credentials", "protection_key")

    def for_list(self, now: datetime) -> ConnectionQuerySet:
        """All that a row of the list shows of the connection itself, in two queries, the second one for its tags.

        `is_stale`, `is_in_outage` and `is_expiring` say whether it has these flags at `now`.
        """
        unseen = ("credentials", "config", "description", "owner__password", "protection_key")
        of_destination = ("destination__credentials", "destination__config")
        whole = self.select_related("destination", "owner").prefetch_related("tags")
        flagged = whole.annotate(
            is_stale=_as_column(_is_stale(now)),
            is_in_outage=_as_column(_IS_IN_OUTAGE),
            is_expiring=_as_column(_is_expiring(now)),
        )
        return flagged.defer(*unseen, *of_destination)

    def matching(self, text: str) -> ConnectionQuerySet:
        """Those that `text` names: a part of the name or of a tag, or an ID, whole or its beginning (8 characters).

        An ID is the connection's own, or the one that the source gave to one of its entities.
        """
        beginning = ids_beginning(text)
        refs = Q(ref__istartswith=text) if len(text) >= SHORTEST_BEGINNING else Q(ref__iexact=text)
        found = Q(name__icontains=text)
        found |= Q(Exists(_tagged(Q(tag__name__icontains=text))))
        found |= Q(Exists(self._entities().filter(refs)))
        return self.filter(found | Q(pk__range=beginning) if beginning else found)

    def for_search(self) -> ConnectionQuerySet:
        """What a hit of the search says of a connection, in one query."""
        return self.select_related("destination").only("name", "provider", "status", "deleted_at", "destination__name")

    def tagged(self, names: Collection[str]) -> ConnectionQuerySet:
        """Those that carry at least one of the tags `names`."""
        return self.filter(Exists(_tagged(Q(tag__name__in=names))))

    def partial(self) -> ConnectionQuerySet:
        """Those that are active although some entity of theirs is broken: the flag `partial`."""
        return self.filter(self._is_partial(), status=Status.ACTIVE)

    def stale(self, now: datetime) -> ConnectionQuerySet:
        """Those that are active, but without a success within twice their interval at `now`: the flag `stale`.

        What never succeeded counts from when it became active. A cron schedule has no interval to measure by.
        """
        return self.filter(_is_stale(now))

    def in_outage(self) -> ConnectionQuerySet:
        """Those whose last run the provider refused as it is down or in maintenance: the flag `provider_outage`.

        Where nothing is tried, nothing is known, so a paused one has no such flag.
        """
        return self.filter(_IS_IN_OUTAGE)

    def expiring_soon(self, now: datetime) -> ConnectionQuerySet:
        """Those whose credentials end within two weeks of `now`, or have ended: the flag `expiring_soon`.

        Also of those that are paused: they could not be resumed.
        """
        return self.filter(_is_expiring(now))

    def with_sort_keys(self, now: datetime) -> ConnectionQuerySet:
        """Add what the list sorts by, never null: `attention`, `name_key`, `last_key` and `next_key`.

        `attention` is 0 for what a person must mend and grows from there: broken, incomplete, active with a flag
        (`partial`, `stale` or `expiring_soon`), active, paused.
        """
        return self.annotate(
            attention=Case(
                When(status=Status.BROKEN, then=0),
                When(status=Status.INCOMPLETE, then=1),
                When(Q(status=Status.ACTIVE) & (self._is_partial() | _is_expiring(now)) | _is_stale(now), then=2),
                When(status=Status.ACTIVE, then=3),
                default=4,
                output_field=models.IntegerField(),
            ),
            name_key=Lower("name"),
            last_key=Coalesce("last_run_at", Value(LONG_AGO)),
            next_key=Coalesce("next_run_at", Value(FAR_AHEAD)),
        )

    def _entities(self) -> models.QuerySet[Any]:
        """The entities of the connection in an outer query; their model is defined after this one."""
        entities = self.model.entities.rel.related_model._default_manager  # noqa: SLF001 - it has no other name here
        return cast("models.QuerySet[Any]", entities.filter(connection=OuterRef("pk")))

    def _is_partial(self) -> Q:
        return Q(Exists(self._entities().filter(is_selected=True, status=Status.BROKEN)))


def _is_stale(now: datetime) -> Q:
    twice = ExpressionWrapper(F("interval_seconds") * Value(timedelta(seconds=2)), models.DurationField())
    good = Q(last_success_at__lt=Value(now) - twice)
    never = Q(last_success_at=None, status_since__lt=Value(now) - twice)
    return Q(good | never, status=Status.ACTIVE, schedule_kind=ScheduleKind.INTERVAL)


def _is_expiring(now: datetime) -> Q:
    return Q(credentials_end_on__lte=(now + EXPIRING_SOON).date())


_IS_IN_OUTAGE = Q(last_error_code__in=OUTAGE_CODES, status__in=(Status.ACTIVE, Status.BROKEN))


def _as_column(condition: Q) -> Case:
    """Whether a row meets `condition`, never null."""
    return Case(When(condition, then=True), default=False, output_field=models.BooleanField())


def _tagged(condition: Q) -> models.QuerySet[Any]:
    """The tags of the connection in an outer query that meet `condition`."""
    return Connection.tags.through._default_manager.filter(condition, connection=OuterRef("pk"))  # noqa: SLF001


class Tag(models.Model):
    """A word that people sort connections by, such as a team or a customer."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=40)

    class Meta:
        ordering = (Lower("name"),)
        constraints = (models.UniqueConstraint(Lower("name"), name="tag_name_unique"),)

    def __str__(self) -> str:
        return self.name


_Connections = models.Manager.from_queryset(ConnectionQuerySet)


class KeptConnections(_Connections["Connection"]):
    """Those that were not deleted: what every list, page and tick means by connections."""

    def get_queryset(self) -> ConnectionQuerySet:
        """Leave out those that were deleted."""
        return cast("ConnectionQuerySet", super().get_queryset().filter(deleted_at__isnull=True))


class SetupStep(models.TextChoices):
    """The step of its setup that a new connection waits at; none once it is finished."""

    CONFIGURE = "configure", "Configure"
    TEST = "test", "Test"
    TABLES = "tables", "Choose tables"
    SCHEDULE = "schedule", "Schedule"
    REVIEW = "review", "Review"


class SchemaPolicy(models.TextChoices):
    """What is done about a source whose tables have changed, before anybody has looked."""

    ACCEPT_ALL = "accept_all", "Accept everything"
    ACCEPT_COLUMNS = "accept_columns", "Accept new columns"
    REVIEW = "review", "Review"
    STOP = "stop", "Stop"


class Connection(SyncFacts):
    """One source with its credentials, one destination, one schedule, its entities.

    One that was deleted stays as a skeleton, without settings and credentials, for its jobs' sake.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=200)
    provider = models.CharField(max_length=40)
    config = models.JSONField(default=dict, blank=True)
    credentials = models.BinaryField(default=b"", blank=True)
    credentials_set_at = models.DateTimeField(null=True, blank=True)
    credentials_set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    # The last day on which they work, where a person knows it; new ones take it away.
    credentials_end_on = models.DateField(null=True, blank=True)
    tested_at = models.DateTimeField(null=True, blank=True)
    destination = models.ForeignKey(
        Destination, on_delete=models.PROTECT, related_name="connections", null=True, blank=True
    )
    dataset = models.CharField(max_length=60, blank=True)
    schedule_kind = models.CharField(max_length=10, choices=ScheduleKind, default=ScheduleKind.INTERVAL)
    interval_seconds = models.PositiveIntegerField(default=6 * 60 * 60)
    cron = models.CharField(max_length=120, blank=True)
    time_zone = models.CharField(max_length=60, default="UTC")
    # The slots of an interval are counted from here, so that late and manual runs never move them.
    anchor_at = models.DateTimeField(auto_now_add=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    setup_step = models.CharField(max_length=12, choices=SetupStep, blank=True)
    # What people tell each other about it; shown where it is broken.
    description = models.TextField(blank=True)
    runbook_url = models.URLField(max_length=500, blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    tags = models.ManyToManyField(Tag, blank=True, related_name="connections")
    schema_policy = models.CharField(max_length=16, choices=SchemaPolicy, default=SchemaPolicy.ACCEPT_COLUMNS)
    # When all tables of the source were listed last, and how many differences wait for a decision.
    schema_read_at = models.DateTimeField(null=True, blank=True)
    pending_changes = models.PositiveIntegerField(default=0)
    # What goes into the digests of hashed columns, sealed; made with the first of them, and never another one.
    protection_key = models.BinaryField(default=b"", blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    deleted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    objects = KeptConnections()
    # The deleted ones too: for what ends after a connection did.
    everything = ConnectionQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint("name", condition=Q(deleted_at__isnull=True), name="connection_name_unique"),
            models.UniqueConstraint(
                "destination", "dataset", condition=~Q(dataset=""), name="connection_dataset_unique"
            ),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="connection_status_known"),
            models.CheckConstraint(condition=Q(schema_policy__in=SchemaPolicy.values), name="connection_policy_known"),
            models.CheckConstraint(condition=Q(interval_seconds__gte=60), name="connection_interval_a_minute"),
            # It becomes a link on pages: never one that a browser would run.
            models.CheckConstraint(
                condition=Q(runbook_url="") | Q(runbook_url__regex="^https?://"), name="connection_runbook_on_the_web"
            ),
        )
        indexes = (models.Index("status", "name", name="connection_by_status"),)

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """The address of the connection's overview."""
        return reverse("connections:overview", args=[self.pk])

    def read_credentials(self) -> dict[str, str]:
        """Open the sealed credentials. For the engine and checks only; nothing may show them."""
        return secrets.unseal(self.credentials, owner=f"connection:{self.pk}")
