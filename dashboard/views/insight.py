"""What the jobs of the last sixty days say about a connection, or about one of its entities."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard.forms.insight import InsightForm
from dashboard.pages.connection import Subject, head_of
from dashboard.pages.hints import hints_for
from dashboard.pages.insight import insight_of
from dashboard.views.connection_pages import connection_or_404
from dashboard.views.rendering import render_page, wants_fragment


@require_safe
def of_connection(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show trends, failure patterns and hints; a poll leaves the charts as they are: days do not move in seconds."""
    subject = Subject(connection_or_404(pk), timezone.now())
    form = InsightForm(request.GET)
    criteria: dict[str, Any] = form.criteria()
    chosen = criteria.pop("entity", None)
    entity = subject.connection.entities.filter(pk=chosen).first() if chosen else None
    head = head_of(subject)
    hints = hints_for(subject, entity)
    version = subject.version((head, hints))
    context = {
        "section": "insight",
        "head": head,
        "hints": hints,
        "page": None if wants_fragment(request) else insight_of(subject, entity=entity, **criteria),
        "form": form,
        "address": request.get_full_path(),
        "seen": version,
    }
    return render_page(request, "connections/insight.html", context, fragment="live", version=version)
