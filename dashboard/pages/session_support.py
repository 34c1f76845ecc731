"""The text that support pastes into a ticket about a session: what happened, why, what to do, IDs and the timeline.

Names of people and companies are replaced by what they are, as in the text of a job: a ticket is read by many.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from connectors.versions import versions_of
from dashboard.pages.guidance import WHO
from dashboard.pages.job_support import without_names
from dashboard.pages.session import SessionPage
from dashboard.pages.session_facts import entry_of, filled
from dashboard.pages.session_timeline import Row, Section
from dashboard.pages.session_words import TIMES
from sessions_log.models import Session

_WIDTH = 12
_SHORTEST_NAME = 3


@dataclass(frozen=True, slots=True)
class Taken:
    """From where and when a text is taken."""

    address: str
    now: datetime


def support_text(session: Session, page: SessionPage, taken: Taken) -> str:
    """Return the text. No query."""
    told = "\n".join([*_head(session, page), "", *_facts(session, page, taken), "", *_timeline(page)])
    return without_names(told, _names(session)).replace("<page>", taken.address)


def _head(session: Session, page: SessionPage) -> Iterator[str]:
    yield f"Patchbay: session {page.status_at[:1].lower()}{page.status_at[1:]}" + (
        f", {session.error_code}" if session.error_code else ""
    )
    yield page.sentence
    if session.error_code:
        entry = entry_of(session.error_code)
        yield filled(f"{entry.title}. {entry.cause}", session)
        yield f"Who acts: {WHO[entry.who]}."
    for number, action in enumerate(page.next.actions, 1):
        yield f"{number}. {action}"
    if page.next.customer:
        yield f"Tell the customer: {page.next.customer}"


def _facts(session: Session, page: SessionPage, taken: Taken) -> Iterator[str]:
    moments = [
        ("created", session.created_at), ("opened", session.opened_at),
        ("last event", session.last_event_at), ("ended", session.ended_at),
    ]  # fmt: skip
    versions = versions_of(session.provider)
    facts = {
        "Session": str(session.pk),
        "Kind": f"{page.kind}, {session.provider or 'no provider chosen'}",
        "Connection": str(session.connection_id or "none"),
        "Stage": f"{page.stage_place}, took {page.took}",
        "First job": str(session.first_job_id or "none"),
        "Times (UTC)": ", ".join(f"{word} {_utc(moment)}" for word, moment in moments if moment),
        "Versions": ", ".join(f"{name} {value}" for name, value in versions.items()),
        "Taken": _utc(taken.now),
        "Page": "<page>",
    }
    for name, value in facts.items():
        if value:
            yield f"{name:<{_WIDTH}}{value}"


def _timeline(page: SessionPage) -> Iterator[str]:
    yield "Timeline, since the opening"
    for section in page.timeline.sections:
        yield _stage(section)
        for row in section.rows:
            yield _row(row)
    if page.timeline.not_reached:
        yield f"Not reached: {', '.join(page.timeline.not_reached)}"
    if page.job:
        yield f"First job   {page.job.pk} {page.job.status}, {page.job.rows} rows"


def _stage(section: Section) -> str:
    about = ", ".join(filter(None, (section.state, section.spent)))
    return f"{section.number} {section.name}{' again' if section.is_again else ''}: {about}"


def _row(row: Row) -> str:
    often = f" {TIMES}{row.count} {row.end}" if row.count else ""
    more = " ".join(filter(None, (row.code, f"“{row.seen}”" if row.seen else "", row.sub)))
    return f"  {row.offset:>10}  {row.words}{often}{f' ({more})' if more else ''}"


def _names(session: Session) -> dict[str, str]:
    """Everything in the record of this session that names a company or a person."""
    found = {
        session.end_user_name: "end user",
        session.end_user_email: "e-mail",
        session.reference: "reference",
        session.connection.name if session.connection else "": "connection",
        session.created_by.get_username() if session.created_by else "": "member",
    }
    return {name: kind for name, kind in found.items() if len(name) >= _SHORTEST_NAME}


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


__all__ = ("Taken", "support_text")
