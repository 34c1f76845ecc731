"""What the list of connections can be asked for in its address: the criteria, and a sentence per error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.http import QueryDict
from django.urls import reverse

from connectors.models import Status
from connectors.providers import registry as providers
from dashboard.formatting import as_typed
from dashboard.pages.flags import FLAGS

# What the list sorts by, and how the heading of that column says it; a minus turns it round.
DEFAULT_SORT = "attention"
SORTS = {
    DEFAULT_SORT: "Needs attention first",
    "name": "By name",
    "-name": "By name, from Z",
    "-last": "Last synced first",
    "last": "Longest ago first",
    "next": "Next to sync first",
    "-next": "Next to sync last",
}
INTEGRATIONS = {"automated": "Automated", "assisted": "Assisted"}
# The filters, which may each have several values, and the words for them.
FILTERS = {
    "status": "status",
    "provider": "provider",
    "destination": "destination",
    "type": "integration type",
    "flag": "flag",
    "tag": "tag",
    "owner": "owner",
}
# What people made, so that the database knows which values there are.
MADE_BY_PEOPLE = ("destination", "tag", "owner")
_MOST_TEXT = 100

Choices = Mapping[str, Sequence[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Criteria:
    """What the list is asked for, all of it valid: filters, text, order, and the place of the page in it."""

    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    text: str = ""
    sort: str = DEFAULT_SORT
    after: str = ""
    before: str = ""

    def parameters(self) -> list[tuple[str, str]]:
        """Return the parameters of the address that asks for this, in a fixed order."""
        several = [(name, value) for name in FILTERS for value in self.filters.get(name, ())]
        sort = "" if self.sort == DEFAULT_SORT else self.sort
        single = {"q": self.text, "sort": sort, "after": self.after, "before": self.before}
        return [*several, *((name, value) for name, value in single.items() if value)]

    def address(self, route: str = "connections:list") -> str:
        """Return the address that asks for this."""
        query = self.query()
        return f"{reverse(route)}?{query}" if query else reverse(route)

    def query(self) -> str:
        """Return the parameters as they stand in an address."""
        return urlencode(self.parameters())

    def first_page(self) -> Criteria:
        """The same from the start of the order."""
        return replace(self, after="", before="")

    def with_filter(self, name: str, *values: str) -> Criteria:
        """The same, from its start, with these values of one filter only; without values it is taken away."""
        kept = {other: chosen for other, chosen in self.filters.items() if other != name}
        return replace(self.first_page(), filters={**kept, name: values} if values else kept)

    def toggled(self, name: str, value: str) -> Criteria:
        """The same, from its start, with one value of a filter added, or taken away where it is set."""
        chosen = self.filters.get(name, ())
        rest = tuple(one for one in chosen if one != value)
        return self.with_filter(name, *(rest if value in chosen else (*chosen, value)))


class ConnectionFilterForm(forms.Form):
    """The parameters of the list's address. What is not valid is left out of `criteria`, and `notes` says so."""

    q = forms.CharField(required=False, max_length=_MOST_TEXT)
    sort = forms.ChoiceField(required=False, choices=tuple(SORTS.items()))
    after = forms.CharField(required=False, max_length=400)
    before = forms.CharField(required=False, max_length=400)

    def __init__(self, data: QueryDict, *, choices: Choices | None = None) -> None:
        """Take the parameters, and the choices (value, words) of the filters `MADE_BY_PEOPLE`.

        Without choices their values are taken as they are: what does not exist then matches nothing.
        """
        super().__init__(data)
        self._asked = {name: list(dict.fromkeys(filter(None, data.getlist(name)))) for name in FILTERS}
        self.choices: dict[str, Sequence[tuple[str, str]]] = {
            "status": Status.choices,
            "provider": [(one.kind, one.name) for one in providers.all_manifests()],
            "type": [(name, INTEGRATIONS[name]) for name in _integrations()],
            "flag": list(FLAGS.items()),
            **(choices or {}),
        }

    def criteria(self) -> Criteria:
        """Return the valid parameters that are set."""
        self.is_valid()
        known = {name: tuple(v for v in values if self._is_known(name, v)) for name, values in self._asked.items()}
        single = self.cleaned_data
        return Criteria(
            filters={name: values for name, values in known.items() if values},
            text=single.get("q", ""),
            sort=single.get("sort") or DEFAULT_SORT,
            after=single.get("after", ""),
            before=single.get("before", ""),
        )

    def notes(self) -> list[str]:
        """Return one sentence per value that was left out."""
        unknown = [
            f"The list knows no {FILTERS[name]} “{as_typed(value)}”, so that filter was left out."
            for name, values in self._asked.items()
            for value in values
            if not self._is_known(name, value)
        ]
        return [*unknown, *self._single_notes()]

    def _is_known(self, name: str, value: str) -> bool:
        if name in self.choices:
            return any(value == known for known, _words in self.choices[name])
        return _is_id(value) if name == "destination" else "\0" not in value

    def _single_notes(self) -> Iterable[str]:
        if "q" in self.errors:
            is_long = len(self.data.get("q", "")) > _MOST_TEXT
            why = f"is longer than {_MOST_TEXT} characters" if is_long else "holds a character that no name can hold"
            yield f"The text to look for {why}, so it was left out."
        if "sort" in self.errors:
            shown = as_typed(self.data.get("sort", ""))
            yield f"The list cannot sort by “{shown}”. It shows what needs attention first."
        if "after" in self.errors or "before" in self.errors:
            yield NO_SUCH_PLACE


NO_SUCH_PLACE = "The place named in this address is not in the list. This is its start."


def _integrations() -> list[str]:
    present = {one.integration for one in providers.all_manifests()}
    return [name for name in INTEGRATIONS if name in present]


def _is_id(value: str) -> bool:
    try:
        UUID(value)
    except ValueError:
        return False
    return True
