"""Settings of the whole installation, for admins."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from connectors.services.changing import ChangedMeanwhileError
from dashboard.forms.connect_look import ConnectLookForm
from dashboard.pages.settings import look_page_of, sections_of
from sessions_log.models import ConnectLook
from sessions_log.services.look import change_look

OK, CONFLICT, INVALID = 200, 409, 422
# The answer of the button that shows what was typed without storing it.
PREVIEW = "preview"


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """List what there is to set."""
    return render(request, "settings/overview.html", {"sections": sections_of()})


@require_http_methods(("GET", "HEAD", "POST"))
def connect(request: HttpRequest) -> HttpResponse:
    """Show how the hosted flow looks, and store what an admin changes."""
    stored = ConnectLook.objects.current()
    if request.method != "POST":
        return _look(request, ConnectLookForm(stored=stored))
    form = ConnectLookForm(request.POST, request.FILES, stored=stored)
    is_valid = form.is_valid()
    if not is_valid or request.POST.get("then") == PREVIEW:
        return _look(request, form, status=OK if is_valid else INVALID)
    try:
        changes = change_look(seen=form.cleaned_data["seen"], actor=cast("User", request.user), **form.answer())
    except ChangedMeanwhileError as refusal:
        return _look(request, form, status=CONFLICT, refusal=str(refusal))
    messages.success(
        request, "Stored. The connect flow looks like this from now on." if changes else "Nothing was changed."
    )
    return redirect("settings:connect")


def _look(request: HttpRequest, form: ConnectLookForm, *, status: int = OK, refusal: str = "") -> HttpResponse:
    context = {
        "form": form,
        "page": look_page_of(form),
        "sections": sections_of("settings:connect"),
        "refusal": refusal,
        "is_preview": form.is_bound and status == OK,
    }
    return render(request, "settings/connect.html", context, status=status)
