"""The further steps of a new connection, each at an address of its own: test, tables, schedule, review."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods

from connectors.models import Connection, SetupStep
from connectors.providers import registry as providers
from connectors.services.changing import ChangedMeanwhileError
from connectors.services.reschedule import reschedule
from connectors.services.setting_up import (
    SetupMissingError,
    SetupOverError,
    choose_tables,
    confirm_schedule,
    finish_setup,
)
from connectors.setup_steps import is_open, waiting_step
from dashboard.forms.schedule import ScheduleForm
from dashboard.forms.wizard import TablesForm
from dashboard.pages.review import review_of
from dashboard.pages.schedule import editor_of
from dashboard.pages.setup_link import step_href
from dashboard.pages.wizard import OF_SCHEMA, is_failed, is_live, newest_job, steps_of, tables_of
from dashboard.views.connection_pages import connection_or_404
from dashboard.views.rendering import render_page
from dashboard.views.wizard import INVALID, OK, configure
from jobs.models import JobType
from jobs.services.enqueue import CannotSync
from jobs.services.enqueue_discover import enqueue_discover
from jobs.services.enqueue_test import enqueue_test
from jobs.services.first_sync import finish_and_sync

POLL_SECONDS = 2


@require_http_methods(("GET", "HEAD", "POST"))
def step(request: HttpRequest, pk: UUID, step: str) -> HttpResponse:
    """Show a step of the setup, or take its answer; one that cannot be opened yet leads to the one it waits at."""
    if step not in SetupStep.values:
        message = f"There is no step “{step}”."
        raise Http404(message)
    connection = connection_or_404(pk)
    waiting = waiting_step(connection)
    if waiting is None:
        messages.info(request, f"{connection.name} is set up already. Nothing was changed.")
        return HttpResponseRedirect(connection.get_absolute_url())
    if not is_open(SetupStep(step), connection):
        messages.warning(request, f"“{SetupStep(step).label}” comes later. This step is first.")
        return HttpResponseRedirect(step_href(connection, waiting))
    try:
        return _VIEWS[SetupStep(step)](request, connection)
    except SetupOverError as over:
        messages.warning(request, str(over))
        return HttpResponseRedirect(connection.get_absolute_url())


def _test(request: HttpRequest, connection: Connection) -> HttpResponse:
    """Show the newest test while it runs and when it has ended; a press starts another one."""
    if request.method == "POST":
        return _ask(request, connection, SetupStep.TEST, enqueue_test)
    page = newest_job(connection, JobType.TEST_CONNECTION, timezone.now(), timezone.get_current_timezone())
    if page and connection.tested_at is None and not is_live(page) and not is_failed(page):
        # It ended after the connection was read: what it found was stored before that.
        connection.refresh_from_db(fields=["tested_at"])
    context = {"page": page, "is_live": is_live(page), "is_failed": is_failed(page)}
    return _render(request, connection, SetupStep.TEST, context, fragment="live")


def _tables(request: HttpRequest, connection: Connection) -> HttpResponse:
    """Look up what the source offers, show it, and store what is chosen of it."""
    action = request.POST.get("action", "")
    if request.method == "POST" and action == "discover":
        return _ask(request, connection, SetupStep.TABLES, enqueue_discover)
    form = TablesForm(request.POST if request.method == "POST" else None, connection=connection)
    missing = ""
    chosen = {table.pk for table in connection.tables.filter(is_selected=True).only("id")}
    if form.is_valid():
        chosen = {table.pk for table in form.cleaned_data["tables"]}
        if action == "next":
            try:
                choose_tables(connection=connection, chosen=chosen, actor=cast("User", request.user))
            except SetupMissingError as error:
                missing = str(error)
            else:
                return HttpResponseRedirect(step_href(connection, SetupStep.SCHEDULE))
    elif form.is_bound:
        missing = " ".join(str(error) for errors in form.errors.values() for error in errors)
    chosen = _ticked(connection, form, chosen, action)
    return _show_tables(request, connection, form, chosen, missing)


def _ticked(connection: Connection, form: TablesForm, chosen: set[UUID], action: str) -> set[UUID]:
    """Return what is ticked after a press on All or None, of everything that is shown, or of one product or schema."""
    verb, _, group = action.partition(":")
    if verb not in {"all", "none"}:
        return chosen
    shown = connection.tables.filter(name__icontains=form.cleaned_data.get("q", "") if form.is_valid() else "")
    if group.startswith(OF_SCHEMA):
        shown = shown.filter(source_schema=group.removeprefix(OF_SCHEMA))
    elif group:
        shown = shown.filter(product=group)
    meant = {table.pk for table in shown.only("id")}
    return chosen | meant if verb == "all" else chosen - meant


def _show_tables(
    request: HttpRequest, connection: Connection, form: TablesForm, chosen: Collection[UUID], missing: str
) -> HttpResponse:
    page = newest_job(connection, JobType.DISCOVER, timezone.now(), timezone.get_current_timezone())
    query = form.cleaned_data.get("q", "") if form.is_valid() else ""
    context = {
        "page": page,
        "is_live": is_live(page),
        "is_failed": is_failed(page),
        "tables": tables_of(connection, chosen, query),
        "query": query,
        "missing": missing,
        "was_asked": connection.entities.exists(),
    }
    status = INVALID if missing else OK
    fragment = "rows" if request.method == "POST" else "live"
    return _render(request, connection, SetupStep.TABLES, context, fragment=fragment, status=status)


def _schedule(request: HttpRequest, connection: Connection) -> HttpResponse:
    """Ask when it runs, and show what that leads to before it is stored."""
    form = ScheduleForm(request.POST if request.method == "POST" else None, connection=connection)
    is_saved = request.POST.get("action") == "next"
    if is_saved and form.is_valid():
        reschedule(connection=connection, plan=form.plan(), actor=cast("User", request.user))
        confirm_schedule(connection=connection)
        return HttpResponseRedirect(step_href(connection, SetupStep.REVIEW))
    editor = editor_of(connection, form, timezone.now(), timezone.get_current_timezone())
    status = INVALID if is_saved else OK
    context = {"form": form, "editor": editor}
    return _render(request, connection, SetupStep.SCHEDULE, context, fragment="preview", status=status)


def _review(request: HttpRequest, connection: Connection) -> HttpResponse:
    """Show everything at a glance; a press lets the connection run, with a first sync at once or without."""
    if request.method != "POST":
        page = review_of(connection, timezone.now(), timezone.get_current_timezone())
        return _render(request, connection, SetupStep.REVIEW, {"page": page}, fragment="summary")
    actor, seen = cast("User", request.user), request.POST.get("seen", "")
    try:
        if request.POST.get("action") == "start":
            jobs = finish_and_sync(connection=connection, actor=actor, seen=seen)
            if not jobs:
                messages.success(request, f"{connection.name} is set up. It loads its files as soon as they are there.")
                return HttpResponseRedirect(reverse("connections:files", args=[connection.pk]))
            text = '{} is set up, and its first sync is queued. <a href="{}">Open the job</a>'
            messages.success(request, format_html(text, connection.name, jobs[0].get_absolute_url()))
        else:
            finish_setup(connection=connection, actor=actor, seen=seen)
            messages.success(request, f"{connection.name} is set up. It runs by its schedule from now on.")
    except (SetupMissingError, CannotSync) as error:
        messages.warning(request, f"{error} Nothing was started.")
        return HttpResponseRedirect(step_href(connection, SetupStep.REVIEW))
    except ChangedMeanwhileError:
        text = (
            f"{connection.name} was changed after this page was opened, so nothing was started. This is how it is now."
        )
        messages.warning(request, text)
        return HttpResponseRedirect(step_href(connection, SetupStep.REVIEW))
    return HttpResponseRedirect(connection.get_absolute_url())


def _ask(request: HttpRequest, connection: Connection, step: SetupStep, enqueue: Callable[..., object]) -> HttpResponse:
    """Start a job that asks the source, and show the step again, which waits for it."""
    try:
        enqueue(connection=connection, actor=cast("User", request.user))
    except CannotSync as refusal:
        messages.warning(request, str(refusal))
    return HttpResponseRedirect(step_href(connection, step))


def _render(
    request: HttpRequest,
    connection: Connection,
    step: SetupStep,
    context: Mapping[str, object],
    *,
    fragment: str,
    status: int = OK,
) -> HttpResponse:
    common = {
        "connection": connection,
        "provider": providers.manifest(connection.provider),
        "steps": steps_of(connection, step),
        "links": {other.value: step_href(connection, other) for other in SetupStep},
        "is_tested": connection.tested_at is not None,
        "poll_seconds": POLL_SECONDS,
    }
    return render_page(request, f"wizard/{step.value}.html", {**common, **context}, fragment=fragment, status=status)


_VIEWS: dict[SetupStep, Callable[[HttpRequest, Connection], HttpResponse]] = {
    SetupStep.CONFIGURE: configure,
    SetupStep.TEST: _test,
    SetupStep.TABLES: _tables,
    SetupStep.SCHEDULE: _schedule,
    SetupStep.REVIEW: _review,
}
