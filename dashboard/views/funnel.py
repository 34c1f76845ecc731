"""The funnel, and what it shows as a file."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard.forms.funnel import FunnelForm
from dashboard.pages.connection_export import as_csv
from dashboard.pages.funnel import funnel_page
from dashboard.pages.funnel_export import NAMES, records


@require_safe
def funnel(request: HttpRequest) -> HttpResponse:
    """Show how far sessions came, where they ended, and where most is lost."""
    now = timezone.now()
    return render(request, "sessions/funnel.html", {"page": funnel_page(request.GET.dict(), now), "now": now})


@require_safe
def csv(request: HttpRequest) -> HttpResponseBase:
    """Give the funnel as CSV; refuse what is not valid (400), for a file cannot say what was left out."""
    form = FunnelForm(request.GET.dict())
    criteria, notes = form.criteria(), form.notes()
    if notes:
        text = "\n".join(["There is no file for this address:", *notes, ""])
        return HttpResponseBadRequest(text, content_type="text/plain; charset=utf-8")
    now = timezone.now()
    response = StreamingHttpResponse(as_csv(records(criteria, now), NAMES), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="funnel-{now:%Y-%m-%d}.csv"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "private, no-store"
    return response
