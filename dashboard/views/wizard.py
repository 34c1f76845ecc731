"""A new connection: the catalogue of providers, and the first step, which makes the connection."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from connectors.models import Connection, Destination, SetupStep
from connectors.providers import registry as providers
from connectors.providers.manifest import Manifest
from connectors.services.setting_up import NameTakenError, SetupOverError, change_setup, start_setup
from dashboard.forms.declaration.editor import Editor
from dashboard.forms.declaration.field import editor_of, pressed
from dashboard.forms.wizard import CatalogueForm, ConfigureForm
from dashboard.pages.catalogue import catalogue_of
from dashboard.pages.setup_link import step_href
from dashboard.pages.wizard import controls_of, destinations_of, steps_of
from dashboard.views import declaration
from dashboard.views.rendering import render_page
from jobs.services.enqueue import CannotSync
from jobs.services.enqueue_test import enqueue_test

OK, INVALID = 200, 422
# What a connection runs at until its schedule is chosen.
DEFAULT_INTERVAL = 6 * 60 * 60


@require_safe
def catalogue(request: HttpRequest) -> HttpResponse:
    """Show the providers, all of them or those that are looked for."""
    page = catalogue_of(**CatalogueForm(request.GET).criteria())
    context = {"page": page, "steps": steps_of(None, None)}
    return render_page(request, "wizard/catalogue.html", context, fragment="results")


@require_http_methods(("GET", "HEAD", "POST"))
def start(request: HttpRequest, provider: str) -> HttpResponse:
    """Ask for what a provider needs, make the connection, and go on with its test."""
    if provider not in providers.kinds():
        message = f"There is no provider “{provider}”."
        raise Http404(message)
    manifest = providers.manifest(provider)
    form = ConfigureForm(request.POST if request.method == "POST" else None, manifest=manifest)
    if pressed(form):
        return _answer_press(request, form, manifest, None)
    if form.is_valid():
        try:
            made = start_setup(
                provider=provider,
                settings=form.settings(),
                interval_seconds=DEFAULT_INTERVAL,
                actor=cast("User", request.user),
            )
        except NameTakenError as error:
            form.add_error("connection_name", str(error))
        else:
            return _go_on(request, made, form)
    return _show(request, form, manifest, None)


def configure(request: HttpRequest, connection: Connection) -> HttpResponse:
    """Ask again for what the first step asked, and store what was changed."""
    manifest = providers.manifest(connection.provider)
    form = ConfigureForm(request.POST if request.method == "POST" else None, manifest=manifest, connection=connection)
    if pressed(form):
        return _answer_press(request, form, manifest, connection)
    if form.is_valid():
        try:
            changed = change_setup(connection=connection, settings=form.settings(), actor=cast("User", request.user))
        except NameTakenError as error:
            form.add_error("connection_name", str(error))
        except SetupOverError as over:
            messages.warning(request, str(over))
            return HttpResponseRedirect(connection.get_absolute_url())
        else:
            return _go_on(request, changed, form)
    return _show(request, form, manifest, connection)


def _answer_press(
    request: HttpRequest, form: ConfigureForm, manifest: Manifest, connection: Connection | None
) -> HttpResponse:
    """Answer a button of the editor of what is read. Nothing is stored."""

    def whole(editor: Editor) -> HttpResponse:
        declaration.forget_errors(form)
        return _show(request, form, manifest, connection, editor=editor)

    return declaration.answer(request, form, connection, whole=whole)


def _show(
    request: HttpRequest,
    form: ConfigureForm,
    manifest: Manifest,
    connection: Connection | None,
    *,
    editor: Editor | None = None,
) -> HttpResponse:
    context: dict[str, Any] = {
        "form": form,
        "provider": manifest,
        "connection": connection,
        "controls": controls_of(form),
        "destinations": destinations_of(form, list(Destination.objects.defer("credentials"))),
        "steps": steps_of(connection, SetupStep.CONFIGURE),
        "declared": editor or editor_of(form),
        "address": request.get_full_path(),
        "wrong": len(form.errors),
        "now": timezone.now(),
    }
    status = INVALID if form.is_bound and editor is None else OK
    return render_page(request, "wizard/configure.html", context, fragment="question", status=status)


def _go_on(request: HttpRequest, connection: Connection, form: ConfigureForm) -> HttpResponse:
    """Lead to the next step, with its test on its way where one is needed."""
    if form.goes_to_destinations:
        back = urlencode({"next": step_href(connection, SetupStep.CONFIGURE)})
        return HttpResponseRedirect(f"{reverse('destinations:new')}?{back}")
    if connection.tested_at is None:
        try:
            enqueue_test(connection=connection, actor=cast("User", request.user))
        except CannotSync as refusal:
            messages.warning(request, str(refusal))
    return HttpResponseRedirect(step_href(connection, SetupStep.TEST))
