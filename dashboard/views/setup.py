"""The setup page of a connection: one address, one form per part. Nothing counts before the source has accepted it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from connectors.models import Connection
from connectors.plan import SyncError
from connectors.providers import registry as providers
from connectors.services.changing import ChangedMeanwhileError, ConnectionDeletedError
from connectors.services.choose import choose_tables
from connectors.services.configure import SecretsNeededError, change_sign_in
from connectors.services.describe import change_about
from connectors.services.reschedule import plan_version, reschedule
from connectors.services.setting_up import NameTakenError
from dashboard.access import HtmxRequest
from dashboard.forms.declaration.editor import Editor
from dashboard.forms.declaration.field import editor_of as declared_in
from dashboard.forms.declaration.field import pressed
from dashboard.forms.schedule import ScheduleForm
from dashboard.forms.setup import AboutForm, ProductForm, SourceForm, TablePlaceForm, TablesForm
from dashboard.pages import setup as pages
from dashboard.pages import setup_answers as told
from dashboard.pages.connection import Subject, head_of
from dashboard.pages.schedule import editor_of
from dashboard.pages.session_link import invite_of
from dashboard.views import declaration
from dashboard.views.connection_pages import connection_or_404
from dashboard.views.refusals import ConnectionGone
from dashboard.views.rendering import render_page

OK, CONFLICT, INVALID = 200, 409, 422


@dataclass
class Answer:
    """What a part's form led to: a sentence when it is done, else what the page shows beside what was typed."""

    done: str = ""
    status: int = INVALID
    shown: dict[str, Any] = field(default_factory=dict)


@require_http_methods(("GET", "HEAD", "POST"))
def setup(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show how a connection is set up, and store what a part's form changes."""
    if request.method != "POST":
        return _show(request, pk, Answer(status=OK))
    part = request.POST.get("part", "")
    if part not in _PARTS:
        return _show(request, pk, Answer(shown={"unknown": True}))
    connection = connection_or_404(pk)
    if part == "source" and (response := _answer_press(request, connection)):
        return response
    try:
        answer = _PARTS[part](request, connection)
    except ConnectionDeletedError as refusal:
        raise ConnectionGone(connection) from refusal
    if not answer.done:
        return _show(request, pk, answer)
    messages.success(request, answer.done)
    return HttpResponseRedirect(f"{request.get_full_path()}#{part}")


def _answer_press(request: HttpRequest, connection: Connection) -> HttpResponse | None:
    """Answer a button of the editor of what is read, None where there was none. Nothing is stored."""
    form = _posted_source(request, connection)
    if not pressed(form):
        return None

    def whole(editor: Editor) -> HttpResponse:
        declaration.forget_errors(form)
        return _show(request, connection.pk, Answer(status=OK, shown={"source_form": form, "declared": editor}))

    return declaration.answer(request, form, connection, whole=whole)


def _posted_source(request: HttpRequest, connection: Connection) -> SourceForm:
    manifest = providers.manifest(connection.provider)
    return SourceForm(request.POST, connection=connection, manifest=manifest, has_entities=connection.entities.exists())


def _source(request: HttpRequest, connection: Connection) -> Answer:
    """Test the proposed sign-in and store it."""
    form = _posted_source(request, connection)
    answer = Answer(shown={"source_form": form})
    if not form.is_valid():
        return answer
    try:
        changes = change_sign_in(
            connection=connection, seen=_seen(request), proposed=form.proposed(), actor=_member(request)
        )
    except SecretsNeededError as refusal:
        for name in refusal.names:
            form.add_error(name, str(refusal))
        return answer
    except ChangedMeanwhileError:
        fresh = connection_or_404(connection.pk)
        return Answer(status=CONFLICT, shown={**answer.shown, "source_conflict": told.source_conflict(fresh, form)})
    except SyncError as error:
        answer.shown["refusal"] = told.refusal_of(connection, form, error)
        return answer
    return Answer(done=told.source_done(connection, changes))


def _tables(request: HttpRequest, connection: Connection) -> Answer:
    """Store which tables are copied."""
    return _choose(request, connection, TablesForm(request.POST, connection=connection))


def _product(request: HttpRequest, connection: Connection) -> Answer:
    """Switch a product on or off, with all its tables."""
    manifest = providers.manifest(connection.provider)
    return _choose(request, connection, ProductForm(request.POST, connection=connection, manifest=manifest))


def _choose(request: HttpRequest, connection: Connection, form: TablesForm | ProductForm) -> Answer:
    if not form.is_valid():
        return Answer(shown={"tables_errors": [str(error) for errors in form.errors.values() for error in errors]})
    wanted = form.answer()
    try:
        changes = choose_tables(connection=connection, seen=_seen(request), actor=_member(request), **wanted)
    except ChangedMeanwhileError:
        fresh = connection_or_404(connection.pk)
        shown = {"tables_conflict": told.tables_conflict(fresh, **wanted), "typed_tables": wanted}
        return Answer(status=CONFLICT, shown=shown)
    return Answer(done=told.tables_done(connection, changes))


def _about(request: HttpRequest, connection: Connection) -> Answer:
    """Store what people tell each other."""
    form = AboutForm(request.POST, connection=connection)
    answer = Answer(shown={"about_form": form})
    if not form.is_valid():
        return answer
    try:
        changes = change_about(connection=connection, seen=_seen(request), about=form.about(), actor=_member(request))
    except NameTakenError as refusal:
        form.add_error("name", str(refusal))
        return answer
    except ChangedMeanwhileError:
        fresh = connection_or_404(connection.pk)
        return Answer(status=CONFLICT, shown={**answer.shown, "about_conflict": told.about_conflict(fresh, form)})
    return Answer(done=told.about_done(changes))


def _schedule(request: HttpRequest, connection: Connection) -> Answer:
    """Store when it runs, or only show what was chosen leads to."""
    form = ScheduleForm(request.POST, connection=connection)
    is_preview = request.POST.get("action") == "preview"
    if is_preview or not form.is_valid():
        return Answer(status=OK if form.is_valid() else INVALID, shown={"schedule_form": form, "preview": is_preview})
    try:
        is_other = reschedule(connection=connection, plan=form.plan(), actor=_member(request), seen=_seen(request))
    except ChangedMeanwhileError:
        fresh = connection_or_404(connection.pk)
        shown = {"schedule_form": form, "schedule_conflict": told.schedule_conflict(fresh, form)}
        return Answer(status=CONFLICT, shown=shown)
    return Answer(done="The schedule is stored." if is_other else "Nothing was changed: this is the schedule already.")


_PARTS: dict[str, Callable[[HttpRequest, Connection], Answer]] = {
    "source": _source,
    "tables": _tables,
    "product": _product,
    "about": _about,
    "schedule": _schedule,
}


def _show(request: HttpRequest, pk: UUID, answer: Answer) -> HttpResponse:
    """Render the page from what is stored now, with what was typed where a form came back."""
    subject = Subject(connection_or_404(pk), timezone.now())
    schedule_form = answer.shown.get("schedule_form") or _schedule_form(request, subject.connection)
    editor = editor_of(subject.connection, schedule_form, subject.now, timezone.get_current_timezone())
    if answer.shown.get("preview") and cast("HtmxRequest", request).htmx:
        shown = {"form": schedule_form, "editor": editor, "is_fragment": True}
        return render(request, "schedule/preview.html", shown, status=answer.status)
    place = TablePlaceForm(request.GET)
    source_form = answer.shown.get("source_form") or _source_form(subject)
    context = {
        **answer.shown,
        "section": "setup",
        "head": head_of(subject),
        "connection": subject.connection,
        "form": place,
        "address": request.get_full_path(),
        "list_address": f"{request.path}#tables",
        "source": pages.source_of(subject, source_form),
        "declared": answer.shown.get("declared") or declared_in(source_form),
        "invite": invite_of(subject.connection),
        "tables": pages.tables_of(subject, **place.criteria(), typed=answer.shown.get("typed_tables")),
        "about": pages.about_of(subject.connection),
        "about_form": answer.shown.get("about_form") or AboutForm(None, connection=subject.connection),
        "schedule_form": schedule_form,
        "schedule_seen": plan_version(subject.connection),
        "editor": editor,
    }
    return render_page(request, "connections/setup.html", context, fragment="parts", status=answer.status)


def _schedule_form(request: HttpRequest, connection: Connection) -> ScheduleForm:
    """Return the form of the schedule, with the interval that the address proposes (`?schedule=300`) as if chosen."""
    stored = ScheduleForm(connection=connection)
    proposed = request.GET.get("schedule", "")
    if not proposed.isdecimal() or proposed == stored.initial["schedule"]:
        return stored
    form = ScheduleForm({**stored.initial, "schedule": proposed}, connection=connection)
    return form if form.is_valid() else stored


def _source_form(subject: Subject) -> SourceForm:
    has_entities = subject.totals["total"] > 0
    return SourceForm(None, connection=subject.connection, manifest=subject.provider, has_entities=has_entities)


def _seen(request: HttpRequest) -> str:
    return request.POST.get("seen", "")


def _member(request: HttpRequest) -> User:
    return cast("User", request.user)
