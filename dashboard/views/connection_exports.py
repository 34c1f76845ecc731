"""The list of connections as a file: exactly what is filtered, in its order, beyond the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from dashboard.forms.connections import ConnectionFilterForm
from dashboard.pages.connection_export import Record, as_csv, as_json, records
from dashboard.pages.connection_filters import choices_made_by_people
from dashboard.pages.connection_rows import clock_now


@require_safe
def csv(request: HttpRequest) -> HttpResponseBase:
    """Answer with the matching connections as CSV."""
    return _file(request, as_csv, "text/csv; charset=utf-8", "csv")


@require_safe
def json(request: HttpRequest) -> HttpResponseBase:
    """Answer with the matching connections as JSON."""
    return _file(request, as_json, "application/json", "json")


def _file(
    request: HttpRequest, write: Callable[[Iterator[Record]], Iterator[str]], content_type: str, suffix: str
) -> HttpResponseBase:
    """Stream the file; refuse what is not valid (400), for a file cannot say that a filter was left out."""
    form = ConnectionFilterForm(request.GET, choices=choices_made_by_people())
    criteria, notes = form.criteria(), form.notes()
    if notes:
        return _refused(notes)
    clock = clock_now()
    response = StreamingHttpResponse(write(records(criteria, clock)), content_type=content_type)
    response.headers["Content-Disposition"] = f'attachment; filename="connections-{clock.now:%Y-%m-%d}.{suffix}"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _refused(notes: list[str]) -> HttpResponse:
    text = "\n".join(["There is no file for this address:", *notes, ""])
    return HttpResponseBadRequest(text, content_type="text/plain; charset=utf-8")
