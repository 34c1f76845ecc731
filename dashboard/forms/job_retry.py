"""Which failing connections are meant by a retry, and the answer to its question."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django import forms

from connectors.errors import REGISTRY
from connectors.providers import registry as providers
from jobs.models import Bulk, BulkAction


@dataclass(frozen=True, slots=True)
class Asked:
    """A group by code and provider, empty where the address names none.

    `question` is the ID under which it was asked, `expected` how many connections were shown then.
    """

    code: str = ""
    provider: str = ""
    question: UUID | None = None
    expected: int | None = None

    @property
    def was_answered(self) -> bool:
        """Whether this question was answered before. One query."""
        return self.question is not None and Bulk.objects.filter(pk=self.question, action=BulkAction.RETRY).exists()


class RetryForm(forms.Form):
    """The parameters of the question's address and the fields of its answer."""

    code = forms.ChoiceField(choices=[(code, code) for code in REGISTRY])
    provider = forms.ChoiceField(choices=lambda: [(one.kind, one.name) for one in providers.all_manifests()])
    question = forms.UUIDField(required=False)
    expected = forms.IntegerField(required=False, min_value=0)

    def group(self) -> Asked:
        """Return what is meant; what is not valid is empty."""
        self.is_valid()
        known = {name: value for name, value in self.cleaned_data.items() if value not in {None, ""}}
        return Asked(**known) if not {"code", "provider"} & set(self.errors) else Asked()
