"""The pages of one connection: its overview, and its job history with the drawer of an entity."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from connectors.models import Connection, Entity
from dashboard.access import HtmxRequest
from dashboard.forms.history import HistoryForm, OverviewForm
from dashboard.pages.connection import Subject
from dashboard.pages.entity import entity_page_of
from dashboard.pages.history import history_of
from dashboard.pages.overview import overview_of
from dashboard.views.refusals import ConnectionGone
from dashboard.views.rendering import render_page

OK = 200
# The element that polls. Its answers leave an open drawer standing and only renew what is inside.
POLL_ID = "poll"


@require_safe
def overview(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show a connection's status, its facts, and its entities or tables."""
    subject = Subject(connection_or_404(pk), timezone.now())
    form = OverviewForm(request.GET)
    page = overview_of(subject, **form.criteria())
    version = subject.version(page)
    context = {
        "section": "overview",
        "page": page,
        "head": page.head,
        "form": form,
        "address": request.get_full_path(),
        "seen": version,
    }
    return render_page(request, "connections/overview.html", context, fragment="live", version=version)


@require_safe
def jobs(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show a connection's entities with their last runs, and all its jobs."""
    return show_history(request, connection_or_404(pk), address=request.get_full_path())


def connection_or_404(pk: UUID) -> Connection:
    """Return a connection with all that its pages show of it. Raises `Http404`, or `ConnectionGone` where deleted."""
    found = Connection.everything.for_page().select_related("created_by", "deleted_by", "owner", "credentials_set_by")
    connection = get_object_or_404(found, pk=pk)
    if connection.deleted_at is not None:
        raise ConnectionGone(connection)
    return connection


def show_history(
    request: HttpRequest, connection: Connection, *, address: str, entity: Entity | None = None, status: int = OK
) -> HttpResponse:
    """Render the job history at its `address`, with the drawer of `entity` if one is given."""
    subject = Subject(connection, timezone.now())
    form = HistoryForm(request.GET)
    criteria: dict[str, Any] = form.criteria()
    chosen = criteria.pop("entity", None)
    only = connection.entities.filter(pk=chosen).first() if chosen else None
    page = history_of(subject, only=only, **criteria)
    drawer = entity_page_of(subject, entity, refusal=page.head.refusal) if entity else None
    version = subject.version((page, drawer))
    is_poll = cast("HtmxRequest", request).htmx.trigger == POLL_ID
    context = {
        "section": "jobs",
        "page": page,
        "head": page.head,
        "drawer": drawer,
        "only": only,
        "form": form,
        "address": address,
        "list_address": reverse("connections:jobs", args=[connection.pk]),
        "seen": version,
        "is_poll": is_poll,
    }
    # The same address answers a poll and a click differently, so the two must not be taken for each other.
    tag = version if is_poll else f"{version}-whole"
    return render_page(request, "connections/jobs.html", context, fragment="live", status=status, version=tag)
