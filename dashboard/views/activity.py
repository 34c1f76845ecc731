"""Who did what: on one connection, and everywhere."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard.forms.activity import ActivityFilterForm
from dashboard.pages.acts import activity_of, people
from dashboard.pages.connection import Subject, head_of
from dashboard.views.connection_pages import connection_or_404
from dashboard.views.rendering import render_page


@require_safe
def list_(request: HttpRequest) -> HttpResponse:
    """Show what everybody did, newest first."""
    form = ActivityFilterForm(request.GET, people=people())
    zone, address = timezone.get_current_timezone(), reverse("activity:list")
    page = activity_of(form, address=address, zone=zone, now=timezone.now())
    context = {"page": page, "form": form, "list_address": address}
    return render_page(request, "activity/list.html", context, fragment="acts")


@require_safe
def of_connection(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show what was done to one connection, newest first."""
    subject = Subject(connection_or_404(pk), timezone.now())
    form = ActivityFilterForm(request.GET, people=people())
    address = reverse("connections:activity", args=[pk])
    zone = timezone.get_current_timezone()
    page = activity_of(form, address=address, zone=zone, now=subject.now, connection=subject.connection)
    context = {
        "section": "activity",
        "head": head_of(subject),
        "page": page,
        "form": form,
        "list_address": address,
        "address": request.get_full_path(),
    }
    return render_page(request, "activity/connection.html", context, fragment="acts")
