"""What the search can be asked in its address."""

from __future__ import annotations

from django import forms

from dashboard.pages.search import FINDERS, MOST_LETTERS, Asked, asked_of


class SearchForm(forms.Form):
    """The box, and the one kind of hits that is wanted. What is not valid counts as not said."""

    q = forms.CharField(required=False, strip=False)
    only = forms.ChoiceField(choices=[(name, name) for name in FINDERS], required=False)

    def asked(self) -> Asked:
        """Return the question. Nothing that can be pasted is refused: what is no text is left out of it."""
        return asked_of(str(self.data.get("q", ""))[:MOST_LETTERS])

    def only_kind(self) -> str:
        """Return the kind that is wanted alone, empty for all."""
        self.is_valid()
        return str(self.cleaned_data.get("only", ""))
