"""One action on many connections: the press or the question, and the page that shows how far it is and its report."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.forms.actions import PauseForm
from dashboard.forms.bulk import AfterForm, DeleteManyForm, TagForm
from dashboard.pages.bulk import report_of
from dashboard.pages.bulk_selection import Selection, selection_of
from dashboard.pages.pauses import pause_of
from dashboard.views.rendering import render_page, wants_fragment
from jobs.models import Bulk, BulkAction
from jobs.services.bulk import start_bulk

OK, INVALID, STOP_POLLING = 200, 422, 286
QUESTION = ("GET", "HEAD", "POST")


@require_POST
def sync(request: HttpRequest) -> HttpResponse:
    """Start a sync of each chosen connection."""
    return _press(request, BulkAction.SYNC)


@require_POST
def test(request: HttpRequest) -> HttpResponse:
    """Start a test of each chosen connection."""
    return _press(request, BulkAction.TEST)


@require_POST
def resume(request: HttpRequest) -> HttpResponse:
    """Set each chosen connection going again."""
    return _press(request, BulkAction.RESUME)


@require_http_methods(QUESTION)
def pause(request: HttpRequest) -> HttpResponse:
    """Ask why and until when, and pause each chosen connection."""
    selection = _selection(request)
    form = PauseForm(_answer(request))
    if not _is_usable(selection, form):
        page = pause_of(selection.ids, form, timezone.now(), timezone.get_current_timezone())
        return _ask(request, "pause", selection, {"form": form, "page": page})
    answer = form.answer()
    until = answer["until"]
    options = {**answer, "until": until.isoformat() if until else ""}
    return _start(request, BulkAction.PAUSE, selection, options)


@require_http_methods(QUESTION)
def tag(request: HttpRequest) -> HttpResponse:
    """Ask for a tag, and add it to each chosen connection or take it away."""
    selection = _selection(request)
    form = TagForm(_answer(request))
    if not _is_usable(selection, form):
        return _ask(request, "tag", selection, {"form": form})
    action = BulkAction(form.cleaned_data["how"])
    return _start(request, action, selection, {"tag": form.cleaned_data["tag"]})


@require_http_methods(QUESTION)
def delete(request: HttpRequest) -> HttpResponse:
    """Say what deleting does, ask for the number of the chosen connections, and delete them."""
    selection = _selection(request)
    form = DeleteManyForm(_answer(request), count=selection.count)
    if not _is_usable(selection, form):
        return _ask(request, "delete", selection, {"form": form})
    return _start(request, BulkAction.DELETE, selection, {})


@require_safe
def detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show how far a bulk action is, and its report; a poll gets 286 once it is over."""
    bulk = get_object_or_404(Bulk.objects.select_related("actor"), pk=pk)
    page = report_of(bulk, after=AfterForm(request.GET).after_number())
    status = STOP_POLLING if page.is_over and wants_fragment(request) else OK
    context = {"bulk": bulk, "page": page, "address": request.get_full_path()}
    return render_page(request, "bulk/detail.html", context, fragment="live", status=status)


def _selection(request: HttpRequest) -> Selection:
    return selection_of(request.POST if request.method == "POST" else request.GET)


def _answer(request: HttpRequest) -> Any:
    """Return what was answered; None where the question is asked first, by a link or by the list's form."""
    return request.POST if request.method == "POST" and "answered" in request.POST else None


def _is_usable(selection: Selection, form: forms.Form) -> bool:
    return bool(form.is_valid() and selection.count and not selection.changed)


def _press(request: HttpRequest, action: BulkAction) -> HttpResponse:
    """Start at once; where more or fewer match than were shown, say so and ask first."""
    selection = _selection(request)
    if not selection.count or selection.changed:
        return _ask(request, "confirm", selection, {"action": action.value, "label": action.label})
    return _start(request, action, selection, {})


def _ask(request: HttpRequest, question: str, selection: Selection, context: dict[str, Any]) -> HttpResponse:
    """Show the question, with 422 after an answer that cannot be used; without any connection there is none."""
    is_wrong = request.method == "POST" and (question == "confirm" or "answered" in request.POST)
    context |= {"selection": selection}
    if not selection.count:
        status = INVALID if request.method == "POST" else OK
        return render_page(request, "bulk/nothing.html", context, fragment="question", status=status)
    status = INVALID if is_wrong else OK
    return render_page(request, f"bulk/{question}.html", context, fragment="question", status=status)


def _start(request: HttpRequest, action: BulkAction, selection: Selection, options: dict[str, Any]) -> HttpResponse:
    bulk = start_bulk(
        action=action,
        connection_ids=selection.ids,
        actor=cast("User", request.user),
        options={**options, "query": selection.query},
    )
    return redirect(bulk)
