"""What the pages for files are asked and told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from connectors.models import Entity
from connectors.providers.assisted.declared import Awaited


class FilePlaceForm(forms.Form):
    """Which company's files are shown, and from where on the list of uploads. What is not valid is ignored."""

    entity = forms.UUIDField(required=False)
    older_than = forms.UUIDField(required=False)

    def criteria(self) -> dict[str, Any]:
        """Return the valid parameters that are set, by name."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}

    def notes(self) -> list[str]:
        """Return one sentence per parameter that was ignored."""
        return [f"“{name}” in this address is not a value that the page knows. It was ignored." for name in self.errors]


class UploadForm(forms.Form):
    """For which awaited file of which company a file is."""

    table = forms.ChoiceField(
        error_messages={"invalid_choice": "This file is not awaited any more. Load this page again."}
    )
    entity = forms.ModelChoiceField(
        Entity.objects.none(),
        required=False,
        error_messages={"invalid_choice": "This company is not there any more. Load this page again."},
    )

    def __init__(self, data: Mapping[str, Any], *, awaited: Sequence[Awaited], entities: Any) -> None:
        """Offer the `awaited` files, and the `entities`, a queryset."""
        super().__init__(data)
        self._awaited = {one.table: one for one in awaited}
        table, entity = self.fields["table"], self.fields["entity"]
        assert isinstance(table, forms.ChoiceField)  # noqa: S101 - for the type checker
        assert isinstance(entity, forms.ModelChoiceField)  # noqa: S101 - likewise
        table.choices = [(one.table, one.name) for one in awaited]
        entity.queryset = entities

    def wanted(self) -> Awaited:
        """Return the file that a valid form is for."""
        return self._awaited[self.cleaned_data["table"]]

    def company(self) -> Entity | None:
        """Return the company that a valid form is for, None where it names none."""
        found: Entity | None = self.cleaned_data["entity"]
        return found
