"""What the buttons of the editor do: another row, one less, rows or text, a file, a trial."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connectors.providers.rest_api import text_form
from connectors.providers.rest_api.declaration import fields_as_document
from connectors.providers.rest_api.trial import Trial
from dashboard.forms.declaration.editor import Editor

TRY, ADD, REMOVE, AS_TEXT, AS_ROWS, LOAD, SAVE = "try", "add", "remove", "text", "rows", "load", "save"

Try = Callable[[dict[str, Any], str], Trial]


def changed(editor: Editor, *, file: bytes | None, ask: Try) -> Editor:
    """Return the editor as it is after its button was pressed. Nothing is stored.

    `file` is what was uploaded with the press on “Load”; `ask` tries a resource of a document, by its name.
    """
    verb, _, number = editor.press.partition(":")
    place = int(number) if number.isdecimal() else -1
    if verb == AS_TEXT:
        return _as_text(editor)
    if verb == LOAD:
        return _loaded(editor, file)
    if verb == TRY and 0 <= place < editor.count:
        return _tried(editor, place, ask)
    # Rows have no place for what is not known, so a text becomes rows only where all of it is.
    document = editor.check() if editor.is_text and editor.text.strip() else editor.document()
    return editor if document is None else _with_rows(document, verb, place)


def _with_rows(document: dict[str, Any], verb: str, place: int) -> Editor:
    listed = document.get("resources")
    resources: list[Any] = list(listed) if isinstance(listed, list) else []
    if verb == ADD:
        return _opened({**document, "resources": [*resources, {}]}, len(resources))
    if verb == REMOVE:
        resources = [one for at, one in enumerate(resources) if at != place]
    return Editor({**document, "resources": resources})


def file_of(editor: Editor) -> bytes:
    """Return the declaration as a file to keep. Raises `DeclarationError` for a text that is none."""
    return text_form.write(editor.document()).encode()


def _opened(document: dict[str, Any], place: int) -> Editor:
    shown = Editor(document)
    shown.rows[place].is_open = True
    shown.fresh = place
    return shown


def _as_text(editor: Editor) -> Editor:
    shown = Editor()
    shown.is_text, shown.text = True, text_form.write(editor.document())
    return shown


def _loaded(editor: Editor, file: bytes | None) -> Editor:
    """Show what a file holds, as text, so that it is looked at before it counts."""
    shown = Editor()
    shown.is_text = True
    try:
        shown.text = (file or b"").decode("utf-8-sig")
    except UnicodeDecodeError:
        shown.text = editor.text
        shown.tell("This file is no text in UTF-8, so nothing was taken over.")
        return shown
    if not shown.text.strip():
        shown.text = editor.text or (text_form.write(editor.document()) if not editor.is_text else "")
        shown.tell("Choose a file first: YAML or JSON.")
    return shown


def _tried(editor: Editor, place: int, ask: Try) -> Editor:
    """Try one resource, and write down the fields that it has beside those that are written down already."""
    document = editor.check()
    if document is None:
        return editor
    resource = document["resources"][place]
    trial = ask(document, str(resource["name"]))
    if trial.fields:
        resource = {**resource, "fields": fields_as_document(trial.fields)}
    resources = [resource if at == place else one for at, one in enumerate(document["resources"])]
    shown = Editor({**document, "resources": resources})
    shown.rows[place].is_open, shown.rows[place].trial = True, trial
    return shown
