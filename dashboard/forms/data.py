"""What the address of a Data page can ask for: an entity, and a table."""

from __future__ import annotations

from uuid import UUID

from django import forms

LONGEST_NAME = 255


class DataForm(forms.Form):
    """The entity whose tables are shown, and the table that is looked at. What is not valid is ignored."""

    entity = forms.UUIDField(required=False)
    table = forms.CharField(required=False, max_length=LONGEST_NAME)

    def asked(self) -> tuple[UUID | None, str]:
        """Return the entity's ID, None for the first one, and the table's name, empty for the first one."""
        self.is_valid()
        return self.cleaned_data.get("entity"), self.cleaned_data.get("table", "")
