"""Ingest keys, for admins: made and shown once, listed, revoked."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_http_methods

from dashboard.forms.ingest_key import IngestKeyForm
from dashboard.pages.settings import sections_of
from dashboard.views.rendering import render_page
from sessions_log.models import IngestKey
from sessions_log.services.ingest_keys import KeyNameTakenError, KeyRevokedError, make_key, revoke_key

OK, CONFLICT, INVALID = 200, 409, 422
QUESTION = ("GET", "HEAD", "POST")


@require_http_methods(QUESTION)
def keys(request: HttpRequest) -> HttpResponse:
    """List the keys, and make one, which is shown on the answer and never again."""
    form = IngestKeyForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            key, secret = make_key(name=form.cleaned_data["name"], actor=cast("User", request.user))
        except KeyNameTakenError as refusal:
            form.add_error("name", str(refusal))
        else:
            address = request.build_absolute_uri(reverse("api:session-events"))
            answer = render(request, "settings/key_made.html", {"key": key, "secret": secret, "address": address})
            # The one answer that holds a key is kept nowhere.
            patch_cache_control(answer, private=True, no_store=True)
            return answer
    context = {
        "form": form,
        "keys": IngestKey.objects.for_list(),
        "sections": sections_of("settings:keys"),
        "address": reverse("api:session-events"),
    }
    return render(request, "settings/keys.html", context, status=INVALID if form.is_bound else OK)


@require_http_methods(QUESTION)
def revoke(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Say what revoking does, and end a key at once (409 for one that was ended before)."""
    key = get_object_or_404(IngestKey.objects.for_list(), pk=pk)
    status, refusal = OK, "" if key.revoked_at is None else f"{key.name} was revoked already."
    if request.method == "POST":
        try:
            revoke_key(key=key, actor=cast("User", request.user))
        except KeyRevokedError as error:
            status, refusal = CONFLICT, str(error)
        else:
            messages.success(request, f"The key {key.name} does not work any more.")
            return redirect("settings:keys")
    context = {"key": key, "refusal": refusal}
    return render_page(request, "settings/key_revoke.html", context, fragment="question", status=status)
