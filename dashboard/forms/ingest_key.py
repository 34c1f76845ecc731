"""The name of a new ingest key."""

from __future__ import annotations

from django import forms

MOST_LETTERS = 100


class IngestKeyForm(forms.Form):
    """What a key is for."""

    name = forms.CharField(
        label="Name",
        max_length=MOST_LETTERS,
        help_text="What will use it, such as “Shop front, production”.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Give the key a name, so that it can be told from others."},
    )
