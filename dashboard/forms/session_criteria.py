"""What the list of sessions is asked for, valid, and the address that asks for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse

from connectors.models import Connection

# The periods that end now: their words, and how many days they have, this one included; 0 for all that is kept.
PERIODS: dict[str, tuple[str, int]] = {
    "7d": ("last 7 days", 7),
    "30d": ("last 30 days", 30),
    "90d": ("last 90 days", 90),
    "all": ("all that is kept", 0),
}
USUAL = "7d"
# The error code of those that were refused nothing.
NO_CODE = "none"
# How an address names those who have not chosen a provider.
NO_PROVIDER = "none"


def period_start(period: str, now: datetime) -> datetime | None:
    """Return the first moment of a period, None for all that is kept.

    Days are those of UTC, so that the list, the funnel and its sums by day always mean the same sessions.
    """
    days = PERIODS[period][1]
    if not days:
        return None
    return midnight(now) - timedelta(days=days - 1)


def midnight(moment: datetime) -> datetime:
    """Return the midnight in UTC that begins the day of a moment."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


@dataclass(frozen=True, slots=True)
class SessionCriteria:
    """What the list is asked for, all of it valid.

    `stage` means those who came that far at least, `left` those who ended there without a connection. A page is named
    by the session before it or after it.
    """

    period: str = USUAL
    status: str = ""
    stage: str = ""
    left: str = ""
    provider: str = ""
    finding: str = ""
    code: str = ""
    kind: str = ""
    type: str = ""
    connection: Connection | None = None
    q: str = ""
    older_than: UUID | None = None
    newer_than: UUID | None = None

    def parameters(self) -> dict[str, str]:
        """Return the parameters that are set, by name; the usual period needs none."""
        texts = {
            "period": self.period if self.period != USUAL else "",
            "status": self.status,
            "stage": self.stage,
            "left": self.left,
            "provider": self.provider,
            "finding": self.finding,
            "code": self.code,
            "kind": self.kind,
            "type": self.type,
            "connection": str(self.connection.pk) if self.connection else "",
            "q": self.q,
            "older_than": str(self.older_than or ""),
            "newer_than": str(self.newer_than or ""),
        }
        return {name: text for name, text in texts.items() if text}

    def address(self) -> str:
        """Return the address that asks for this."""
        query = urlencode(self.parameters())
        return f"{reverse('sessions:list')}?{query}" if query else reverse("sessions:list")

    def newest(self) -> SessionCriteria:
        """The same from its newest page."""
        return replace(self, older_than=None, newer_than=None)

    @property
    def is_filtered(self) -> bool:
        """Whether anything but the period narrows the list."""
        return bool(self.newest().parameters().keys() - {"period"})
