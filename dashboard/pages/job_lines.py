"""The lines of a write-back on its job's page: what each was about, and what the source made of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from connectors.providers import registry as providers
from connectors.providers.actions import Action
from dashboard.access import Can
from dashboard.pages.write_back import values_in_words
from jobs.models import WRITE_TYPES, ActionLine, Job, JobStatus, LineStatus

_TONES = {LineStatus.WAITING: "pending", LineStatus.DONE: "success", LineStatus.REFUSED: "failed"}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the source refused: `words` are its own, empty for those who may not see them."""

    field: str
    code: str
    words: str


@dataclass(frozen=True, slots=True)
class LineRow:
    """One line, ready to print."""

    number: int
    ref: str
    status: str
    word: str
    made_ref: str
    reasons: tuple[Reason, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Lines:
    """All lines of a job with the values that they share. `again` leads to where what is not done is done again."""

    title: str
    column: str
    total: int
    told: str
    values: tuple[tuple[str, str], ...]
    rows: tuple[LineRow, ...]
    again: str


def lines_of(job: Job, can: Can) -> Lines | None:
    """Return the lines of a job that has some, in one query; None for every other type, without a query.

    What may hold a value of a person is left out for those who may not see rows.
    """
    action = providers.manifest(job.connection.provider).action(job.type) if job.type in WRITE_TYPES else None
    if action is None:
        return None
    lines = list(job.action_lines.order_by("number"))
    sees = can["see_rows"]
    shared = values_in_words(action, job.options.get("values", {}), job.options.get("labels", {}))
    counts = Counter(LineStatus(line.status) for line in lines)
    return Lines(
        title=action.line_field.label,
        column=f"ID of the {action.line_field.words[0]}",
        total=len(lines),
        told=_told(action, counts),
        values=tuple((field.label, words) for field, words in shared if sees or not field.is_private),
        rows=tuple(_row(job, action, line, sees=sees) for line in lines),
        again=again_url(job) if counts[LineStatus.DONE] < len(lines) and job.is_over and can["write_back"] else "",
    )


def again_url(job: Job) -> str:
    """Return where the lines of a job that are not done can be corrected and sent again; empty where nothing can be."""
    if job.connection.deleted_at is not None or job.type not in WRITE_TYPES:
        return ""
    query = {"entity": str(job.entity_id), "again": str(job.pk)}
    return f"{reverse('connections:action', args=[job.connection_id, job.type])}?{urlencode(query)}"


def _told(action: Action, counts: Counter[LineStatus]) -> str:
    words = {
        LineStatus.DONE: action.done,
        LineStatus.REFUSED: "refused",
        LineStatus.WAITING: "not sent or not answered",
    }
    return ", ".join(f"{counts[status]} {word}" for status, word in words.items() if counts[status])


def _row(job: Job, action: Action, line: ActionLine, *, sees: bool) -> LineRow:
    status = LineStatus(line.status)
    word = action.done.capitalize() if status == LineStatus.DONE else status.label
    if status == LineStatus.WAITING and not job.is_over:
        word = "Waiting"
    note = "An earlier attempt had done it, and its answer was lost" if line.was_repeated else ""
    if status == LineStatus.WAITING and job.status in {JobStatus.FAILED, JobStatus.CANCELLED}:
        note = "No answer is recorded. Sent again unchanged, it is not done twice"
    return LineRow(
        number=line.number,
        ref=line.ref,
        status=_TONES[status] if status != LineStatus.WAITING or not job.is_over else "skipped",
        word=word,
        made_ref=line.made_ref,
        reasons=tuple(Reason(one["field"], one["code"], one["words"] if sees else "") for one in line.refused),
        note=note,
    )
