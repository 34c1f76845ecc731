"""What a person declares of a REST API: how its pages follow each other, and which resources become tables.

It is stored as a plain document (what JSON holds), and read from there into the values below. Numbers and switches may
be texts, since forms and YAML give them so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.providers.feed import DataType

# The portable types that a field of JSON can have, in the order in which a form offers them.
TYPES: tuple[DataType, ...] = ("text", "bigint", "double", "decimal", "bool", "timestamp", "date", "json")
KINDS = ("none", "page", "offset", "cursor", "last_record", "next_url", "link")
STOPS = ("empty", "short")
FORMATS = ("iso", "date", "seconds", "milliseconds", "as_is")
PARENTS = ("all", "changed")
MOST_RESOURCES, MOST_PAGES, MOST_MEGABYTES = 100, 10_000, 20
PLACEHOLDER = re.compile(r"\{(entity|parent\.([^{}]+))\}")


@dataclass(frozen=True, slots=True)
class Pagination:
    """How pages follow each other.

    `param` carries the page, the offset or the cursor; `path` leads to the cursor or the next address in the answer, or
    is the field of the last record. `more_path` leads to what says whether there are more. Without it, pages and
    offsets end at the first page that is empty, or that is `short`, if `stop` says so.
    """

    kind: str = "none"
    param: str = ""
    path: str = ""
    size_param: str = ""
    size: int = 100
    first: int = 1
    more_path: str = ""
    stop: str = "empty"


@dataclass(frozen=True, slots=True)
class Incremental:
    """How to ask only for what changed: the `param` that takes the `cursor` field's highest value, in a `format`.

    `start` is the first run's value, if any. `lag_seconds` are asked for again, since records that were being written
    while the last run read must not be missed.
    """

    param: str
    cursor: str
    format: str = "iso"
    start: str = ""
    lag_seconds: int = 300


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """A field that becomes a column. `path` leads to its value in a record."""

    name: str
    type: DataType
    path: str


@dataclass(frozen=True, slots=True)
class Resource:
    """A collection of the API that becomes a table.

    A child is read once for each record of its `parent`: of all, or of the `changed` ones only.
    """

    name: str
    path: str
    records: str = ""
    key: tuple[str, ...] = ()
    params: Mapping[str, str] = field(default_factory=dict)
    incremental: Incremental | None = None
    parent: str = ""
    parents: str = "all"
    pagination: Pagination | None = None
    fields: tuple[FieldSpec, ...] = ()

    @property
    def parent_fields(self) -> tuple[str, ...]:
        """The fields of the parent's record that are put into the path or the parameters, each once, in order."""
        texts = (self.path, *self.params.values())
        return tuple(dict.fromkeys(found[2] for text in texts for found in PLACEHOLDER.finditer(text) if found[2]))


@dataclass(frozen=True, slots=True)
class Entities:
    """Where the accounts are listed that sync on their own. `header` carries an account's id, if one does."""

    path: str
    records: str = ""
    id: str = "id"
    name: str = ""
    header: str = ""


@dataclass(frozen=True, slots=True)
class Declaration:
    """All of it. Limits: pages of one resource, and megabytes of one answer as unpacked."""

    resources: tuple[Resource, ...]
    pagination: Pagination = Pagination()
    entities: Entities | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    requests_per_second: float = 0
    most_pages: int = MOST_PAGES
    most_megabytes: int = MOST_MEGABYTES

    def resource(self, name: str) -> Resource | None:
        """Return the resource of this name, None where there is none."""
        return next((one for one in self.resources if one.name == name), None)

    def pagination_of(self, resource: Resource) -> Pagination:
        """Return how the pages of a resource follow each other: its own way, or everybody's."""
        return resource.pagination or self.pagination


Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a document that cannot be: where, and why in a sentence."""

    place: Place
    text: str

    def __str__(self) -> str:
        steps = "".join(f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in self.place)
        return f"{steps.lstrip('.')}: {self.text}" if steps else self.text


class DeclarationError(ValueError):
    """A document is no declaration. `problems` are all that was found."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(" ".join(str(problem) for problem in problems))
        self.problems = problems


def fields_as_document(fields: Iterable[FieldSpec]) -> list[str]:
    """Return fields as a document holds them: lines, since their order is the columns'."""
    return [f"{one.name}: {one.type}{f' from {one.path}' if one.path != one.name else ''}" for one in fields]


def pairs_in(lines: Iterable[str]) -> dict[str, str]:
    """Return the names and values of lines such as “total: decimal”; a name may hold a colon, as XML's do."""
    found = {}
    for line in lines:
        name, parted, value = line.rpartition(": ") if ": " in line else line.rpartition(":")
        found[name.strip() if parted else line.strip()] = value.strip() if parted else ""
    return found


def stored(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the document among the settings of a connection; empty where there is none."""
    found = config.get("declaration")
    return found if isinstance(found, Mapping) else {}
