"""What a person sees before something is changed at a source: what can be chosen there, and what will be done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.forms import BoundField

from connectors.errors import told
from connectors.models import Connection, Entity
from connectors.plan import SyncError
from connectors.providers import registry as providers
from connectors.providers.actions import Action, ActionField, Found, Option
from connectors.services.asking import ask_in_time
from connectors.services.connect import source_of
from dashboard.formatting import calendar_day
from dashboard.forms.write_back import ActionForm
from dashboard.pages.job import entry_of
from jobs.models import Job, LineStatus

_NOTHING = Found(())


@dataclass(frozen=True, slots=True)
class Choice:
    """Something to tick, with what tells it apart."""

    ref: str
    label: str
    note: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Control:
    """One value that all lines share: its control, and what can be chosen at the source where it is such a one."""

    name: str
    bound: BoundField
    choices: tuple[Choice, ...]
    is_offered: bool
    span: str


@dataclass(frozen=True, slots=True)
class Offered:
    """What the source offers now: per field, and of the lines what was found and what had been chosen before."""

    fields: Mapping[str, Found]
    lines: Found = _NOTHING
    kept: Found = _NOTHING

    def options(self, action: Action) -> dict[str, Sequence[Option]]:
        """Return all options by field."""
        known = {name: found.options for name, found in self.fields.items()}
        return {**known, action.line_field.name: _once([*self.kept.options, *self.lines.options])}


@dataclass(frozen=True, slots=True)
class Failed:
    """Why the source could not be asked."""

    title: str
    cause: str
    words: str


@dataclass(frozen=True, slots=True)
class Filling:
    """The page on which an action is filled in. `lines` is empty before anybody looked."""

    title: str
    sentence: str
    place: str
    line_label: str
    line_name: str
    words: str
    query: str
    lines: tuple[Choice, ...]
    chosen: int
    more: str
    controls: tuple[Control, ...]
    has_looked: bool
    failed: Failed | None


@dataclass(frozen=True, slots=True)
class Review:
    """What will be done, to be confirmed."""

    question: str
    line_label: str
    lines: tuple[Choice, ...]
    values: tuple[tuple[str, str], ...]
    effects: tuple[str, ...]
    verb: str


def look_up(
    connection: Connection, entity: Entity, action: Action, *, text: str = "", chosen: Sequence[str] = ()
) -> Offered:
    """Ask the source what can be chosen: by `text`, and what is `chosen` already. Raises `SyncError`."""
    endpoint, writing = source_of(connection), providers.writing(connection.provider)
    line, ref = action.line_field, entity.ref

    def ask() -> Offered:
        fields = {
            field.name: writing.find(endpoint, ref, field.offers)
            for field in action.shared_fields
            if field.type == "one_of"
        }
        kept = writing.find(endpoint, ref, line.offers, refs=chosen) if chosen else _NOTHING
        return Offered(fields, writing.find(endpoint, ref, line.offers, text=text), kept)

    return ask_in_time(ask)


def failed_of(connection: Connection, error: SyncError) -> Failed:
    """Return in words why the source could not be asked."""
    entry, source = entry_of(error.code), providers.manifest(connection.provider).name
    title, cause = (told(text, source=source, destination="the destination") for text in (entry.title, entry.cause))
    return Failed(title, cause, error.detail)


def filling_of(
    action: Action,
    entity: Entity,
    form: ActionForm,
    *,
    offered: Offered | None = None,
    query: str = "",
    chosen: Sequence[str] = (),
    failed: Failed | None = None,
) -> Filling:
    """Prepare the page; `offered` is None before anybody looked, or where the source could not be asked."""
    line = action.line_field
    found = offered.lines if offered else _NOTHING
    known = {option.ref: option for option in (offered.kept.options if offered else ())}
    # What was chosen stays ticked, whatever is searched for next, and where its name is not known by its id.
    first = [known.get(ref, Option(ref, ref)) for ref in chosen]
    lines = _choices(_once([*first, *found.options]), chosen)
    many = f"The first {len(found.options)} are shown. A search finds the others." if found.has_more else ""
    return Filling(
        title=action.label,
        sentence=action.sentence,
        place=entity.name,
        line_label=line.label,
        line_name=line.name,
        words=line.words[1],
        query=query,
        lines=lines,
        chosen=len(chosen),
        more=many,
        controls=tuple(_controls(action, form, offered)),
        has_looked=offered is not None,
        failed=failed,
    )


def review_of(connection: Connection, entity: Entity, action: Action, form: ActionForm, offered: Offered) -> Review:
    """Prepare the question of a valid form."""
    refs, values = form.refs(), form.values()
    options = {option.ref: option for option in offered.options(action)[action.line_field.name]}
    told_values = values_in_words(action, values, labels_of(action, values, offered))
    source = providers.manifest(connection.provider).name
    by_name = {field.name: words for field, words in told_values}
    lines = action.lines_in_words(len(refs))
    return Review(
        question=action.review.format(lines=lines, entity=entity.name, source=source, **by_name),
        line_label=action.line_field.label,
        lines=_choices([options[ref] for ref in refs], ()),
        values=tuple((field.label, words) for field, words in told_values),
        effects=(
            f"A job sends them to {source} one by one, each once: a try that is repeated does nothing twice",
            f"What {source} refuses is told line by line; the others are done all the same",
            action.undo.removesuffix("."),
        ),
        verb=f"{action.verb} {lines}",
    )


def labels_of(action: Action, values: Mapping[str, str], offered: Offered) -> dict[str, str]:
    """Return the names of what was chosen at the source for all lines."""
    names = {name: {option.ref: option.label for option in found.options} for name, found in offered.fields.items()}
    return {
        field.name: names.get(field.name, {}).get(values[field.name], values[field.name])
        for field in action.shared_fields
        if field.type == "one_of"
    }


def values_in_words(
    action: Action, values: Mapping[str, str], labels: Mapping[str, str]
) -> list[tuple[ActionField, str]]:
    """Return the values that all lines share as people read them."""
    return [
        (field, _in_words(field, values[field.name], labels)) for field in action.shared_fields if field.name in values
    ]


def left_of(
    job_id: UUID | None, connection: Connection, entity: Entity, action: Action
) -> tuple[dict[str, Any], list[str]]:
    """Return the values of a job that is done again, and the lines of it that are not done; nothing without one."""
    same = Job.objects.filter(connection=connection, entity=entity, type=action.name)
    job = same.filter(pk=job_id).first() if job_id else None
    if job is None:
        return {}, []
    left = job.action_lines.exclude(status=LineStatus.DONE).order_by("number")
    return job.options.get("values", {}), list(left.values_list("ref", flat=True))


def _in_words(field: ActionField, value: str, labels: Mapping[str, str]) -> str:
    if field.type == "date":
        return calendar_day(date.fromisoformat(value))
    if field.type == "money":
        return f"{int(value) / 100:,.2f}"
    return labels.get(field.name) or dict(field.choices).get(value, value)


def _controls(action: Action, form: ActionForm, offered: Offered | None) -> Iterable[Control]:
    for field in action.shared_fields:
        bound = form[field.name]
        is_offered = field.type == "one_of"
        options = offered.fields[field.name].options if is_offered and offered else ()
        choices = _choices(options, [str(bound.value() or "")])
        yield Control(field.name, bound, choices, is_offered, "" if is_offered else "w2")


def _choices(options: Iterable[Option], chosen: Sequence[str]) -> tuple[Choice, ...]:
    return tuple(Choice(one.ref, one.label, one.note, one.ref in chosen) for one in options)


def _once(options: Iterable[Option]) -> list[Option]:
    return list({one.ref: one for one in reversed(list(options))}.values())[::-1]
