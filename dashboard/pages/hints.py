"""Hints as pages show them: with the address and the words of their button."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone

from connectors.models import BROKEN_AFTER, Connection, Entity, ScheduleKind
from dashboard.charts import Run
from dashboard.insight import Hint, HintFacts, hints_of
from dashboard.insight.hint import NeverGood, Outage
from dashboard.insight.pace import spoken
from dashboard.pages.connection import Subject
from jobs.insight import Scope, history_facts
from jobs.models import SYNC_TYPES, Job, JobStatus

# Where hints stand beside other things, so many are shown.
ON_OVERVIEW, IN_DRAWER = 2, 1


@dataclass(frozen=True, slots=True)
class HintRow:
    """A hint with its button. `is_advice` says that nothing is wrong; `needs` is the action that its way takes."""

    kind: str
    sentence: str
    evidence: str
    is_advice: bool
    label: str
    href: str
    needs: str


def hints_for(subject: Subject, entity: Entity | None = None, *, most: int | None = None) -> tuple[HintRow, ...]:
    """Return the strongest hints of a connection, or of one of its entities. At most seven queries."""
    found = hints_of(facts_of(subject, entity))
    return tuple(_row(subject.connection, entity, hint) for hint in found[:most])


def facts_of(subject: Subject, entity: Entity | None) -> HintFacts:
    """Read what hints may rest on: the jobs' part at most two minutes old, all that a person can change anew."""
    connection, zone = subject.connection, timezone.get_current_timezone()
    scope = Scope(connection.pk, entity.pk if entity else None)
    by = connection.credentials_set_by
    return HintFacts(
        now=subject.now,
        zone=zone,
        history=history_facts(scope, subject.now, zone),
        interval=connection.interval_seconds if connection.schedule_kind == ScheduleKind.INTERVAL else 0,
        latest=_latest(entity or connection),
        never=NeverGood() if entity else _never(subject),
        outage=_outage(entity or connection),
        credentials_at=connection.credentials_set_at,
        credentials_by=by.get_username() if by else "",
    )


def _latest(record: Connection | Entity) -> tuple[float, ...]:
    runs: list[Run] = record.recent_runs
    return tuple((run["ms"] or 0) / 1000 for run in runs if run["status"] == JobStatus.SUCCESS)


def _never(subject: Subject) -> NeverGood:
    if not subject.has_entities:
        return NeverGood()
    names = subject.connection.entities.selected().never_good(BROKEN_AFTER).values_list("name", flat=True)
    return NeverGood(tuple(names), subject.totals["total"])


def _outage(record: Connection | Entity) -> Outage | None:
    """Return the first failure since the last good run, where there is none since; one query where it fails now."""
    if not record.failure_streak or record.last_success_at is None:
        return None
    jobs = Job.objects.filter(type__in=SYNC_TYPES, status=JobStatus.FAILED)
    own = jobs.filter(entity=record) if isinstance(record, Entity) else jobs.filter(connection=record)
    made = own.made_within(record.last_success_at, None).order_by("pk").values_list("error_code", "created_at").first()
    return Outage(made[0], made[1], record.last_success_at) if made else None


def _row(connection: Connection, entity: Entity | None, hint: Hint) -> HintRow:
    label, href, needs = _way(connection, entity, hint)
    return HintRow(
        kind=hint.kind,
        sentence=hint.sentence,
        evidence=hint.evidence,
        is_advice=hint.kind == "nothing_new",
        label=label,
        href=href,
        needs=needs,
    )


def _way(connection: Connection, entity: Entity | None, hint: Hint) -> tuple[str, str, str]:
    """Return the words, the address, and the action of the policy table that a hint's button needs."""
    setup, history = (reverse(f"connections:{name}", args=[connection.pk]) for name in ("setup", "jobs"))
    if hint.way == "schedule":
        words = f"Set every {spoken(hint.interval)}" if hint.interval else "Open the schedule"
        query = f"?{urlencode({'schedule': hint.interval})}" if hint.interval else ""
        return words, f"{setup}{query}#schedule", "edit_connection"
    if hint.way == "credentials":
        return "Open the credentials", f"{setup}#source", "edit_connection"
    if hint.way == "failed":
        query = urlencode({"connection": connection.pk, "status": JobStatus.FAILED.value})
        return "Show the failed jobs", f"{reverse('jobs:list')}?{query}", "see"
    if hint.way == "entities":
        return "Show the entities", history, "see"
    query = f"?{urlencode({'entity': entity.pk})}" if entity else ""
    return "Show the jobs", f"{history}{query}#all-jobs", "see"
