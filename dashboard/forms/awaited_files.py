"""The control in which an operator declares awaited files: a row per file, and some rows to spare; no script needed.

Its value is the text that the settings keep (`connectors.providers.assisted.declared`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from connectors.providers.assisted.declared import (
    FORMATS,
    MOST_COLUMNS,
    MOST_FILES,
    Awaited,
    DeclarationError,
    checked,
    read_companies,
    read_declared,
    write_declared,
)

_PARTS = ("name", "format", "columns", "key")
_FEWEST_ROWS, _SPARE_ROWS = 4, 2
_LONGEST_PART = 4000
_LONGEST_TEXT = 60_000


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it was typed; `columns` and `key` are names with commas between them."""

    name: str = ""
    format: str = ""
    columns: str = ""
    key: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing was typed, the format aside."""
        return not (self.name or self.columns or self.key)


class AwaitedFilesWidget(forms.Widget):
    """Rows of a name, a format, the columns that must be there, and the key."""

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> tuple[Row, ...] | str | None:
        """Return the rows that were typed, without the empty ones; a text that came instead is read as it is."""
        del files
        if name in data:
            return str(data[name])
        typed = [self._row(data, name, number) for number in range(MOST_FILES)]
        return tuple(row for row in typed if not row.is_empty)

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        """Whether the form has none of the rows."""
        del files
        return name not in data and f"{name}-0-name" not in data

    def id_for_label(self, id_: str) -> str:
        """Return the first row's name, which the label leads to."""
        return f"{id_}-0-name" if id_ else ""

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        """Draw the rows that there are, and some to spare."""
        del renderer
        known = _rows_of(value)
        count = min(MOST_FILES, max(_FEWEST_ROWS, len(known) + _SPARE_ROWS))
        rows = [*known, *(Row() for _ in range(count - len(known)))]
        context = {
            "name": name,
            "rows": list(enumerate(rows)),
            "formats": list(FORMATS),
            "attrs": attrs or {},
            "described": (attrs or {}).get("aria-describedby", ""),
            "most": MOST_FILES,
        }
        return render_to_string("forms/awaited_files.html", context)

    @staticmethod
    def _row(data: Mapping[str, Any], name: str, number: int) -> Row:
        typed = (" ".join(str(data.get(f"{name}-{number}-{part}", "")).split())[:_LONGEST_PART] for part in _PARTS)
        return Row(*typed)


class AwaitedFilesField(forms.Field):
    """Reads the rows into the text that is stored."""

    widget = AwaitedFilesWidget

    def to_python(self, value: Any) -> str:
        """Return the text. Raises `ValidationError` with a sentence that names the row."""
        try:
            if isinstance(value, str):
                return write_declared(read_declared(value[:_LONGEST_TEXT])) if value.strip() else ""
            files = [_awaited(row) for row in value or ()]
            return write_declared(read_declared(write_declared(files))) if files else ""
        except DeclarationError as error:
            raise ValidationError(str(error)) from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the rows say something else than what is stored."""
        try:
            return bool(self.to_python(data) != (initial or ""))
        except ValidationError:
            return True


class CompaniesField(forms.CharField):
    """Names, one per line, each once."""

    def to_python(self, value: Any) -> str:
        """Return the names as they are stored. Raises `ValidationError`."""
        try:
            return "\n".join(read_companies(super().to_python(value) or ""))
        except DeclarationError as error:
            raise ValidationError(str(error)) from None


def _awaited(row: Row) -> Awaited:
    """Return the file that a row declares. The key's columns must be there, named or not. Raises `DeclarationError`."""
    if not row.name:
        message = "A row has columns but no name. Give the file a name, or empty the row."
        raise DeclarationError(message)
    columns, key = _names(row.columns), _names(row.key)
    known = {one.casefold(): one for one in columns}
    keys = [known.get(one.casefold(), one) for one in key]
    together = list(dict.fromkeys([*columns, *keys]))[: MOST_COLUMNS + 1]
    return checked(Awaited(row.name, row.format, tuple(together), tuple(dict.fromkeys(keys))))


def _names(text: str) -> Sequence[str]:
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _rows_of(value: Any) -> list[Row]:
    if isinstance(value, str):
        try:
            files = read_declared(value) if value.strip() else ()
        except DeclarationError:
            return []
        return [Row(one.name, one.format, ", ".join(one.columns), ", ".join(one.keys)) for one in files]
    return list(value or ())
