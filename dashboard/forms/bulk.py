"""What a person says of many connections at once: which ones, and the answers that count for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.html import format_html

from connectors.services.tags import LONGEST_TAG
from jobs.models import BulkAction
from jobs.text import counted

# More than a page of the list shows; whoever wants more takes all that match.
MOST_CHOSEN = 500


def chosen_ids(data: QueryDict) -> list[UUID]:
    """Return the ids that were ticked, each once and in their order; what is no id is left out."""
    ids = []
    for text in data.getlist("ids")[:MOST_CHOSEN]:
        try:
            ids.append(UUID(text))
        except ValueError:
            continue
    return list(dict.fromkeys(ids))


class TagForm(forms.Form):
    """A word, and whether it is added or taken away."""

    tag = forms.CharField(max_length=LONGEST_TAG, help_text="One word or name, such as a team or a customer.")
    how = forms.ChoiceField(
        label="What",
        choices=((BulkAction.TAG, "Add this tag"), (BulkAction.UNTAG, "Remove this tag")),
        widget=forms.Select,
        initial=BulkAction.TAG,
    )

    def clean_tag(self) -> str:
        """Refuse a comma, which stands between tags, and close up spaces."""
        tag = " ".join(str(self.cleaned_data["tag"]).split())
        if "," in tag:
            message = "A comma stands between tags. Name one tag at a time."
            raise ValidationError(message)
        return tag


class DeleteManyForm(forms.Form):
    """How many connections go, typed, so that nothing is removed by a slip."""

    number = forms.CharField(
        max_length=20, widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"})
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, count: int) -> None:
        """Ask for the number `count`."""
        super().__init__(data)
        self._count = count
        self.fields["number"].label = format_html('Type <span class="strong">{}</span> to confirm', count)

    def clean_number(self) -> str:
        """Refuse any other number."""
        typed = str(self.cleaned_data["number"]).replace(",", "").strip()
        if typed != str(self._count):
            message = (
                f"This is not the number. {counted(self._count, 'connection')} would be deleted: type {self._count}."
            )
            raise ValidationError(message)
        return typed


class AfterForm(forms.Form):
    """The place in a report: the number of the last row before it. What cannot be read is its start."""

    after = forms.IntegerField(min_value=0, max_value=2_000_000_000, required=False)

    def after_number(self) -> int:
        """Return the number, 0 for the start."""
        return int(self.cleaned_data.get("after") or 0) if self.is_valid() else 0
