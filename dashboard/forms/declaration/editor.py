"""The editor of a declaration inside of a larger form: its rows, the presses of its buttons, and what is wrong.

Without scripts each button posts the whole form and the page comes back with it; with them only the editor does. All
its names begin with "api-", so that they meet no other field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms

from connectors.providers.rest_api import text_form
from connectors.providers.rest_api.declaration import DeclarationError, Place, Problem
from connectors.providers.rest_api.reading import read
from connectors.providers.rest_api.trial import Trial
from dashboard.forms.declaration import document as documents
from dashboard.forms.declaration.rows import EntitiesRows, GeneralRows, PaginationRows, ResourceRows

MODE, PRESS, TEXT, COUNT, FILE = "api-mode", "api-do", "api-text", "api-count", "api-file"
_MOST_ROWS = 200


@dataclass(slots=True)
class Row:
    """One resource: its controls, those of its pages, whether it is open, and what a trial of it found."""

    number: int
    form: ResourceRows
    pagination: PaginationRows
    is_open: bool = False
    trial: Trial | None = None

    @property
    def name(self) -> str:
        """What it is called, for its heading."""
        return str(self.form["name"].value() or "") or "New resource"

    @property
    def path(self) -> str:
        """Where it is, for its heading."""
        return str(self.form["path"].value() or "")

    @property
    def wrong(self) -> int:
        """How many of its controls are wrong."""
        return len(self.form.errors) + len(self.pagination.errors)

    @property
    def is_child(self) -> bool:
        """Whether it has a parent."""
        return bool(self.form["parent"].value())

    @property
    def is_incremental(self) -> bool:
        """Whether it is asked only for what changed."""
        return bool(self.form["inc_param"].value() or self.form["inc_cursor"].value())

    @property
    def field_count(self) -> int:
        """How many fields are known."""
        return len(documents.text_lines(str(self.form["fields_text"].value() or "")))


class Editor:
    """What a person sees of a declaration. Made of a stored document, or of what was posted."""

    def __init__(self, document: Mapping[str, Any] | None = None, *, data: Mapping[str, Any] | None = None) -> None:
        """Show `document`; with `data` what was posted, which may be text instead of rows."""
        self.data = data
        self.is_text = data is not None and data.get(MODE) == "text"
        self.text = str(data.get(TEXT, "")) if data is not None else ""
        self.problems: Sequence[Problem] = ()
        self.rows: list[Row] = []
        # The resource that was added just now: its name has the focus.
        self.fresh = -1
        self._document = dict(document or {})
        self._show()

    @property
    def press(self) -> str:
        """Which of its buttons was pressed, empty for none."""
        return str(self.data.get(PRESS, "")) if self.data is not None else ""

    @property
    def count(self) -> int:
        """How many resources there are."""
        return len(self.rows)

    def document(self) -> dict[str, Any]:
        """Return the document as it stands here. Raises `DeclarationError` for a text that is none."""
        if self.is_text:
            found, _ = text_form.parse(self.text)
            return found
        if self.data is None:
            return self._document
        resources = [(_values(row.form), _values(row.pagination)) for row in self.rows]
        return documents.document_of(_values(self.general), _values(self.pagination), _values(self.entities), resources)

    def check(self) -> dict[str, Any] | None:
        """Return the document if it is a declaration, else None, with what is wrong told beside each control."""
        try:
            if self.is_text:
                found, lines = text_form.parse(self.text)
                try:
                    read(found)
                except DeclarationError as error:
                    self.problems = text_form.with_lines(error.problems, lines)
                    return None
                return found
            found = self.document()
            read(found)
        except DeclarationError as error:
            self.problems = error.problems
            self._tell(error.problems)
            return None
        return found

    def tell(self, text: str) -> None:
        """Tell something above all rows."""
        self.problems = (Problem((), text),)

    def _show(self) -> None:
        """Make the controls, of what was posted or of the document."""
        bound = self.data if self.data is not None and not self.is_text else None
        stored = self._document
        self.general = GeneralRows(bound, prefix="api", initial=documents.general_rows(stored))
        self.pagination = PaginationRows(
            bound, prefix="api-pages", initial=documents.pagination_rows(stored.get("pagination"))
        )
        self.entities = EntitiesRows(
            bound, prefix="api-accounts", initial=documents.entities_rows(stored.get("entities"))
        )
        resources = stored.get("resources")
        listed: list[Any] = resources if isinstance(resources, list) else []
        count = _whole(bound.get(COUNT)) if bound is not None else len(listed)
        self.rows = [
            self._row(number, bound, listed[number] if number < len(listed) else {}) for number in range(count)
        ]
        names = [name for row in self.rows if (name := str(row.form["name"].value() or ""))]
        for row in self.rows:
            row.form.offer_parents([name for name in names if name != row.name])
        if len(self.rows) == 1:
            self.rows[0].is_open = True

    def _row(self, number: int, bound: Mapping[str, Any] | None, one: Any) -> Row:
        own = one.get("pagination") if isinstance(one, Mapping) else None
        prefix = f"api-r{number}"
        return Row(
            number,
            ResourceRows(bound, prefix=prefix, initial=documents.resource_rows(one)),
            PaginationRows(bound, prefix=f"{prefix}-pages", initial=documents.pagination_rows(own)),
        )

    def _tell(self, problems: Sequence[Problem]) -> None:
        """Put each problem beside the control that it is about; what has none is told above all."""
        above = []
        for problem in problems:
            form, name = self._control_of(problem.place)
            if form is not None and name in form.fields:
                form.add_error(name, problem.text)
            else:
                above.append(problem)
        self.problems = tuple(above)
        for row in self.rows:
            row.is_open = row.is_open or bool(row.wrong)

    def _control_of(self, place: Place) -> tuple[forms.Form | None, str]:
        match place:
            case ("resources", int(number), *rest) if number < len(self.rows):
                return self._control_of_resource(self.rows[number], rest)
            case ("pagination", str(name)):
                return self.pagination, name
            case ("entities", str(name)):
                return self.entities, name
            case (str(name), *_):
                return self.general, name
        return None, ""

    @staticmethod
    def _control_of_resource(row: Row, rest: Sequence[str | int]) -> tuple[forms.Form | None, str]:
        match list(rest):
            case ["incremental", str(name)]:
                return row.form, f"inc_{name}"
            case ["pagination", str(name)]:
                return row.pagination, name
            case ["fields", *_]:
                return row.form, "fields_text"
            case [str(name), *_]:
                return row.form, name
        return row.form, "name"


def _values(form: forms.Form) -> dict[str, str]:
    """Return what stands in a bound form, without checks of ours: the document is checked as a whole."""
    return {name: _typed(form[name].data) for name in form.fields}


def _typed(value: Any) -> str:
    return value.strip() if isinstance(value, str) else "on" if value else ""


def _whole(value: Any) -> int:
    text = str(value or "")
    return min(int(text), _MOST_ROWS) if text.isascii() and text.isdigit() and len(text) < 6 else 0  # noqa: PLR2004
