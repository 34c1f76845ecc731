"""The Schema tab of a connection: one address, one form per part. Nothing here touches what was loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from connectors.errors import entry
from connectors.models import Connection, Table
from connectors.plan import SyncError
from connectors.services.changing import ChangedMeanwhileError, ConnectionDeletedError
from connectors.services.choose import choose_tables
from connectors.services.counting import count_kept
from connectors.services.decide import accept_changes, ignore_changes, set_policy, take_back
from connectors.services.shape import TableRefusedError, change_columns, change_filters, change_how
from dashboard.forms.schema import ColumnsForm, DecideForm, FiltersForm, HowForm, PolicyForm, SchemaPlaceForm
from dashboard.forms.setup import TablesForm
from dashboard.pages import schema as pages
from dashboard.pages.connection import Subject, head_of
from dashboard.pages.schema_changes import changes_of
from dashboard.pages.schema_table import filters_form_of, kept_in_words, table_of
from dashboard.pages.setup_answers import tables_done
from dashboard.views.connection_pages import connection_or_404
from dashboard.views.refusals import ConnectionGone
from dashboard.views.rendering import render_page

OK, CONFLICT, INVALID = 200, 409, 422
_DECIDED = {"accept": "Accepted", "ignore": "Ignored", "back": "Waiting again"}
_CHANGED_MEANWHILE = (
    "Somebody else changed this after you opened the page, so nothing of yours was stored. Below is what is stored now."
)


@dataclass
class Answer:
    """What a part's form led to: a sentence when it is done, else what the page shows beside what was typed."""

    done: str = ""
    status: int = INVALID
    shown: dict[str, Any] = field(default_factory=dict)


@require_http_methods(("GET", "HEAD", "POST"))
def schema(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show what a source has, how it is copied and what changed; store what a part's form says."""
    if request.method != "POST":
        return _show(request, pk, Answer(status=OK))
    part = request.POST.get("part", "")
    if part not in _PARTS:
        return _show(request, pk, Answer(shown={"unknown": True}))
    connection = connection_or_404(pk)
    try:
        answer = _PARTS[part](request, connection)
    except ConnectionDeletedError as refusal:
        raise ConnectionGone(connection) from refusal
    except ChangedMeanwhileError:
        return _show(
            request, pk, Answer(status=CONFLICT, shown={"conflict": _CHANGED_MEANWHILE, "conflict_part": part})
        )
    if not answer.done:
        return _show(request, pk, answer)
    messages.success(request, answer.done)
    return HttpResponseRedirect(f"{request.get_full_path()}#{part}")


def _policy(request: HttpRequest, connection: Connection) -> Answer:
    form = PolicyForm(request.POST, connection=connection)
    if not form.is_valid():
        return Answer(shown={"policy_errors": form.errors["policy"]})
    is_other = set_policy(
        connection=connection, seen=_seen(request), policy=form.policy_chosen(), actor=_member(request)
    )
    said = dict(form.fields["policy"].choices)[form.cleaned_data["policy"]]  # type: ignore[attr-defined]
    return Answer(
        done=f"The policy is now: {said}." if is_other else "Nothing was changed: this is the policy already."
    )


def _changes(request: HttpRequest, connection: Connection) -> Answer:
    act, ids = DecideForm(request.POST).answer()
    if not ids:
        return Answer(shown={"unknown": True})
    service = {"accept": accept_changes, "ignore": ignore_changes, "back": take_back}[act]
    found = service(connection=connection, ids=ids, actor=_member(request))
    names = f"{found[0].table.full_name}" if len(found) == 1 else f"{len(found)} changes"
    return Answer(done=f"{_DECIDED[act]}: {names}. It counts from the next run on.")


def _tables(request: HttpRequest, connection: Connection) -> Answer:
    form = TablesForm(request.POST, connection=connection)
    if not form.is_valid():
        return Answer(shown={"tables_errors": [str(error) for errors in form.errors.values() for error in errors]})
    changes = choose_tables(connection=connection, seen=_seen(request), actor=_member(request), **form.answer())
    return Answer(done=tables_done(connection, changes))


def _how(request: HttpRequest, connection: Connection) -> Answer:
    table = _asked_table(request, connection)
    if table is None:
        return Answer(shown={"unknown": True})
    form = HowForm(request.POST, table=table)
    if not form.is_valid():
        return Answer(shown={"how_form": form})
    try:
        changes = change_how(table=table, seen=_seen(request), how=form.how(), actor=_member(request))
    except TableRefusedError as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
        return Answer(shown={"how_form": form})
    return Answer(done=_stored(table, changes))


def _filters(request: HttpRequest, connection: Connection) -> Answer:
    table = _asked_table(request, connection)
    if table is None:
        return Answer(shown={"unknown": True})
    form = FiltersForm(request.POST, table=table)
    if form.action not in {"save", "count"}:
        return Answer(status=OK, shown={"filters_form": form})
    if not form.is_valid():
        return Answer(shown={"filters_form": form})
    if form.action == "count":
        return _count(connection, table, form)
    try:
        changes = change_filters(
            table=table,
            seen=_seen(request),
            filters=form.filters(),
            is_reload=form.is_reload,
            actor=_member(request),
        )
    except TableRefusedError as refusal:
        return Answer(shown={"filters_form": form, "filters_errors": [str(refusal)]})
    return Answer(done=_stored(table, changes))


def _count(connection: Connection, table: Table, form: FiltersForm) -> Answer:
    """Ask the source how many rows the filter keeps as it was typed; nothing is stored."""
    try:
        looked_at, kept = count_kept(connection=connection, table=table, filters=form.filters())
    except SyncError as error:
        return Answer(shown={"filters_form": form, "filters_errors": [error.detail or entry(error.code).cause]})
    return Answer(status=OK, shown={"filters_form": form, "filters_count": kept_in_words(looked_at, kept)})


def _columns(request: HttpRequest, connection: Connection) -> Answer:
    table = _asked_table(request, connection)
    if table is None:
        return Answer(shown={"unknown": True})
    form = ColumnsForm(request.POST, table=table)
    if not form.is_valid():
        return Answer(shown={"columns_errors": form.non_field_errors()})
    typed = form.answer()
    try:
        changes = change_columns(table=table, seen=_seen(request), actor=_member(request), **typed)
    except TableRefusedError as refusal:
        return Answer(shown={"columns_errors": [str(refusal)], "typed_columns": typed})
    return Answer(done=_stored(table, changes))


_PARTS: dict[str, Callable[[HttpRequest, Connection], Answer]] = {
    "policy": _policy,
    "changes": _changes,
    "tables": _tables,
    "how": _how,
    "filters": _filters,
    "columns": _columns,
}


def _show(request: HttpRequest, pk: UUID, answer: Answer) -> HttpResponse:
    """Render the page from what is stored now, with what was typed where a form came back."""
    subject = Subject(connection_or_404(pk), timezone.now())
    place = SchemaPlaceForm(request.GET)
    asked = place.criteria()
    listed = pages.tables_of(subject, **{name: asked[name] for name in ("text", "after", "before") if name in asked})
    opened = asked.get("table") or pages.first_of(listed)
    table = subject.connection.tables.filter(pk=opened).first() if opened else None
    context = {
        **answer.shown,
        "section": "schema",
        "head": head_of(subject),
        "connection": subject.connection,
        "form": place,
        "now": subject.now,
        "address": request.get_full_path(),
        "place": pages.place_of(subject.connection),
        "policy": pages.policy_of(subject.connection, request.POST.get("policy", "")),
        "changes": changes_of(subject.connection, is_decided_shown="changes" in asked),
        "tables": pages.opened_marks(listed, table.pk if table else None),
        "list_query": _query({name: str(asked[name]) for name in ("text", "after", "before") if name in asked}),
        **(_table_context(subject, table, answer, asked) if table else {}),
    }
    return render_page(request, "connections/schema.html", context, fragment="parts", status=answer.status)


def _table_context(subject: Subject, table: Table, answer: Answer, asked: dict[str, Any]) -> dict[str, Any]:
    how = answer.shown.get("how_form") or HowForm(None, table=table)
    return {
        "how_form": how,
        "filters_form": answer.shown.get("filters_form") or filters_form_of(table),
        "table": table_of(subject, table, how, page=asked.get("columns", 1), typed=answer.shown.get("typed_columns")),
    }


def _asked_table(request: HttpRequest, connection: Connection) -> Table | None:
    """Return the table that a form is about; None for one that is not the connection's."""
    pk = SchemaPlaceForm({"table": request.POST.get("table_id", "")}).criteria().get("table")
    return connection.tables.filter(pk=pk).first() if pk else None


def _stored(table: Table, changes: list[dict[str, Any]]) -> str:
    if not changes:
        return "Nothing was changed: it is set like this already."
    table.refresh_from_db(fields=["generation", "reload_at"])
    again = table.reload_at is not None and (timezone.now() - table.reload_at).total_seconds() < 1
    then = " All its rows are read again with the next run; the old ones stay readable until then." if again else ""
    return f"Stored: {table.full_name} is copied like this from the next run on.{then}"


def _query(parameters: dict[str, str]) -> str:
    return f"{urlencode(parameters)}&" if parameters else ""


def _seen(request: HttpRequest) -> str:
    return request.POST.get("seen", "")


def _member(request: HttpRequest) -> User:
    return cast("User", request.user)
