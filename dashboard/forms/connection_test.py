"""What the dialog of a connection's tests can be asked for in its address."""

from __future__ import annotations

from uuid import UUID

from django import forms


class ShownTestForm(forms.Form):
    """Which test is shown; without one, or with one that is not there, the newest."""

    job = forms.UUIDField(required=False)

    def wanted(self) -> UUID | None:
        """Return the id of the test that is asked for, if it is one."""
        self.is_valid()
        found: UUID | None = self.cleaned_data.get("job")
        return found
