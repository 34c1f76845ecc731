"""Answers the buttons of a declaration's editor: with the editor alone, without scripts with the whole page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from connectors.models import Connection
from connectors.providers.manifest import Manifest
from connectors.providers.rest_api.declaration import DeclarationError
from connectors.providers.rest_api.manifest import DECLARATION
from connectors.providers.rest_api.text_form import LONGEST_TEXT
from connectors.providers.rest_api.trial import Trial
from connectors.services.configure import SecretsNeededError, SignIn
from connectors.services.trying import try_declared
from dashboard.forms.declaration.editor import FILE, Editor
from dashboard.forms.declaration.field import editor_of
from dashboard.forms.declaration.presses import SAVE, changed, file_of
from dashboard.forms.manifest_fields import secrets_of, settings_of
from dashboard.forms.setup import SourceForm
from dashboard.forms.wizard import ConfigureForm
from dashboard.views.rendering import wants_fragment

FILE_NAME = "declaration.yaml"
Whole = Callable[[Editor], HttpResponse]


def answer(
    request: HttpRequest, form: ConfigureForm | SourceForm, connection: Connection | None, *, whole: Whole
) -> HttpResponse:
    """Answer a press on a button of the editor in `form`. `whole` renders the page around an editor."""
    editor = editor_of(form)
    if editor is None:
        message = "This form has no declaration."
        raise ValueError(message)
    if editor.press == SAVE:
        try:
            return _download(editor)
        except DeclarationError as error:
            editor.problems = error.problems
            return _shown(request, editor, whole)

    def ask(document: dict[str, Any], resource: str) -> Trial:
        return _ask(form, form.manifest, connection, document, resource)

    return _shown(request, changed(editor, file=_file(request), ask=ask), whole)


def forget_errors(form: ConfigureForm | SourceForm) -> None:
    """Let a form say nothing of what is not filled in yet: nobody asked to store it."""
    form.errors.clear()


def _ask(
    form: ConfigureForm | SourceForm,
    manifest: Manifest,
    connection: Connection | None,
    document: dict[str, Any],
    resource: str,
) -> Trial:
    """Try a resource with what stands in the form, as far as it is right."""
    form.is_valid()
    if wrong := [one.label for one in manifest.fields if one.name in form.errors and one.name != DECLARATION]:
        return Trial(code="misconfigured", words=f"First correct: {', '.join(wrong)}.")
    proposed = SignIn({**settings_of(form, manifest.fields), DECLARATION: document}, secrets_of(form, manifest.fields))
    try:
        return try_declared(provider=manifest.kind, connection=connection, proposed=proposed, resource=resource)
    except SecretsNeededError as refusal:
        return Trial(code="invalid_credentials", words=str(refusal))


def _file(request: HttpRequest) -> bytes | None:
    found = request.FILES.get(FILE)
    return found.read(LONGEST_TEXT * 4) if isinstance(found, UploadedFile) else None


def _download(editor: Editor) -> HttpResponse:
    response = HttpResponse(file_of(editor), content_type="application/yaml; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{FILE_NAME}"'
    return response


def _shown(request: HttpRequest, editor: Editor, whole: Whole) -> HttpResponse:
    if wants_fragment(request):
        context = {"editor": editor, "address": request.get_full_path(), "is_fragment": True}
        return render(request, "declaration/editor.html", context)
    return whole(editor)
