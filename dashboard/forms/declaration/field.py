"""A declaration as one field of a larger form: its value is the document, its control the editor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from dashboard.forms.declaration.document import normal
from dashboard.forms.declaration.editor import MODE, Editor

_EMPTY: Mapping[str, Any] = {"resources": [{}]}


class DeclarationWidget(forms.Widget):
    """Reads the editor's controls out of what was posted. It is drawn by a template of its own."""

    def __init__(self) -> None:
        super().__init__()
        self._editor: Editor | None = None

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Editor | None:
        """Return the editor of what was posted, always the same one, so that what is told in it stays."""
        del files, name
        if self._editor is None and MODE in data:
            self._editor = Editor(data=data)
        return self._editor


class DeclarationField(forms.Field):
    """Takes the editor and gives the document."""

    widget = DeclarationWidget

    def clean(self, value: Editor | None) -> dict[str, Any]:
        """Return the document. Raises `ValidationError` in a sentence; the editor tells what is wrong where."""
        if value is None:
            message = "Declare what is read: at least one resource."
            raise ValidationError(message)
        found = value.check()
        if found is None:
            message = "Something in it cannot be used. It is marked where it stands."
            raise ValidationError(message)
        return normal(found)


def editor_of(form: forms.Form) -> Editor | None:
    """Return the editor of a form that has a declaration, None for every other form."""
    for name, field in form.fields.items():
        if isinstance(field, DeclarationField):
            value = form[name].value()
            # Who begins sees one resource to fill in.
            return value if isinstance(value, Editor) else Editor(value if isinstance(value, Mapping) else _EMPTY)
    return None


def pressed(form: forms.Form) -> str:
    """Return which button of the editor was pressed, empty for none."""
    editor = editor_of(form) if form.is_bound else None
    return editor.press if editor else ""
