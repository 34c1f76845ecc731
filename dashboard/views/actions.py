"""What can be done with a connection beside a sync: pause, resume, read again, purge, duplicate, delete.

A question is a page of its own, which opens in the dialog where there is JavaScript; its form is a plain one.
"""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from connectors.models import Connection, Status
from connectors.providers import registry as providers
from connectors.services.duplicate import DeletedError
from connectors.services.duplicate import duplicate as duplicate_connection
from connectors.services.pause import AlreadyPausedError, NotPausedError
from dashboard.access import HtmxRequest
from dashboard.formatting import exact_time
from dashboard.forms.actions import PauseForm, ResyncForm, TypedNameForm, selected_tables
from dashboard.pages.actions import delete_of, purge_of, resync_of
from dashboard.pages.pauses import pause_of, resume_of
from dashboard.views.connection_pages import connection_or_404
from dashboard.views.refusals import refused
from dashboard.views.rendering import render_page
from jobs.models import Job
from jobs.services.deleting import delete_connection
from jobs.services.enqueue import CannotSync, refuse_unless_ready
from jobs.services.enqueue_discover import enqueue_discover
from jobs.services.enqueue_purge import enqueue_purge
from jobs.services.enqueue_resync import enqueue_resync
from jobs.services.pausing import pause_connection, resume_connection

OK, INVALID = 200, 422
QUESTION = ("GET", "HEAD", "POST")


@require_POST
def discover(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask the source what it offers now and go to that job, or say why not where it was asked for."""
    connection = connection_or_404(pk)
    try:
        job = enqueue_discover(connection=connection, actor=cast("User", request.user))
    except CannotSync as refusal:
        return _refused(request, connection, refusal)
    return redirect(job)


@require_http_methods(QUESTION)
def pause(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask why and until when, and pause the connection."""
    connection = connection_or_404(pk)
    if connection.status == Status.PAUSED:
        return _told(request, connection, f"{connection.name} is paused already. Nothing was changed.", "paused")
    form = PauseForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        page = pause_of([connection.pk], form, timezone.now(), timezone.get_current_timezone())
        return _ask(request, "pause", connection, {"form": form, "page": page})
    try:
        pause_connection(connection=connection, actor=cast("User", request.user), **form.answer())
    except CannotSync as refusal:
        return _refused(request, connection, refusal)
    except AlreadyPausedError as refusal:
        return _told(request, connection, str(refusal), "paused")
    return _done(request, connection, f"{connection.name} is paused. Nothing is started until it is resumed.")


@require_http_methods(QUESTION)
def resume(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Say what will run, and set the connection going again."""
    connection = connection_or_404(pk)
    if connection.status != Status.PAUSED:
        return _told(request, connection, f"{connection.name} is not paused. Nothing was changed.")
    if request.method != "POST":
        page = resume_of(connection, timezone.now(), timezone.get_current_timezone())
        return _ask(request, "resume", connection, {"page": page})
    try:
        resumed = resume_connection(connection=connection, actor=cast("User", request.user))
    except CannotSync as refusal:
        return _refused(request, connection, refusal)
    except NotPausedError as refusal:
        return _told(request, connection, str(refusal))
    planned = resumed.next_run_at
    zone = timezone.get_current_timezone()
    following = f"The next sync is planned for {exact_time(planned, zone)}." if planned else "No sync is planned."
    return _done(request, connection, f"{connection.name} is resumed. {following} Nothing was cleared.")


@require_http_methods(QUESTION)
def resync(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Say what a historical re-sync will do, ask for its extent, and start it."""
    connection = connection_or_404(pk)
    try:
        refuse_unless_ready(connection)
    except CannotSync as refusal:
        return _told(request, connection, str(refusal), refusal.reason)
    word = providers.manifest(connection.provider).entity_word
    form = ResyncForm(request.POST if request.method == "POST" else None, connection=connection, entity_word=word)
    if not form.is_valid():
        chosen = request.POST.getlist("tables")
        page = resync_of(connection, selected_tables(connection), chosen)
        return _ask(request, "resync", connection, {"form": form, "page": page})
    try:
        jobs = enqueue_resync(connection=connection, actor=cast("User", request.user), **form.cleaned_data)
    except CannotSync as refusal:
        return _refused(request, connection, refusal)
    return _started(request, connection, jobs, "historical re-sync")


@require_http_methods(QUESTION)
def purge(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Say what a purge removes, ask for the connection's name, and start it."""
    connection = connection_or_404(pk)
    if connection.status != Status.PAUSED:
        message = f"Pause {connection.name} first: a purge removes what a sync would load again."
        return _told(request, connection, message, "not_paused")
    form = TypedNameForm(request.POST if request.method == "POST" else None, subject=connection)
    if not form.is_valid():
        return _ask(request, "purge", connection, {"form": form, "page": purge_of(connection)})
    try:
        jobs = enqueue_purge(connection=connection, actor=cast("User", request.user))
    except CannotSync as refusal:
        return _refused(request, connection, refusal)
    return _started(request, connection, jobs, "purge")


@require_POST
def duplicate(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Make a second connection with the same settings and go to its page."""
    connection = connection_or_404(pk)
    try:
        copy = duplicate_connection(connection=connection, actor=cast("User", request.user))
    except DeletedError as refusal:
        return refused(request, connection, str(refusal), code="deleted")
    sentence = f"{copy.name} has the settings of {connection.name}. Its credentials are not copied: set them next."
    return _done(request, copy, sentence)


@require_http_methods(QUESTION)
def delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Say what deleting does, ask for the connection's name, and delete it."""
    connection = connection_or_404(pk)
    form = TypedNameForm(request.POST if request.method == "POST" else None, subject=connection)
    if not form.is_valid():
        return _ask(request, "delete", connection, {"form": form, "page": delete_of(connection)})
    try:
        delete_connection(connection=connection, actor=cast("User", request.user))
    except CannotSync as refusal:
        return _refused(request, connection, refusal)
    messages.success(request, f"{connection.name} is deleted. Its jobs stay readable for the retention time.")
    return redirect("connections:list")


def _ask(request: HttpRequest, action: str, connection: Connection, context: dict[str, Any]) -> HttpResponse:
    """Show the question, with 422 and what was typed after an answer that cannot be used."""
    status = INVALID if request.method == "POST" else OK
    context |= {"connection": connection, "destination": connection.destination}
    return render_page(request, f"connections/actions_{action}.html", context, fragment="question", status=status)


def _started(request: HttpRequest, connection: Connection, jobs: list[Job], what: str) -> HttpResponse:
    """Leave a message that leads to the job, or to the first of several."""
    several = f", {len(jobs)} jobs" if len(jobs) > 1 else ""
    text = '{}: {} queued{}. <a href="{}">Open the {}job</a>'
    link = format_html(text, connection.name, what, several, jobs[0].get_absolute_url(), "first " if several else "")
    messages.success(request, link)
    return HttpResponseRedirect(reverse("connections:jobs", args=[connection.pk]))


def _done(request: HttpRequest, connection: Connection, sentence: str) -> HttpResponse:
    messages.success(request, sentence)
    return redirect(connection)


def _told(request: HttpRequest, connection: Connection, sentence: str, code: str = "") -> HttpResponse:
    """Refuse what was posted; who only asked for the question is led to the connection, out of the dialog too."""
    if request.method == "POST":
        return refused(request, connection, sentence, code=code)
    messages.warning(request, sentence)
    if cast("HtmxRequest", request).htmx:
        return HttpResponseClientRedirect(connection.get_absolute_url())
    return redirect(connection)


def _refused(request: HttpRequest, connection: Connection, refusal: CannotSync) -> HttpResponse:
    return refused(request, connection, str(refusal), code=refusal.reason, job_id=refusal.job_id)
