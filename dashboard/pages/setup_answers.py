"""What the setup page answers: why a source refused, what somebody else changed meanwhile, and what was stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from connectors.errors import entry, told
from connectors.models import Activity, Connection
from connectors.plan import SyncError
from connectors.providers.manifest import shown
from connectors.schedules import in_words
from connectors.services.choose import COPIED
from connectors.services.describe import about_facts
from connectors.services.review import sign_in_codes
from dashboard.forms.schedule import ScheduleForm
from dashboard.forms.setup import AboutForm, SourceForm

# Codes of a source that could not be spoken to at all: where it is said to be is what to look at.
_NOT_REACHED = {"dns_failure", "unreachable", "connection_timeout", "address_not_allowed", "tls_error"}
_NOTES = (
    "connection.about_changed", "connection.renamed", "connection.owner_changed", "connection.runbook_changed",
    "connection.described", "connection.tagged", "connection.end_noted",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the source refused what was proposed; `said` are its own words."""

    title: str
    cause: str
    steps: tuple[tuple[str, str], ...]
    said: str
    code: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """Somebody else was faster: who, when, and for each field what is stored now and what was typed."""

    who: str
    at: datetime | None
    rows: tuple[tuple[str, str, str], ...]


def refusal_of(connection: Connection, form: SourceForm, error: SyncError) -> Refusal:
    """Say why the source refused, and mark the field of `form` that it is about, where there is one."""
    found = entry(error.code)
    destination = connection.destination.name if connection.destination else "the destination"

    def words(text: str) -> str:
        return told(text, source=form.manifest.name, destination=destination)

    if name := _field_of(form, error.code):
        form.add_error(name, f"{found.short}. Nothing was stored.")
    return Refusal(
        title=words(found.title),
        cause=words(found.cause),
        steps=tuple((words(one.title), words(one.hint)) for one in found.actions),
        said=error.detail,
        code=error.code,
    )


def _field_of(form: SourceForm, code: str) -> str:
    fields = form.manifest.fields
    if code in sign_in_codes():
        return next((one.name for one in fields if one.is_secret), "")
    if code in _NOT_REACHED:
        return next((one.name for one in fields if one.is_place), "")
    return ""


def source_done(connection: Connection, changes: Sequence[Mapping[str, Any]]) -> str:
    """Say what became of a proposed sign-in that the source accepted."""
    if not changes:
        return f"Nothing was changed. {connection.name}: the source accepts the stored sign-in."
    return f"Stored: the source accepts it. {connection.name} uses it from its next run on."


def tables_done(connection: Connection, changes: Sequence[Mapping[str, Any]]) -> str:
    """Say what is copied from now on."""
    if not changes:
        return "Nothing was changed: these tables are copied already."
    added = [str(one["field"]) for one in changes if one["after"] == COPIED]
    gone = [str(one["field"]) for one in changes if one["after"] != COPIED]
    parts = []
    if added:
        parts.append(f"{_several(added)} from the next run on: copied.")
    if gone:
        parts.append(f"{_several(gone)} from the next run on: not copied. What was loaded stays at the destination.")
    if not connection.tables.filter(is_selected=True).exists():
        parts.append("No table is left, so the connection is incomplete and does not run.")
    return " ".join(parts)


def about_done(changes: Sequence[Mapping[str, Any]]) -> str:
    """Say what of the notes was stored."""
    names = ", ".join(str(one["field"]) for one in changes)
    return f"Stored: {names}." if changes else "Nothing was changed: this is stored already."


def _several(names: Sequence[str]) -> str:
    first = ", ".join(names[:3])
    return f"{first} and {len(names) - 3} more" if len(names) > 3 else first  # noqa: PLR2004 - as many as are named


def source_conflict(connection: Connection, form: SourceForm) -> Conflict:
    """Tell who changed the sign-in meanwhile, and set what is stored beside what was typed."""
    proposed = form.proposed()
    rows = [
        (one.label, shown(one, connection.config.get(one.name)), shown(one, proposed.config.get(one.name)))
        for one in form.manifest.fields
        if not one.is_secret
    ]
    return _conflict(connection, ("connection.configured", "connection.credentials_replaced"), rows)


def about_conflict(connection: Connection, form: AboutForm) -> Conflict:
    """Tell who changed the notes meanwhile, and set what is stored beside what was typed."""
    stored, about = about_facts(connection), form.about()
    typed = {
        "name": about.name,
        "owner": about.owner.get_username() if about.owner else "",
        "runbook": about.runbook_url,
        "tags": ", ".join(about.tags),
        "description": about.description,
        "credentials end": about.credentials_end_on.isoformat() if about.credentials_end_on else "",
    }
    rows = [(name.capitalize(), str(stored[name]), typed[name]) for name in typed]
    return _conflict(connection, _NOTES, rows)


def tables_conflict(connection: Connection, *, shown: set[UUID], chosen: set[UUID]) -> Conflict:
    """Tell who chose other tables meanwhile, and set what is stored beside what was chosen."""
    words = {True: "Copied", False: "Not copied"}
    rows = [
        (table.name, words[table.is_selected], words[table.pk in chosen])
        for table in connection.tables.filter(pk__in=shown).order_by("name")
    ]
    return _conflict(connection, ("connection.tables_chosen",), rows)


def schedule_conflict(connection: Connection, form: ScheduleForm) -> Conflict:
    """Tell who changed the schedule meanwhile, and set what is stored beside what was chosen."""
    plan = form.plan()
    typed = Connection(**asdict(plan))
    rows = [
        ("Schedule", in_words(connection), in_words(typed)),
        ("Time zone", connection.time_zone, plan.time_zone),
    ]
    return _conflict(connection, ("connection.rescheduled",), rows)


def _conflict(connection: Connection, actions: Sequence[str], rows: Iterable[tuple[str, str, str]]) -> Conflict:
    last = Activity.objects.filter(connection=connection, action__in=actions).order_by("-pk").first()
    differing = tuple((label, stored, typed) for label, stored, typed in rows if stored != typed)
    return Conflict(last.actor_name if last else "", last.at if last else None, differing)
