"""How a page says no: what was refused, why, and what is possible instead, always with the status 409 (or 410).

A connection that was deleted has no pages any more, but its address is in tickets and chats: whatever asks for it is
told who deleted it and when.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html
from django_htmx.http import HttpResponseClientRedirect, reswap

from connectors.models import Connection
from dashboard.pages.next_steps import way_out
from dashboard.views.rendering import wants_fragment
from jobs.models import Job

CONFLICT, GONE = 409, 410
_READS = ("GET", "HEAD")


class ConnectionGone(Exception):  # noqa: N818 - an answer, not a fault
    """The connection that was asked for was deleted."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection.name)
        self.connection = connection


def refused(
    request: HttpRequest, connection: Connection, sentence: str, *, code: str = "", job_id: UUID | None = None
) -> HttpResponse:
    """Answer an action that was refused (409): with a message to htmx, else with a page that says what is possible."""
    way = way_out(connection.pk, code, job_id)
    if wants_fragment(request):
        messages.warning(request, format_html('{} <a href="{}">{}</a>', sentence, way.href, way.label))
        response = render(request, "ui/messages.html", {"is_fragment": True}, status=CONFLICT)
        return reswap(response, "none")
    context = {"connection": connection, "sentence": sentence, "way": way}
    return render(request, "connections/refused.html", context, status=CONFLICT)


def gone(request: HttpRequest, connection: Connection) -> HttpResponse:
    """Answer for a deleted connection: 410 with who and when to who wants to see it, 409 to who wants to act on it."""
    if request.method not in _READS:
        sentence = f"{connection.name} was deleted. Nothing was done; its jobs stay readable for the retention time."
        return refused(request, connection, sentence, code="deleted")
    if wants_fragment(request):
        # A dialog or an update of a page that was opened before: the whole page says it better.
        return HttpResponseClientRedirect(connection.get_absolute_url())
    job = Job.objects.filter(connection=connection).newest_first().only("pk").first()
    return render(request, "connections/gone.html", {"connection": connection, "job": job}, status=GONE)


class GoneMiddleware:
    """Turns `ConnectionGone`, from whichever view, into its answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on; `process_exception` answers."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer for a deleted connection; every other error goes its way."""
        return gone(request, error.connection) if isinstance(error, ConnectionGone) else None
