"""Destinations: the list, one of them, adding, changing, testing and deleting."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from connectors.destinations import registry
from connectors.models import Connection, Destination
from connectors.services.changing import ChangedMeanwhileError
from connectors.services.destinations import (
    DestinationInUseError,
    DestinationRefusedError,
    DestinationTakenError,
    add_destination,
    change_destination,
    check_destination,
    delete_destination,
)
from dashboard.forms.actions import TypedNameForm
from dashboard.forms.destinations import DestinationForm, KindForm
from dashboard.pages.destinations import page_of, row_of, rows_of, set_by, view_of
from dashboard.views.rendering import go_back, render_page

OK, CONFLICT, INVALID = 200, 409, 422
QUESTION = ("GET", "HEAD", "POST")


@require_safe
def list_(request: HttpRequest) -> HttpResponse:
    """Show every destination: what it is, where, who uses it, and how its last test ended."""
    return render(request, "destinations/list.html", {"rows": rows_of(Destination.objects.for_page())})


@require_safe
def detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one destination, beside the others."""
    return _detail(request, _destination_or_404(pk))


@require_http_methods(QUESTION)
def new(request: HttpRequest) -> HttpResponse:
    """Ask which kind, then for its settings; store it once it was checked."""
    kind, back = KindForm(request.POST or request.GET).answers()
    if not kind:
        status = INVALID if request.method == "POST" else OK
        context = {"kinds": registry.all_manifests(), "back": back}
        return render(request, "destinations/kinds.html", context, status=status)
    form = DestinationForm(request.POST if request.method == "POST" else None, kind=kind)
    if not form.is_valid():
        return _form(request, form, {"kind": kind, "back": back})
    try:
        made = add_destination(kind=kind, actor=cast("User", request.user), **form.answer())
    except DestinationRefusedError as refusal:
        return _form(request, form, {"kind": kind, "back": back, "check": _told(refusal, form)})
    except DestinationTakenError as refusal:
        form.add_error(refusal.field, str(refusal))
        return _form(request, form, {"kind": kind, "back": back})
    messages.success(request, f"{made.name} works and can be chosen for connections.")
    return go_back(request, made.get_absolute_url())


@require_http_methods(QUESTION)
def edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask for other settings or credentials; they count once they were checked."""
    destination = _destination_or_404(pk)
    said = set_by(destination, timezone.now(), timezone.get_current_timezone())
    answer = request.POST if request.method == "POST" else None
    form = DestinationForm(answer, kind=destination.kind, destination=destination, set_by=said)
    context = {"destination": destination, "row": row_of(destination)}
    if not form.is_valid():
        return _form(request, form, context)
    try:
        seen, actor = form.cleaned_data["seen"], cast("User", request.user)
        changes = change_destination(destination=destination, seen=seen, actor=actor, **form.answer())
    except DestinationRefusedError as refusal:
        return _form(request, form, context | {"check": _told(refusal, form)})
    except DestinationTakenError as refusal:
        form.add_error(refusal.field, str(refusal))
        return _form(request, form, context)
    except ChangedMeanwhileError as refusal:
        return _form(request, form, context | {"refusal": str(refusal)}, status=CONFLICT)
    said = f"{form.cleaned_data['name']} is changed. The next load uses it." if changes else "Nothing was changed."
    messages.success(request, said)
    return redirect(destination)


@require_POST
def check(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Test the destination as it is stored and show what was found."""
    destination = _destination_or_404(pk)
    found = check_destination(destination=destination, actor=cast("User", request.user))
    if found.is_ok:
        messages.success(request, f"{destination.name} works.")
    else:
        messages.warning(request, f"{destination.name} cannot be loaded into. What to do stands below its last test.")
    return redirect(destination)


@require_http_methods(QUESTION)
def delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask for the destination's name and delete it; one that is in use stays (409), with the connections named."""
    destination = _destination_or_404(pk)
    form = TypedNameForm(request.POST if request.method == "POST" else None, subject=destination)
    using: list[Connection] = list(Connection.objects.filter(destination=destination).order_by("name")[:50])
    context = {"destination": destination, "form": form, "using": using}
    status = OK if request.method != "POST" else CONFLICT if using else INVALID
    if not using and form.is_valid():
        try:
            delete_destination(destination=destination, actor=cast("User", request.user))
        except DestinationInUseError as refusal:
            context["using"], status = list(refusal.connections), CONFLICT
        else:
            messages.success(request, f"{destination.name} is deleted. What was loaded there stays.")
            return redirect("destinations:list")
    return render_page(request, "destinations/delete.html", context, fragment="question", status=status)


def _detail(request: HttpRequest, destination: Destination) -> HttpResponse:
    page = page_of(destination, now=timezone.now(), zone=timezone.get_current_timezone())
    rows = rows_of(Destination.objects.for_page())
    return render(request, "destinations/detail.html", {"destination": destination, "page": page, "rows": rows})


def _form(
    request: HttpRequest, form: DestinationForm, context: dict[str, Any], *, status: int = INVALID
) -> HttpResponse:
    """Show the form, with 422 and what was typed (secrets excepted) after an answer that cannot be used."""
    context |= {"form": form, "manifest": form.manifest, "controls": [form[one.name] for one in form.manifest.fields]}
    return render(request, "destinations/form.html", context, status=status if request.method == "POST" else OK)


def _told(refusal: DestinationRefusedError, form: DestinationForm) -> object:
    return view_of(refusal.check, form.cleaned_data["name"])


def _destination_or_404(pk: UUID) -> Destination:
    return get_object_or_404(Destination.objects.for_page(), pk=pk)
