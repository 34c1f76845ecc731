"""What a provider lets us change at the source: each action as data, from which its page, its job and the API are made.

An action is done line by line: all lines share the values of its fields but one, of which a person chooses several (the
people to enrol). Each line is sent by itself, with a key by which the source knows it again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from connectors.plan import Endpoint

# Text; a day; an amount, of which whole cents are kept; one of the field's own choices; one or several of what the
# source offers.
ActionFieldType = Literal["text", "date", "money", "choice", "one_of", "some_of"]


@dataclass(frozen=True, slots=True)
class ActionField:
    """One value that an action needs. `choices` are pairs of a value and its label, for the type `choice`.

    `offers` names the list of the source for `one_of` and `some_of`; `words` are one and several of what is chosen
    there ("person", "people"). What `is_private` is shown to those only who may see rows.
    """

    name: str
    label: str
    type: ActionFieldType = "text"
    help: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    offers: str = ""
    words: tuple[str, str] = ("", "")
    is_private: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """A change at the source. `name` is the type of its jobs; exactly one of `fields` is of the type `some_of`.

    `label` names it in menus, `verb` is what its button says, `done` what a line is afterwards ("enrolled"). `sentence`
    says what it does, `undo` whether and how it can be taken back. `review` is the question before it is done; it holds
    `{lines}`, `{entity}`, `{source}` and the names of fields. `scopes` are what the sign-in must have been granted.
    """

    name: str
    label: str
    verb: str
    done: str
    sentence: str
    undo: str
    review: str
    fields: tuple[ActionField, ...]
    scopes: tuple[str, ...] = ()
    most_lines: int = 100

    @property
    def line_field(self) -> ActionField:
        """The field of which each chosen one is a line."""
        return next(field for field in self.fields if field.type == "some_of")

    @property
    def shared_fields(self) -> tuple[ActionField, ...]:
        """The fields whose values all lines share."""
        return tuple(field for field in self.fields if field.type != "some_of")

    def lines_in_words(self, count: int) -> str:
        """Return so many of its lines in words: "1 person", "3 people"."""
        one, several = self.line_field.words
        return f"{count:,} {one if count == 1 else several}"


@dataclass(frozen=True, slots=True)
class Option:
    """Something that the source offers to be chosen. `note` tells it apart from others of its name."""

    ref: str
    label: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What the source offers, as far as it was asked for; `has_more` says that this is not all."""

    options: tuple[Option, ...]
    has_more: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """Why the source did not take a line: the field (empty for the whole line), its code and its own words."""

    field: str
    code: str
    words: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the source made of a line: its own id of what was made, or why it refused.

    `is_repeated` says that it had done the line before and told so again.
    """

    ref: str = ""
    refused: tuple[Refused, ...] = ()
    is_repeated: bool = False


class Writer(Protocol):
    """An open sign-in that does one action, line after line."""

    def check(self) -> None:
        """Return if the action is allowed, without doing anything. Raises `SyncError`."""

    def send(self, values: Mapping[str, str], key: str) -> Answer:
        """Send one line. The same `key` with the same values does nothing twice. Raises `SyncError`."""

    def missing(self, refs: Sequence[str]) -> frozenset[str]:
        """Return which of what was made is not found at the source now. Raises `SyncError`."""


class Writing(Protocol):
    """What `write.py` of a provider with actions offers. Each raises `SyncError`."""

    def find(
        self, endpoint: Endpoint, entity_ref: str, offers: str, *, text: str = "", refs: Sequence[str] = ()
    ) -> Found:
        """Return what the list `offers` of an entity holds: `refs` where there are any, else what fits `text`."""

    def open_writer(
        self, endpoint: Endpoint, entity_ref: str, action: str, pause: Callable[[float], None]
    ) -> AbstractContextManager[Writer]:
        """Return a context manager that opens a session at the source for an action.

        `pause` waits so many seconds, where the source asks to slow down, and may raise `Stopped`.
        """
