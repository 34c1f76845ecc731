"""Who did what: every act in words, what it was before and is now, in pages that reach back in time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from itertools import groupby
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.models import User
from django.urls import reverse

from connectors.models import BY_ITSELF, Activity, ActivityQuerySet, Connection, ScheduleKind
from connectors.schedules import INTERVALS
from dashboard import formatting
from dashboard.forms.activity import ActivityFilterForm, span_of
from dashboard.pages.activity import words_of

ACTS_PER_PAGE = 50
_ITSELF = "Patchbay"
_NOTHING = formatting.NOT_APPLICABLE
# How the note of an act on a connect link ends.
_SESSION = re.compile(r"Session ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$")


@dataclass(frozen=True, slots=True)
class Change:
    """One field: what it was and is, as text; empty where there is nothing to show on that side."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Act:
    """One act, ready to print. The sentence stands around its subject, which is a link where it leads somewhere."""

    pk: UUID
    at: datetime
    who: str
    is_person: bool
    before: str
    subject: str
    href: str
    after: str
    through: str
    changes: tuple[Change, ...]
    note: str
    job_id: UUID | None
    session_id: UUID | None


@dataclass(frozen=True, slots=True)
class Day:
    """The acts of one day on this page."""

    label: str
    acts: tuple[Act, ...]


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter: its choices (label, address), or what is set and the address without it."""

    name: str
    label: str
    value: str
    href: str
    choices: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ActivityPage:
    """One page of acts, newest first. `reaches` is the time of its last one; the addresses are empty at the ends."""

    days: tuple[Day, ...]
    chips: tuple[Chip, ...]
    kept: tuple[tuple[str, str], ...]
    is_filtered: bool
    reaches: datetime | None
    newer: str
    older: str


def people() -> list[tuple[str, str]]:
    """Return whom the list can be filtered by: everybody who has an account, and Patchbay itself."""
    return [(str(pk), name) for pk, name in User.objects.order_by("username").values_list("pk", "username")] + [
        (BY_ITSELF, _ITSELF)
    ]


def activity_of(
    form: ActivityFilterForm, *, address: str, zone: tzinfo, now: datetime, connection: Connection | None = None
) -> ActivityPage:
    """Prepare the page that `form` asks for, of all acts or of those on one connection, in one query."""
    asked = form.criteria()
    shown, newer, older = _cut(_matching(asked, connection), asked)
    kept: dict[str, str] = {name: str(asked[name]) for name in ("who", "what", "day") if name in asked}
    return ActivityPage(
        days=tuple(_days(shown, zone, now, is_linked=connection is None)),
        chips=tuple(_chips(form, kept, address)),
        kept=tuple((name, value) for name, value in kept.items() if name != "day"),
        is_filtered=bool(kept),
        reaches=shown[-1].at if shown else None,
        newer=_address(address, {**kept, "newer_than": str(shown[0].pk)}) if newer else "",
        older=_address(address, {**kept, "older_than": str(shown[-1].pk)}) if older else "",
    )


def _matching(asked: Mapping[str, Any], connection: Connection | None) -> ActivityQuerySet:
    since, until = span_of(asked["day"]) if "day" in asked else (None, None)
    return Activity.objects.for_list().matching(
        connection=connection, actor=asked.get("who", ""), action=asked.get("what", ""), since=since, until=until
    )


def _cut(acts: ActivityQuerySet, asked: Mapping[str, Any]) -> tuple[list[Activity], bool, bool]:
    """Return the acts of the page, and whether there are newer and older ones."""
    if "newer_than" in asked:
        found = list(acts.filter(pk__gt=asked["newer_than"]).order_by("pk")[: ACTS_PER_PAGE + 1])
        shown = found[:ACTS_PER_PAGE][::-1]
        return shown, len(found) > ACTS_PER_PAGE, bool(shown)
    if "older_than" in asked:
        acts = acts.filter(pk__lt=asked["older_than"])
    found = list(acts[: ACTS_PER_PAGE + 1])
    shown = found[:ACTS_PER_PAGE]
    return shown, "older_than" in asked and bool(shown), len(found) > ACTS_PER_PAGE


def _chips(form: ActivityFilterForm, kept: Mapping[str, str], address: str) -> Iterable[Chip]:
    labels = {"who": "Who", "what": "What"}
    for name, label in labels.items():
        field = form.fields[name]
        choices = [(str(value), str(words)) for value, words in getattr(field, "choices", ())]
        without = {key: value for key, value in kept.items() if key != name}
        links = tuple((words, _address(address, {**without, name: value})) for value, words in choices)
        yield Chip(name, label, dict(choices).get(kept.get(name, ""), ""), _address(address, without), links)
    if day := kept.get("day"):
        without = {key: value for key, value in kept.items() if key != "day"}
        yield Chip("day", "Day", formatting.calendar_day(date.fromisoformat(day)), _address(address, without), ())


def _address(address: str, parameters: Mapping[str, str]) -> str:
    return f"{address}?{urlencode(parameters)}" if parameters else address


def _days(acts: Sequence[Activity], zone: tzinfo, now: datetime, *, is_linked: bool) -> Iterable[Day]:
    for _, group in groupby(acts, key=lambda one: one.at.astimezone(zone).date()):
        found = list(group)
        yield Day(
            formatting.day_heading(found[0].at, now, zone), tuple(_act(one, is_linked=is_linked) for one in found)
        )


def _act(one: Activity, *, is_linked: bool) -> Act:
    words = words_of(one.action)
    before, _, after = words.sentence.partition("{subject}")
    about_session = _SESSION.search(one.note)
    return Act(
        pk=one.pk,
        at=one.at,
        who=one.actor_name or _ITSELF,
        is_person=bool(one.actor_name),
        before=before,
        subject=one.subject,
        href=_href(one) if is_linked else "",
        after=after,
        through=words.through,
        changes=tuple(change_of(change) for change in one.changes),
        note=one.note[: about_session.start()].rstrip() if about_session else one.note,
        job_id=one.job_id,
        session_id=UUID(about_session[1]) if about_session else None,
    )


def _href(one: Activity) -> str:
    """Return where the subject is seen, empty once it is deleted."""
    if one.connection_id and one.connection and one.connection.deleted_at is None:
        return reverse("connections:overview", args=[one.connection_id])
    if one.destination_id and one.destination:
        return reverse("destinations:detail", args=[one.destination_id])
    return ""


def change_of(change: Mapping[str, Any]) -> Change:
    """Return a recorded change of a field in words."""
    name = str(change.get("field", ""))
    words = _WORDS_OF.get(name, _text)
    before, after = (words(change.get(side)) for side in ("before", "after"))
    return Change(_FIELDS.get(name, name), before, after or _NOTHING)


def _interval(value: object) -> str:
    return INTERVALS.get(value, f"Every {value // 60} min").lower() if isinstance(value, int) else _text(value)


def _kind(value: object) -> str:
    return str(dict(ScheduleKind.choices).get(str(value), value or "")).lower()


def _text(value: object) -> str:
    """Return a recorded value as people read it; empty for none."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)


# Stored names that are not those people know, and stored values that are told in other words.
_FIELDS = {
    "interval_seconds": "interval",
    "schedule_kind": "schedule",
    "time_zone": "time zone",
    "brand": "brand colour",
    "brand_dark": "brand colour in dark mode",
    "support_url": "support link",
    "terms_url": "terms of service",
    "terms_version": "version of the terms",
    "privacy_url": "privacy notice",
    "link_hours": "hours that a link works",
    "return_addresses": "allowed return addresses",
    "return_url": "return address",
}
_WORDS_OF: Mapping[str, Callable[[object], str]] = {"interval_seconds": _interval, "schedule_kind": _kind}
