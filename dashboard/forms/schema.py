"""What a person says on the Schema tab: how one table is copied, which rows and columns, and what becomes of changes.

A form says `seen`, the version of what its page showed, so that nobody overwrites what somebody else changed meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast, get_args
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from connectors.models import Connection, Mode, SchemaPolicy, Table
from connectors.plan import Operator, Protection, RowFilter
from connectors.services.shape import MOST_FILTERS, How, can_order
from dashboard.pages.keyset import ID, Key, Order

TABLE_PLACE = Order((Key("source_schema"), Key("name"), ID))
COLUMNS_PER_PAGE = 100
# In the order in which they are offered.
OPERATORS: Mapping[Operator, str] = {
    "eq": "is",
    "ne": "is not",
    "lt": "is less than, or before",
    "le": "is at most, or until",
    "gt": "is more than, or after",
    "ge": "is at least, or from",
    "in": "is one of, one a line",
    "contains": "contains",
    "starts_with": "starts with",
    "is_null": "is empty",
    "is_not_null": "is not empty",
}
WITHOUT_VALUE = ("is_null", "is_not_null")
POLICIES: Mapping[str, tuple[str, str]] = {
    SchemaPolicy.ACCEPT_ALL: (
        "Accept everything",
        (
            "New tables and columns are copied at once. A column that is gone keeps its old values; where its type "
            "changed in a way that rows cannot follow, the table is read again."
        ),
    ),
    SchemaPolicy.ACCEPT_COLUMNS: (
        "Accept new columns",
        "New columns of copied tables are copied at once. Everything else waits for a review; the rest is copied.",
    ),
    SchemaPolicy.REVIEW: ("Review", "Every change waits for a review; what it does not touch is copied."),
    SchemaPolicy.STOP: (
        "Stop",
        "Nothing is copied while a change waits for a review, and the connection counts as incomplete until then.",
    ),
}
_LONGEST_VALUE = 2000
_GONE = "This is no column of the table any more. Load the page again."


def check_place(value: str) -> None:
    """Refuse what is not a place in the list of tables. Raises `ValidationError`."""
    try:
        TABLE_PLACE.read(value)
    except ValueError as error:
        message = "This is no place in the list."
        raise ValidationError(message) from error


class SchemaPlaceForm(forms.Form):
    """What the page shows. What is not valid is ignored, and `notes` says so."""

    text = forms.CharField(required=False, max_length=100)
    after = forms.CharField(required=False, max_length=600, validators=[check_place])
    before = forms.CharField(required=False, max_length=600, validators=[check_place])
    table = forms.UUIDField(required=False)
    columns = forms.IntegerField(required=False, min_value=1, max_value=1000)
    changes = forms.ChoiceField(required=False, choices=[("decided", "Decided")])

    def criteria(self) -> dict[str, Any]:
        """Return the valid parameters that are set, by name."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}

    def notes(self) -> list[str]:
        """Return one sentence per parameter that was ignored."""
        return [f"“{name}” in this address is not a value that the page knows. It was ignored." for name in self.errors]


class PolicyForm(forms.Form):
    """What is done about changes at the source."""

    policy = forms.ChoiceField(
        choices=[(value, label) for value, (label, _) in POLICIES.items()],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose one of the four.", "invalid_choice": "Choose one of the four."},
    )

    def __init__(self, data: Mapping[str, Any] | None, *, connection: Connection) -> None:
        """Start with what is stored."""
        super().__init__(data, initial={"policy": connection.schema_policy}, auto_id="policy_%s")

    def policy_chosen(self) -> SchemaPolicy:
        """Return what a valid form says."""
        return SchemaPolicy(self.cleaned_data["policy"])


class DecideForm(forms.Form):
    """Which changes are accepted, ignored or taken up again; the button says which of the three."""

    accept = forms.UUIDField(required=False)
    ignore = forms.UUIDField(required=False)
    back = forms.UUIDField(required=False)
    # The changes that the page showed, for the button that accepts all of them.
    all = forms.CharField(required=False)
    shown = forms.TypedMultipleChoiceField(required=False, coerce=UUID)

    def __init__(self, data: QueryDict) -> None:
        """Take what was posted."""
        super().__init__(data)
        shown = cast("forms.TypedMultipleChoiceField", self.fields["shown"])
        shown.choices = [(value, value) for value in data.getlist("shown")]

    def answer(self) -> tuple[str, set[UUID]]:
        """Return what is to be done, "accept", "ignore" or "back", and with which; nothing where no button says so."""
        if not self.is_valid():
            return "", set()
        if self.cleaned_data["all"]:
            return "accept", set(self.cleaned_data["shown"])
        for name in ("accept", "ignore", "back"):
            if self.cleaned_data[name]:
                return name, {self.cleaned_data[name]}
        return "", set()


class HowForm(forms.Form):
    """Whether and how one table is copied."""

    is_selected = forms.BooleanField(required=False, label="Sync this table")
    mode = forms.ChoiceField(
        choices=[("replace", "Full replace"), ("append", "Append by cursor"), ("merge", "Merge by key")]
    )
    cursor = forms.ChoiceField(required=False, error_messages={"invalid_choice": _GONE})
    keys = forms.MultipleChoiceField(
        required=False,
        label="Key",
        error_messages={"invalid_choice": _GONE},
        widget=forms.SelectMultiple(attrs={"size": 4}),
    )
    is_reload = forms.BooleanField(required=False, label="Read all rows again with the next run")

    def __init__(self, data: QueryDict | None, *, table: Table) -> None:
        """Start with what is stored; a cursor needs a type that has an order."""
        stored = {"is_selected": table.is_selected, "mode": table.mode, "cursor": table.cursor, "keys": table.keys}
        super().__init__(data, initial=stored, auto_id="how_%s")
        known = {name: kind for name, kind in table.agreed}  # noqa: C416 - pairs are lists
        orderly = [name for name, kind in known.items() if can_order(kind)]
        cursor = cast("forms.ChoiceField", self.fields["cursor"])
        cursor.choices = [("", "None"), *((name, name) for name in _with([table.cursor], orderly))]
        cursor.widget.attrs["data-mono"] = True
        keys = cast("forms.MultipleChoiceField", self.fields["keys"])
        keys.choices = [(name, name) for name in _with(table.keys, list(known))]
        keys.widget.attrs["data-mono"] = True

    def how(self) -> How:
        """Return what a valid form says."""
        known = self.cleaned_data
        return How(
            is_selected=known["is_selected"],
            mode=Mode(known["mode"]),
            keys=tuple(known["keys"]),
            cursor=known["cursor"],
            is_reload=known["is_reload"],
        )


class FilterLine(forms.Form):
    """One condition that a row must meet."""

    column = forms.ChoiceField(error_messages={"invalid_choice": _GONE, "required": "Choose a column."})
    operator = forms.ChoiceField(choices=list(OPERATORS.items()))
    value = forms.CharField(required=False, max_length=_LONGEST_VALUE, strip=False)

    def __init__(self, data: Mapping[str, Any] | None, *, table: Table, number: int, initial: dict[str, Any]) -> None:
        """Offer the columns of `table`; `number` counts lines from 1."""
        super().__init__(data, initial=initial, prefix=f"line{number}", auto_id="filter_%s")
        self.number = number
        column = cast("forms.ChoiceField", self.fields["column"])
        known = [name for name, _ in table.agreed]
        stored = [str(one["column"]) for one in table.filters]
        column.choices = [(name, name) for name in _with(stored, known)]
        labels = {"column": "Column", "operator": "Comparison", "value": "Value"}
        for name, label in labels.items():
            self.fields[name].widget.attrs["aria-label"] = f"{label}, line {number}"
        self.fields["column"].widget.attrs["data-mono"] = self.fields["value"].widget.attrs["data-mono"] = True

    def clean(self) -> dict[str, Any]:
        """Ask for a value where the comparison needs one; an empty text is one for “is” and “is not”."""
        known = super().clean() or self.cleaned_data
        needs = known.get("operator") not in {*WITHOUT_VALUE, "eq", "ne"}
        if needs and not known.get("value", "").strip():
            self.add_error("value", "Give the value to compare with.")
        return known

    def row_filter(self) -> RowFilter:
        """Return what a valid line says."""
        operator = cast("Operator", self.cleaned_data["operator"])
        value = "" if operator in WITHOUT_VALUE else self.cleaned_data["value"]
        return RowFilter(self.cleaned_data["column"], operator, value)


class FiltersForm:
    """The lines of a row filter. A button adds or removes one without storing anything, also where no script runs."""

    def __init__(self, data: QueryDict | None, *, table: Table) -> None:
        """Start with what is stored, or with what was posted and what the pressed button does to it."""
        stored = [dict(one) for one in table.filters] if data is None else _posted(data)
        self.action = data.get("action", "save") if data is not None else "save"
        if self.action == "add" and len(stored) < MOST_FILTERS:
            stored.append({"column": "", "operator": "eq", "value": ""})
        if self.action.startswith("remove-"):
            stored = [one for place, one in enumerate(stored, start=1) if self.action != f"remove-{place}"]
        self.is_bound = data is not None
        self.is_full = len(stored) >= MOST_FILTERS
        self.is_reload = bool(data and data.get("is_reload"))
        is_checked = self.is_bound and self.action in {"save", "count"}
        self.lines = [
            FilterLine(
                {f"line{number}-{name}": value for name, value in one.items()} if is_checked else None,
                table=table,
                number=number,
                initial=one,
            )
            for number, one in enumerate(stored, start=1)
        ]

    def is_valid(self) -> bool:
        """Whether every line can be used."""
        return [line.is_valid() for line in self.lines].count(False) == 0

    def filters(self) -> list[RowFilter]:
        """Return what valid lines say."""
        return [line.row_filter() for line in self.lines]


class ColumnsForm(forms.Form):
    """Of the columns that the page showed, which are copied and whose values are hidden."""

    is_reload = forms.BooleanField(required=False)

    def __init__(self, data: QueryDict, *, table: Table) -> None:
        """Offer the columns of `table` that were agreed on."""
        super().__init__(data)
        self._data = data
        names = [(name, name) for name, _ in table.agreed]
        self.fields["shown"] = forms.MultipleChoiceField(
            choices=names, error_messages={"required": "No column was shown."}
        )
        self.fields["chosen"] = forms.MultipleChoiceField(choices=names, required=False)

    def clean(self) -> dict[str, Any]:
        """Refuse a form of columns that are gone, in one sentence."""
        known = super().clean() or self.cleaned_data
        if self.errors:
            self.errors.clear()
            self.add_error(None, "A column of this form is no column of the table any more. Load the page again.")
        return known

    def answer(self) -> dict[str, Any]:
        """Return what a valid form says, as `change_columns` takes it."""
        protected = {}
        for name in self.cleaned_data["shown"]:
            how = self._data.get(f"protect:{name}", "")
            if how in get_args(Protection):
                protected[name] = cast("Protection", how)
        return {
            "shown": self.cleaned_data["shown"],
            "chosen": self.cleaned_data["chosen"],
            "protected": protected,
            "is_reload": self.cleaned_data["is_reload"],
        }


def _posted(data: QueryDict) -> list[dict[str, Any]]:
    """Return the lines that were posted, in their order."""
    lines = []
    for number in range(1, MOST_FILTERS + 1):
        if f"line{number}-column" not in data:
            break
        lines.append({name: data.get(f"line{number}-{name}", "") for name in ("column", "operator", "value")})
    return lines


def _with(first: list[str], names: list[str]) -> list[str]:
    """Return `names`, and what is stored although it is none of them any more."""
    return [*(name for name in first if name and name not in names), *names]
