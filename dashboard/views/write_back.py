"""A change at the source, as its provider declares it: choose and fill in, review, and start the job that does it.

Everything is posted to one address, so that no name of a person stands in an address or a log. Which button was pressed
says what is next: to look at the source, to review, or to send what was reviewed.
"""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from connectors.ids import new_id
from connectors.models import Connection, Entity
from connectors.plan import SyncError
from connectors.providers import registry as providers
from connectors.providers.actions import Action
from dashboard.forms.write_back import (
    LONGEST_SEARCH,
    ActionForm,
    PlaceForm,
    initial_of,
    reviewed_in,
    ticket_for,
)
from dashboard.pages.write_back import (
    Offered,
    failed_of,
    filling_of,
    labels_of,
    left_of,
    look_up,
    review_of,
)
from dashboard.views.connection_pages import connection_or_404
from dashboard.views.refusals import refused
from jobs.services.enqueue import CannotSync
from jobs.services.enqueue_action import Asked, enqueue_action

OK, INVALID = 200, 422
FIND, REVIEW, SEND = "find", "review", "send"


@require_http_methods(["GET", "HEAD", "POST"])
def action(request: HttpRequest, pk: UUID, action: str) -> HttpResponse:
    """Fill in an action of the connection's provider, review it, and start it; the same answer twice starts it once."""
    connection = connection_or_404(pk)
    manifest = providers.manifest(connection.provider)
    known = manifest.action(action)
    if known is None:
        return _told(request, connection, f"{manifest.name} has no such action. Nothing was changed.", "no_action")
    form = PlaceForm(request.GET, connection=connection, entity_word=manifest.entity_word)
    entity, again = form.place()
    if entity is None:
        if not connection.entities.selected().exists():
            word = manifest.entity_word
            return _told(
                request, connection, f"{connection.name} syncs no {word} yet. Nothing was changed.", "excluded"
            )
        context = {
            "connection": connection,
            "action": known,
            "form": form,
            "again": again,
            "word": manifest.entity_word,
        }
        return _page(request, "place", context)
    doing = _Doing(request, connection, entity, known, again)
    if request.method != "POST":
        return doing.begin()
    step = request.POST.get("step")
    return doing.send() if step == SEND else doing.review() if step == REVIEW else doing.find()


class _Doing:
    """One request about an action at one entity."""

    def __init__(
        self, request: HttpRequest, connection: Connection, entity: Entity, action: Action, again: UUID | None
    ) -> None:
        self.request, self.connection, self.entity, self.action, self.again = request, connection, entity, action, again
        self.chosen = request.POST.getlist(action.line_field.name)[: action.most_lines + 1]
        self.query = request.POST.get("q", "")[:LONGEST_SEARCH]

    def begin(self) -> HttpResponse:
        """Show the page before anybody looked at the source."""
        values, self.chosen = left_of(self.again, self.connection, self.entity, self.action)
        return self._fill(ActionForm(None, action=self.action, offered={}, initial=initial_of(values, self.action)))

    def find(self) -> HttpResponse:
        """Look at the source, and keep what was filled in."""
        initial = {field.name: self.request.POST.get(field.name, "") for field in self.action.shared_fields}
        try:
            offered = look_up(
                self.connection, self.entity, self.action, text=self.query, chosen=self.chosen[: self.action.most_lines]
            )
        except SyncError as error:
            form = ActionForm(None, action=self.action, offered={}, initial=initial)
            return self._fill(form, failed=failed_of(self.connection, error), status=INVALID)
        form = ActionForm(None, action=self.action, offered=offered.options(self.action), initial=initial)
        return self._fill(form, offered=offered, status=OK if self.request.POST.get("step") == FIND else INVALID)

    def review(self) -> HttpResponse:
        """Check what was filled in against the source, and ask whether it shall be done."""
        try:
            offered = look_up(
                self.connection, self.entity, self.action, text=self.query, chosen=self.chosen[: self.action.most_lines]
            )
        except SyncError as error:
            form = ActionForm(self.request.POST, action=self.action, offered={})
            return self._fill(form, failed=failed_of(self.connection, error), status=INVALID)
        form = ActionForm(self.request.POST, action=self.action, offered=offered.options(self.action))
        if not form.is_valid():
            return self._fill(form, offered=offered, status=INVALID)
        values = form.values()
        reviewed = {
            "connection": str(self.connection.pk),
            "entity": str(self.entity.pk),
            "action": self.action.name,
            "by": self.request.user.pk,
            "job": str(new_id()),
            "values": values,
            "labels": labels_of(self.action, values, offered),
            "refs": form.refs(),
            "again": str(self.again) if self.again else "",
        }
        context = {
            "connection": self.connection,
            "entity": self.entity,
            "page": review_of(self.connection, self.entity, self.action, form, offered),
            "ticket": ticket_for(reviewed),
            "query": self.query,
            "typed": [(name, value) for name in form.fields for value in self.request.POST.getlist(name)],
            "address": self.request.get_full_path(),
        }
        return _page(self.request, "review", context)

    def send(self) -> HttpResponse:
        """Start the job for what was reviewed, and go to it."""
        reviewed = reviewed_in(self.request.POST.get("ticket", ""))
        expected = {"connection": str(self.connection.pk), "entity": str(self.entity.pk), "by": self.request.user.pk}
        if reviewed is None or any(reviewed[name] != value for name, value in expected.items()):
            messages.warning(self.request, "The review was too old, so nothing was started. Review it again.")
            return self.find()
        asked = Asked(
            action=reviewed["action"],
            values=reviewed["values"],
            refs=reviewed["refs"],
            labels=reviewed["labels"],
            again=UUID(reviewed["again"]) if reviewed["again"] else None,
        )
        actor = cast("User", self.request.user)
        try:
            job = enqueue_action(
                connection=self.connection, entity=self.entity, asked=asked, job_id=UUID(reviewed["job"]), actor=actor
            )
        except CannotSync as refusal:
            return refused(self.request, self.connection, str(refusal), code=refusal.reason, job_id=refusal.job_id)
        return redirect(job)

    def _fill(
        self, form: ActionForm, *, offered: Offered | None = None, status: int = OK, failed: Any = None
    ) -> HttpResponse:
        page = filling_of(
            self.action,
            self.entity,
            form,
            offered=offered,
            query=self.query,
            chosen=self.chosen,
            failed=failed,
        )
        line_errors = form[self.action.line_field.name].errors if form.is_bound else ()
        context = {
            "connection": self.connection,
            "entity": self.entity,
            "page": page,
            "line_errors": line_errors,
            "address": self.request.get_full_path(),
            "others": reverse("connections:action", args=[self.connection.pk, self.action.name]),
            "has_others": self.connection.entities.selected().count() > 1,
        }
        return _page(self.request, "fill", context, status=status)


def _page(request: HttpRequest, name: str, context: dict[str, Any], *, status: int = OK) -> HttpResponse:
    """Render a page that holds names of people: no copy of it is kept."""
    response = render(request, f"write_back/{name}.html", context, status=status)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _told(request: HttpRequest, connection: Connection, sentence: str, code: str) -> HttpResponse:
    """Refuse what was posted; who only asked for the page is led to the connection."""
    if request.method == "POST":
        return refused(request, connection, sentence, code=code)
    messages.warning(request, sentence)
    return redirect(connection)
