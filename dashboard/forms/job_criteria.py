"""What the list of all jobs is asked for, valid, and the address that asks for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse

from connectors.models import Connection, Entity

# The periods that end now: their words, and how many hours or days they have, this one included.
PERIODS: dict[str, tuple[str, int, str]] = {
    "1h": ("last hour", 1, "hours"),
    "24h": ("last 24 hours", 24, "hours"),
    "7d": ("last 7 days", 7, "days"),
    "30d": ("last 30 days", 30, "days"),
    "60d": ("last 60 days", 60, "days"),
}
PLACES = ("at", "older_than", "newer_than")


def utc_text(moment: datetime) -> str:
    """Return a moment as addresses have it: "2026-11-19T14:30Z"."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%MZ}"


def day_of(moment: datetime, zone: tzinfo) -> datetime:
    """Return the midnight in `zone` that begins the day of `moment`."""
    return moment.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)


@dataclass(frozen=True, slots=True)
class JobCriteria:
    """What the list is asked for, all of it valid.

    A page is named by the job before it or after it, or by the time that it reaches back from (`at`).
    """

    status: str = ""
    type: str = ""
    trigger: str = ""
    code: str = ""
    provider: str = ""
    connection: Connection | None = None
    entity: Entity | None = None
    period: str = ""
    since: datetime | None = None
    until: datetime | None = None
    at: datetime | None = None
    older_than: UUID | None = None
    newer_than: UUID | None = None

    def parameters(self) -> dict[str, str]:
        """Return the parameters that are set, by name."""
        texts = {
            "status": self.status,
            "type": self.type,
            "trigger": self.trigger,
            "code": self.code,
            "provider": self.provider,
            "connection": str(self.connection.pk) if self.connection else "",
            "entity": str(self.entity.pk) if self.entity else "",
            "period": self.period,
            "since": utc_text(self.since) if self.since else "",
            "until": utc_text(self.until) if self.until else "",
            "at": utc_text(self.at) if self.at else "",
            "older_than": str(self.older_than or ""),
            "newer_than": str(self.newer_than or ""),
        }
        return {name: text for name, text in texts.items() if text}

    @property
    def is_odd(self) -> bool:
        """Whether no single index may answer it: several filters at once, or one of another table."""
        one_by_one = (self.status, self.type, self.trigger, self.code, self.connection, self.entity)
        return bool(self.provider) or sum(map(bool, one_by_one)) > 1

    def query(self) -> str:
        """Return the parameters as they stand in an address."""
        return urlencode(self.parameters(), safe=":")

    def address(self, route: str = "jobs:list") -> str:
        """Return the address that asks for this."""
        query = self.query()
        return f"{reverse(route)}?{query}" if query else reverse(route)

    def newest(self) -> JobCriteria:
        """The same from its newest page."""
        return replace(self, at=None, older_than=None, newer_than=None)

    def within(self, since: datetime | None, until: datetime | None) -> JobCriteria:
        """The same of another time, from its newest page."""
        return replace(self.newest(), period="", since=since, until=until)

    def bounds(self, now: datetime, zone: tzinfo) -> tuple[datetime | None, datetime | None]:
        """Return the first moment that is asked for and the one after the last, where there are any.

        A period of hours begins with a whole hour, one of days with a day in `zone`, so that bars are whole.
        """
        if not self.period or self.since or self.until:
            return self.since, self.until
        _words, many, unit = PERIODS[self.period]
        if unit == "hours":
            hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
            return hour - timedelta(hours=many - 1), None
        return day_of(day_of(now, zone) - timedelta(days=many - 1), zone), None
