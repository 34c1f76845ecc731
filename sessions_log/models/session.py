"""One end user's pass through the connect flow."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Collate, Lower
from django.urls import reverse

from connectors import secrets
from connectors.ids import first_id_at, ids_beginning, new_id, short_id
from connectors.models import Connection, Destination
from sessions_log.stages import STAGES, Stage, number_of


class SessionStatus(models.TextChoices):
    """How a session stands; `sessions_log.story` derives it from the events."""

    CREATED = "created", "Created"
    OPENED = "opened", "Opened"
    COMPLETED = "completed", "Completed"
    EXITED = "exited", "Exited"
    ABANDONED = "abandoned", "Abandoned"
    EXPIRED = "expired", "Expired"
    FAILED = "failed", "Failed"


LIVE = (SessionStatus.CREATED, SessionStatus.OPENED)
# Ended without a connection.
LEFT = (SessionStatus.EXITED, SessionStatus.ABANDONED, SessionStatus.EXPIRED, SessionStatus.FAILED)
# What a person can come back to while the session's time is not over.
RESUMABLE = (SessionStatus.OPENED, SessionStatus.EXITED, SessionStatus.ABANDONED, SessionStatus.FAILED)


class SessionKind(models.TextChoices):
    """Whether it makes a connection or mends one."""

    FIRST = "first", "First connection"
    RECONNECT = "reconnect", "Reconnect"


class Origin(models.TextChoices):
    """Whose pages it took place on."""

    HOSTED = "hosted", "Hosted flow"
    EMBEDDED = "embedded", "Own front end"


# The fields by whose beginning a session is found.
FOUND_BY = ("end_user_name", "end_user_email", "reference")


def beginning_of(field: str) -> Collate:
    """Return a field in lower case, sorted by its bytes, so that an index finds what begins with a text."""
    return Collate(Lower(field), "C")


class SessionQuerySet(models.QuerySet["Session"]):
    """Reads of sessions. An id begins with its time, so a period is a range of ids."""

    def for_list(self) -> SessionQuerySet:
        """All that a row shows, newest first, in one query; nothing that is secret is read."""
        return self.select_related("connection").defer(*_UNSEEN, *_OF_CONNECTION).order_by("-pk")

    def for_page(self) -> SessionQuerySet:
        """All that a session's own page shows of it, in one query."""
        return self.select_related("connection__destination", "created_by").defer(
            *_UNSEEN, *_OF_CONNECTION, "connection__destination__credentials", "created_by__password"
        )

    def latest_of(self, connection: Connection) -> Session | None:
        """The newest one of a connection."""
        return self.for_page().filter(connection=connection).order_by("-pk").first()

    def made(self, since: datetime | None, until: datetime | None = None) -> SessionQuerySet:
        """Those made from `since` on and before `until`, each where it is set."""
        found = self.filter(pk__gte=first_id_at(since)) if since else self
        return found.filter(pk__lt=first_id_at(until)) if until else found

    def matching(self, text: str) -> SessionQuerySet:
        """Those whose end user, e-mail or reference holds `text`, or whose ID begins with it; all for an empty text."""
        if not text:
            return self
        found = Q(end_user_name__icontains=text) | Q(reference__icontains=text) | Q(end_user_email__icontains=text)
        beginning = ids_beginning(text)
        return self.filter(found | Q(pk__range=beginning) if beginning else found)

    def beginning(self, text: str, ids: tuple[UUID, UUID] | None = None) -> SessionQuerySet:
        """Those whose end user's name, e-mail or your reference begins with `text`, or whose ID is between two `ids`.

        At most `MOST_BY_BEGINNING` by each of them; indexes find these, however many sessions there are.
        """
        wanted = Session.objects.order_by().values("pk")
        parts: list[Any] = [
            wanted.alias(key=beginning_of(field))
            .filter(key__startswith=text.lower())
            .order_by("key", "-pk")[:MOST_BY_BEGINNING]
            for field in FOUND_BY
        ]
        if ids:
            parts.append(wanted.filter(pk__range=ids).order_by("-pk")[:MOST_BY_BEGINNING])
        return self.filter(pk__in=parts[0].union(*parts[1:], all=True))

    def with_finding(self, code: str) -> SessionQuerySet:
        """Those in which the finding `code` was made."""
        return self.filter(findings__contains=[{"code": code}])

    def reached(self, stage: str) -> SessionQuerySet:
        """Those who came as far as `stage`, or further."""
        return self.filter(furthest__gte=number_of(stage))

    def left_at(self, stage: str) -> SessionQuerySet:
        """Those who came as far as `stage` and ended there without a connection."""
        return self.filter(furthest=number_of(stage), status__in=LEFT)


MOST_BY_BEGINNING = 101
# What opens something, or is kept only while somebody is in the flow.
_UNSEEN = ("link_hash", "visit_hash", "sealed", "oauth_state_hash", "config")
_OF_CONNECTION = ("connection__credentials", "connection__config", "connection__recent_runs")


class Session(models.Model):
    """One end user's pass through the connect flow, and the link that led to it: one link, one session.

    The second half are facts that its events say; `sessions_log.services.record` alone writes them.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=12, choices=SessionKind, default=SessionKind.FIRST)
    origin = models.CharField(max_length=12, choices=Origin, default=Origin.HOSTED)
    # The one to mend, or the one that was made.
    connection = models.ForeignKey(
        Connection, on_delete=models.SET_NULL, null=True, blank=True, related_name="connect_sessions"
    )
    # Where the data of a new connection lands, and what an operator set of it: settings that are no secrets.
    destination = models.ForeignKey(Destination, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    config = models.JSONField(default=dict, blank=True)
    is_provider_fixed = models.BooleanField(default=False)
    products = models.JSONField(default=list, blank=True)
    end_user_name = models.CharField(max_length=200, blank=True)
    end_user_email = models.EmailField(blank=True)
    reference = models.CharField(max_length=200, blank=True)
    return_url = models.URLField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    # The link: only the SHA-256 of its 256 bits is stored. It works once, until then.
    link_hash = models.BinaryField(null=True, unique=True)
    expires_at = models.DateTimeField()
    redeemed_at = models.DateTimeField(null=True, blank=True)
    # The SHA-256 of what the browser that redeemed it holds.
    visit_hash = models.BinaryField(null=True)
    # What was accepted at sign-in, sealed, until the connection holds it; also the verifier of a sign-in elsewhere.
    sealed = models.BinaryField(default=b"", blank=True)
    oauth_state_hash = models.BinaryField(null=True)
    terms_version = models.CharField(max_length=100, blank=True)
    terms_accepted_at = models.DateTimeField(null=True, blank=True)
    first_job_id = models.UUIDField(null=True, blank=True)

    # ---- Facts that the events say ----
    status = models.CharField(max_length=12, choices=SessionStatus, default=SessionStatus.CREATED)
    provider = models.CharField(max_length=40, blank=True)
    # Where the person is, or was last; and the number of the furthest stage.
    stage = models.CharField(max_length=20, choices=Stage, default=Stage.INVITED)
    furthest = models.PositiveSmallIntegerField(default=0)
    opened_at = models.DateTimeField(null=True, blank=True)
    last_event_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    # From the opening to the last thing the person did, without silences that count as being away, in milliseconds.
    took_ms = models.BigIntegerField(null=True, blank=True)
    # Milliseconds at each stage that was reached.
    stage_ms = models.JSONField(default=dict, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    # [{"code", "count", …}], in the order in which they stand out.
    findings = models.JSONField(default=list, blank=True)
    event_count = models.PositiveIntegerField(default=0)
    # What is added to the clock of the person's device to get ours: the smallest seen, which has the least delay in it.
    clock_offset_ms = models.BigIntegerField(null=True, blank=True)
    changed_at = models.DateTimeField(auto_now_add=True)

    objects = SessionQuerySet.as_manager()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(status__in=SessionStatus.values), name="session_status_known"),
            models.CheckConstraint(condition=Q(stage__in=Stage.values), name="session_stage_known"),
            models.CheckConstraint(condition=Q(furthest__lt=len(STAGES)), name="session_furthest_a_stage"),
            # It becomes a link on pages: never one that a browser would run.
            models.CheckConstraint(
                condition=Q(return_url="") | Q(return_url__regex="^https?://"), name="session_return_on_the_web"
            ),
        )
        indexes = (
            models.Index("connection", "id", name="session_by_connection"),
            models.Index("status", "id", name="session_by_status"),
            models.Index(fields=["last_event_at"], condition=Q(status="opened"), name="session_open_by_silence"),
            models.Index(fields=["expires_at"], condition=Q(status="created"), name="session_waiting_by_end"),
            models.Index("changed_at", name="session_by_change"),
            GinIndex(fields=["findings"], name="session_by_finding", opclasses=["jsonb_path_ops"]),
            models.Index("provider", "id", name="session_by_provider"),
            models.Index(fields=["error_code", "id"], condition=~Q(error_code=""), name="session_by_code"),
            models.Index(
                fields=["furthest", "id"],
                include=["provider", "status", "error_code"],
                condition=Q(status__in=["exited", "abandoned", "expired", "failed"]),
                name="session_by_where_left",
            ),
            *(models.Index(beginning_of(field), F("id").desc(), name=f"session_by_{field}") for field in FOUND_BY),
        )

    def __str__(self) -> str:
        return self.end_user_name or self.reference or short_id(self.pk)

    def get_absolute_url(self) -> str:
        """The address of the session's page."""
        return reverse("sessions:detail", args=[self.pk])

    def read_sealed(self) -> dict[str, Any]:
        """Open what is kept between two steps of the flow. For the flow only; nothing may show it."""
        return dict(secrets.unseal(self.sealed, owner=f"session:{self.pk}"))
