"""What fails now, grouped by error code and provider: how many connections, since when, and what to do about it.

It is read from the facts that entities carry, so it costs what fails and not what ran.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import CharField, Count, Max, Min, Sum
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast
from django.urls import reverse

from connectors.errors import ErrorEntry, entry, told
from connectors.models import Connection, Entity, EntityQuerySet, Status
from connectors.providers import registry as providers
from dashboard import formatting
from dashboard.charts import run_time
from dashboard.forms.job_criteria import JobCriteria
from jobs.models import JobStatus
from jobs.text import counted

# So many groups are shown, the largest first; more than that are told.
MOST_GROUPS = 20
# From so many connections, and so great a share of its provider's, the provider itself is the likely cause.
_MANY, _SHARE = 3, 0.5
_TWO = 2
# The first failed run since the last good one, of those that are kept; an ID's text sorts by its time.
_FIRST_FAILED = """(
    SELECT min(run->>'id') FROM jsonb_array_elements(connectors_entity.recent_runs) AS run
    WHERE run->>'status' = 'failed' AND run->>'id' > coalesce((
        SELECT max(good->>'id') FROM jsonb_array_elements(connectors_entity.recent_runs) AS good
        WHERE good->>'status' = 'success'), '')
)"""


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """Connections of one provider whose last sync failed with one code. `href` leads to their failed jobs."""

    key: str
    code: str
    title: str
    name: str
    name_href: str
    what: str
    advice: str
    provider: str
    tile: str
    hue: int
    since: datetime | None
    last: datetime | None
    jobs: int
    href: str
    retry_href: str
    retry_words: str
    is_helped_by_retry: bool


@dataclass(frozen=True, slots=True)
class ErrorGroups:
    """The groups that are shown, and how many more there are."""

    rows: tuple[ErrorGroup, ...]
    more: int


def failing(*, code: str, provider: str) -> EntityQuerySet:
    """Return the entities of a provider's connections whose last sync failed with `code`."""
    return _failing().filter(last_error_code=code, connection__provider=provider)


def error_groups(criteria: JobCriteria, now: datetime) -> ErrorGroups:
    """Return what fails at `now`, of what `criteria` filter by. Two queries."""
    found = list(_grouped(criteria)[: MOST_GROUPS + 1])
    kinds = {row["connection__provider"] for row in found}
    totals = dict(
        Connection.objects.filter(provider__in=kinds).order_by().values_list("provider").annotate(Count("pk"))
    )
    return ErrorGroups(
        rows=tuple(_group(row, totals, now) for row in found[:MOST_GROUPS]), more=max(0, len(found) - MOST_GROUPS)
    )


def _failing() -> EntityQuerySet:
    failed = Entity.objects.selected().filter(failure_streak__gt=0).exclude(last_error_code="")
    # What is paused or not set up fails no further.
    return failed.filter(connection__deleted_at__isnull=True, status__in=(Status.ACTIVE, Status.BROKEN))


def _grouped(criteria: JobCriteria) -> Any:
    wanted = {
        "last_error_code": criteria.code,
        "connection__provider": criteria.provider,
        "connection": criteria.connection and criteria.connection.pk,
        "pk": criteria.entity and criteria.entity.pk,
    }
    kept = _failing().filter(**{name: value for name, value in wanted.items() if value})
    grouped = kept.order_by().values("last_error_code", "connection__provider")
    return grouped.annotate(
        connections=Count("connection", distinct=True),
        entities=Count("pk"),
        name=Min("connection__name"),
        first_connection=Min(Cast("connection_id", CharField())),
        first_run=Min(RawSQL(_FIRST_FAILED, (), CharField())),  # noqa: S611 - a text of this module
        last=Max("last_run_at"),
        failures=Sum("failure_streak"),
        next=Min("next_run_at"),
    ).order_by("-connections", "last_error_code", "connection__provider")


def _group(row: Mapping[str, Any], totals: Mapping[str, int], now: datetime) -> ErrorGroup:
    code, kind, count = row["last_error_code"], row["connection__provider"], row["connections"]
    known, provider = entry(code), providers.manifest(kind)
    asked = JobCriteria(JobStatus.FAILED, code=code, provider=kind)
    return ErrorGroup(
        key=f"{code}-{kind}",
        code=code,
        title=counted(count, "connection"),
        name=row["name"] if count == 1 else "",
        name_href=reverse("connections:overview", args=[row["first_connection"]]) if count == 1 else "",
        what=_what(row, known, provider.name, totals.get(kind, count)),
        advice=_advice(row, known, provider.name, now),
        provider=provider.name,
        tile=provider.tile,
        hue=provider.tile_hue,
        since=run_time({"id": row["first_run"], "status": "failed", "ms": None}) if row["first_run"] else None,
        last=row["last"],
        jobs=row["failures"],
        href=asked.address(),
        retry_href=f"{reverse('jobs:retry')}?code={code}&provider={kind}",
        retry_words="Retry"
        if count == 1
        else "Retry both"
        if count == _TWO
        else f"Retry all {formatting.number(count)}",
        is_helped_by_retry=known.is_retryable,
    )


def _what(row: Mapping[str, Any], known: ErrorEntry, provider: str, total: int) -> str:
    """Return what failed: the code's own title, and that the provider is the likely cause where most of it fails."""
    count = row["connections"]
    source = row["name"] if count == 1 else provider
    title = told(known.title, source=source, destination="the destination", entity="a company")
    if count >= _MANY and count >= total * _SHARE:
        share = f"{formatting.number(count)} of {formatting.number(total)} connections"
        return f"{title}. {share} at once: likely {provider} itself"
    if row["entities"] > count:
        return f"{title}. It happens to {formatting.number(row['entities'])} entities of theirs"
    return title


def advice_of(known: ErrorEntry, provider: str) -> str:
    """Return what to do first about an error at a provider."""
    first = known.actions[0]
    return told(f"{first.title}. {first.hint}", source=provider, destination="the destination", entity="the company")


def _advice(row: Mapping[str, Any], known: ErrorEntry, provider: str, now: datetime) -> str:
    """Return what to do first, and when it is tried again by itself."""
    words = advice_of(known, provider)
    if row["next"] is None:
        return f"{words} Nothing is tried by itself until then."
    return f"{words} The next try by itself: {formatting.relative_time(row['next'], now)}."
