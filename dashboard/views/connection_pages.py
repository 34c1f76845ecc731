"""The pages of one connection: its overview, and its job history with the drawer of an entity."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from connectors.models import Connection
from dashboard.access import HtmxRequest
from dashboard.forms.history import HistoryForm, OverviewForm
from dashboard.pages.connection import Subject
from dashboard.pages.connection_jobs import jobs_of
from dashboard.pages.entity import entity_page_of
from dashboard.pages.hints import IN_DRAWER, ON_OVERVIEW, hints_for
from dashboard.pages.history import history_of
from dashboard.pages.overview import overview_of
from dashboard.pages.snapshot import one_moment
from dashboard.views.refusals import ConnectionGone
from dashboard.views.rendering import render_page

OK = 200
# The element that polls. Its answers leave an open drawer standing and only renew what is inside.
POLL_ID = "poll"


@require_safe
def overview(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show a connection's status, its facts, and its entities or tables."""
    form = OverviewForm(request.GET)
    with one_moment():
        subject = Subject(connection_or_404(pk), timezone.now())
        page = overview_of(subject, **form.criteria())
        hints = hints_for(subject, most=ON_OVERVIEW)
    version = subject.version((page, hints))
    context = {
        "section": "overview",
        "page": page,
        "head": page.head,
        "hints": hints,
        "form": form,
        "address": request.get_full_path(),
        "seen": version,
    }
    return render_page(request, "connections/overview.html", context, fragment="live", version=version)


@require_safe
def jobs(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show a connection's entities with their last runs, and all its jobs."""
    return show_history(request, pk)


def connection_or_404(pk: UUID) -> Connection:
    """Return a connection with all that its pages show of it. Raises `Http404`, or `ConnectionGone` where deleted."""
    found = Connection.everything.for_page().select_related("created_by", "deleted_by", "owner", "credentials_set_by")
    connection = get_object_or_404(found, pk=pk)
    if connection.deleted_at is not None:
        raise ConnectionGone(connection)
    return connection


def show_history(
    request: HttpRequest, pk: UUID, *, address: str = "", entity_pk: UUID | None = None, status: int = OK
) -> HttpResponse:
    """Render the job history, with the drawer of an entity if one is given, at its `address`, the request's or another.

    Raises `Http404` for an unknown connection or entity.
    """
    form = HistoryForm(request.GET)
    asked = form.asked()
    with one_moment():
        subject = Subject(connection_or_404(pk), timezone.now())
        entity = get_object_or_404(subject.entities, pk=entity_pk) if entity_pk else None
        only = subject.connection.entities.filter(pk=asked["entity"]).first() if asked["entity"] else None
        page = history_of(subject, asked)
        listed = jobs_of(subject, asked, only)
        drawer = entity_page_of(subject, entity, asked, page) if entity else None
        hints = hints_for(subject, entity, most=IN_DRAWER) if entity else ()
    version = subject.version((page, listed, drawer, hints))
    is_poll = cast("HtmxRequest", request).htmx.trigger == POLL_ID
    context = {
        "section": "jobs",
        "page": page,
        "jobs": listed,
        "head": page.head,
        "drawer": drawer,
        "hints": hints,
        "form": form,
        "address": address or request.get_full_path(),
        "carried": asked.query(),
        "list_address": f"{reverse('connections:jobs', args=[pk])}{asked.query()}",
        "jobs_address": reverse("connections:jobs", args=[pk]),
        "seen": version,
        "is_poll": is_poll,
    }
    # The same address answers a poll and a click differently, so the two must not be taken for each other.
    tag = version if is_poll else f"{version}-whole"
    return render_page(request, "connections/jobs.html", context, fragment="live", status=status, version=tag)
