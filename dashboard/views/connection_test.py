"""The tests of a connection: a dialog (a page of its own without scripts) that shows one, live while it runs."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from connectors.models import Connection
from dashboard.access import Can, HtmxRequest, role_of
from dashboard.forms.connection_test import ShownTestForm
from dashboard.pages import parts
from dashboard.pages.connection_test import (
    POLL_SECONDS,
    chosen_of,
    earlier_of,
    failing_since,
    shown_of,
    tests_of,
)
from dashboard.views.connection_pages import connection_or_404
from dashboard.views.rendering import render_page, wants_fragment
from jobs.models import Job
from jobs.services.enqueue import CannotSync
from jobs.services.enqueue_test import enqueue_test

TEMPLATE = "tests/dialog.html"
OK, CONFLICT, STOP_POLLING = 200, 409, 286
POLL_ID, NOBODY = "test-poll", UUID(int=0)
PARTS = ("title", "when", "checks", "actions", "text", "spoken")


@require_http_methods(["GET", "HEAD", "POST"])
def test(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show the test that runs or ran last, or the one that is asked for; a post starts one, unless one lives."""
    connection = connection_or_404(pk)
    if request.method == "POST":
        return _start(request, connection)
    wanted = ShownTestForm(request.GET).wanted()
    if cast("HtmxRequest", request).htmx.trigger == POLL_ID:
        return _poll(request, connection, wanted)
    return _dialog(request, connection, wanted)


def _start(request: HttpRequest, connection: Connection) -> HttpResponse:
    """Start a test and show it; where it is refused, say why (409) and show the one that lives, if that is why."""
    try:
        enqueue_test(connection=connection, actor=cast("User", request.user))
    except CannotSync as refusal:
        return _dialog(request, connection, refusal.job_id, refusal=str(refusal))
    if wants_fragment(request):
        return _dialog(request, connection, None)
    return redirect("connections:test", connection.pk)


def _dialog(request: HttpRequest, connection: Connection, wanted: UUID | None, *, refusal: str = "") -> HttpResponse:
    tests = tests_of(connection)
    job = chosen_of(tests, wanted)
    context: dict[str, Any] = {"connection": connection, "refusal": refusal, "poll_seconds": POLL_SECONDS}
    if job is not None:
        context |= _living(request, job) | _others(tests, job)
        rendered = parts.render_parts("tests/parts", PARTS, context)
        context["parts"] = {name: part.html for name, part in zip(PARTS, rendered, strict=True)}
        context["page_version"] = parts.version_of(rendered, "")
    return render_page(request, TEMPLATE, context, fragment="question", status=CONFLICT if refusal else OK)


def _poll(request: HttpRequest, connection: Connection, wanted: UUID | None) -> HttpResponse:
    """Answer with the parts of the shown test that changed, and for the last time once it is over."""
    job = get_object_or_404(Job.objects.for_page(), pk=wanted or NOBODY, connection=connection)
    context = _living(request, job) | {"connection": connection, "poll_seconds": POLL_SECONDS}
    rendered = parts.render_parts("tests/parts", PARTS, context)
    version = parts.version_of(rendered, "")
    context["page_version"] = version
    context["changed"] = parts.changed(rendered, request.headers.get("If-None-Match", ""))
    status = STOP_POLLING if job.is_over else OK
    if job.is_over:
        context |= {"is_last": True} | _others(tests_of(connection), job)
    return render_page(request, TEMPLATE, context, fragment="live", status=status, version=version)


def _others(tests: list[Job], job: Job) -> dict[str, Any]:
    return {"earlier": earlier_of(tests, job), "since": failing_since(tests)}


def _living(request: HttpRequest, job: Job) -> dict[str, Any]:
    """Return what changes while a test runs."""
    now, can = timezone.now(), Can(role_of(request.user))
    return {"test": shown_of(job, list(job.steps.order_by("number")), can, now), "job": job, "now": now, "can": can}
