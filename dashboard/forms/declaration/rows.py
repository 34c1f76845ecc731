"""Controls of a declaration's parts. What they hold is checked as a whole, by the provider, and told beside them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django import forms

_LONGEST = 4000
_KINDS = (
    ("none", "One page only"),
    ("page", "Page number"),
    ("offset", "Offset and limit"),
    ("cursor", "Cursor in the answer"),
    ("last_record", "A field of the last record"),
    ("next_url", "Next address in the answer"),
    ("link", "Link header"),
)
_STOPS = (("empty", "At the first empty page"), ("short", "At the first page that is not full"))
_FORMATS = (
    ("iso", "2026-01-31T12:00:00Z"),
    ("date", "2026-01-31"),
    ("seconds", "Seconds since 1970"),
    ("milliseconds", "Milliseconds since 1970"),
    ("as_is", "As it stands in the record"),
)
_PARENTS = (("all", "Of every record"), ("changed", "Only of those that changed"))


def _text(label: str, help_text: str = "", *, placeholder: str = "") -> forms.CharField:
    attrs = {"autocomplete": "off", "spellcheck": "false", "data-mono": True}
    if placeholder:
        attrs["placeholder"] = placeholder
    widget = forms.TextInput(attrs=attrs)
    return forms.CharField(required=False, label=label, help_text=help_text, max_length=_LONGEST, widget=widget)


def _lines(label: str, help_text: str, rows: int = 2) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows, "autocomplete": "off", "spellcheck": "false", "data-mono": True})
    return forms.CharField(required=False, label=label, help_text=help_text, widget=widget)


def _choice(label: str, choices: Any, help_text: str = "") -> forms.CharField:
    # What is not offered is told by the check of the whole, with its place.
    return forms.CharField(required=False, label=label, help_text=help_text, widget=forms.Select(choices=choices))


class PaginationRows(forms.Form):
    """How pages follow each other."""

    use_required_attribute = False

    kind = _choice("Pages", _KINDS, "How one page leads to the next. The API's documentation names it “pagination”.")
    param = _text("Parameter", "Takes the number, the offset or the cursor, such as page or cursor.")
    path = _text("Path to the next one", "In the answer, such as meta.next_cursor; of the last record its field.")
    size_param = _text("Size parameter", "Asks for so many records a page, such as per_page or limit.")
    size = _text("Page size", "Records a page.")
    first = _text("First page", "1 for most APIs, 0 for some.")
    more_path = _text("Path to “more”", "To a switch in the answer, such as has_more, that ends the pages.")
    stop = _choice("Ends", _STOPS, "Without such a switch.")


class EntitiesRows(forms.Form):
    """Where accounts are listed that sync on their own."""

    use_required_attribute = False

    path = _text("Path of the list", "Such as /accounts. Leave it empty if the key belongs to one account.")
    records = _text("Path to the records", "In the answer, such as data. Empty: the answer itself.")
    id = _text("ID field", "What stands for {entity} in the paths below.")
    name = _text("Name field", "What pages show. Empty: the ID.")
    header = _text("Header", "If the API takes the account in a header instead of the path.")


class GeneralRows(forms.Form):
    """What holds for every request."""

    use_required_attribute = False

    headers = _lines("Headers", "One a line, such as Accept: application/json. Nothing secret: that is the sign-in's.")
    requests_per_second = _text("Requests a second", "At most. Empty: as fast as the API answers.")
    most_pages = _text("Most pages", "Of one resource. More of them end the run with an error.")
    most_megabytes = _text("Largest answer, MB", "As unpacked. A larger one ends the run with an error.")


class ResourceRows(forms.Form):
    """One resource. Its pagination has controls of its own."""

    use_required_attribute = False

    name = _text("Name", "The table's name, such as orders.")
    path = _text("Path", "Below the base address. {entity} and {parent.id} stand for values.", placeholder="/orders")
    records = _text("Path to the records", "In the answer, such as data or data.items[*]. Empty: the answer itself.")
    key = _text("Key", "The field that tells records apart, such as id. Several with commas.")
    params = _lines("Parameters", "One a line, such as status=all.")
    inc_param = _text("Parameter", "Takes the moment to read from, such as updated_since.")
    inc_cursor = _text("Changed at", "The field that says when a record was changed, such as updated_at.")
    inc_format = _choice("Written as", _FORMATS)
    inc_start = _text("First value", "For the first run. Empty: everything.")
    inc_lag_seconds = _text("Read again, seconds", "So that what was being written meanwhile is not missed.")
    parent = _text("Parent", "It is read once for each of the parent's records.")
    parents = _choice("Read", _PARENTS)
    has_pagination = forms.BooleanField(required=False, label="Its pages follow each other in another way")
    fields_text = _lines("Fields", "One a line, such as total: decimal or city: text from address.city.", rows=6)

    def offer_parents(self, names: Collection[str]) -> None:
        """Let the parent be one of these resources."""
        there = self["parent"].value()
        known = [*names, *([there] if there and there not in names else [])]
        choices = [("", "None"), *((name, name) for name in known)]
        self.fields["parent"].widget = forms.Select(choices=choices)
