"""Plain values that pass between jobs, providers, destinations and the engine.

Nothing in here imports Django models or dlt, so that providers and the engine
can be read, run and tested without a database.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol
from uuid import UUID

StepName = Literal[
    "check_access", "extract", "normalize", "load", "finalize",
    "connectivity", "authentication", "permissions", "discover", "purge", "submit", "confirm",
]  # fmt: skip
StepStatus = Literal["pending", "running", "success", "failed", "skipped"]
LogLevel = Literal["debug", "info", "warning", "error"]
Mode = Literal["replace", "append", "merge"]
# How a value is compared with what a person typed. “in” takes one value a line; the last two take none.
Operator = Literal["eq", "ne", "lt", "le", "gt", "ge", "contains", "starts_with", "in", "is_null", "is_not_null"]
# What is done to a column's values before they leave the source's side: a keyed digest, or all but the last characters
# hidden.
Protection = Literal["hash", "mask"]

SYNC_STEPS: tuple[StepName, ...] = ("check_access", "extract", "normalize", "load", "finalize")
TEST_STEPS: tuple[StepName, ...] = ("connectivity", "authentication", "permissions")
DISCOVER_STEPS: tuple[StepName, ...] = ("check_access", "discover")
PURGE_STEPS: tuple[StepName, ...] = ("check_access", "purge")
WRITE_STEPS: tuple[StepName, ...] = ("check_access", "submit", "confirm")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One side of a sync: which kind it is, its plain settings and its secret ones.

    `secrets` never appears in the representation, so a log line or a traceback cannot show it.
    """

    kind: str
    config: Mapping[str, Any]
    secrets: Mapping[str, str] = field(repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class RowFilter:
    """One condition that a row must meet to be copied. `value` is text as it was typed; the source casts it.

    Whoever reads it binds the value as a parameter: it never becomes a part of a statement's text. NULL meets `is_null`
    and `ne`, since it is another value than any. Text is compared as written. A value that is not of the column's type
    is `misconfigured`. `connectors.engine.shaping` is what every source agrees with.
    """

    column: str
    operator: Operator
    value: str = ""


@dataclass(frozen=True, slots=True)
class TablePlan:
    """One table to copy: its name at the source, and how it is written at the destination.

    `replace` writes all rows anew, `append` adds rows whose cursor is beyond the last one, `merge` replaces by key.
    A row is copied that meets all of `filters`. `protected` are pairs of a column and what is done to its values;
    `protection_key` goes into the digests, so that equal values of a connection stay equal and can be joined.
    """

    name: str
    source_schema: str = ""
    mode: Mode = "replace"
    keys: tuple[str, ...] = ()
    cursor: str = ""
    columns: tuple[str, ...] = ()
    filters: tuple[RowFilter, ...] = ()
    protected: tuple[tuple[str, Protection], ...] = ()
    protection_key: str = field(repr=False, default="")
    estimated_rows: int | None = None
    # Goes up with each change after which all rows must be read again, such as another protection or key.
    generation: int = 0
    # Set for a re-sync: read everything again and let it take the place of all rows that are there.
    is_afresh: bool = False
    # Set for a re-sync from a date: where the cursor is set back to, as the source writes it.
    since: str = ""


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """Everything one attempt needs to copy one entity; an immutable snapshot.

    `pipeline` names the dlt pipeline, its schema and its staging dataset, and comes from the entity's id.
    `workdir` is a folder of this attempt alone; it is empty at the start and removed at the end.
    """

    source: Endpoint
    destination: Endpoint
    entity_id: UUID
    entity_ref: str
    pipeline: str
    dataset: str
    tables: tuple[TablePlan, ...]
    workdir: Path


@dataclass(frozen=True, slots=True)
class TableCounts:
    """What one table's copy did. `bytes` is what was read, in the engine's own memory form.

    `is_new` is False where the table is read by its cursor, and that has not moved.
    """

    name: str
    rows_extracted: int = 0
    rows_loaded: int = 0
    bytes: int = 0
    is_new: bool = True


@dataclass(frozen=True, slots=True)
class SyncResult:
    """The counts of a finished sync, one entry per table of the plan, in its order."""

    tables: tuple[TableCounts, ...]


@dataclass(frozen=True, slots=True)
class FoundEntity:
    """A company, tenant or schema that a source offers. `ref` is the source's own id."""

    ref: str
    name: str


@dataclass(frozen=True, slots=True)
class FoundTable:
    """A table that a source offers, as discovery reads it."""

    name: str
    source_schema: str = ""
    keys: tuple[str, ...] = ()
    columns: tuple[tuple[str, str], ...] = ()
    cursor: str = ""
    mode: Mode = "replace"
    estimated_rows: int | None = None
    product: str = ""


class Reporter(Protocol):
    """How the work tells what it does. Every method may raise `Stopped` when the job must end now."""

    def step(self, name: StepName, status: StepStatus, detail: str = "") -> None:
        """Record that a step began, ended or failed; `detail` is one short sentence."""

    def rows(self, table: str, *, extracted: int | None = None, loaded: int | None = None) -> None:
        """Report the running total of rows of a table; cheap, kept in memory, written once a second."""

    def columns(self, table: str, found: Mapping[str, str]) -> None:
        """Record which columns a table has at the source, with their types, before any of it is refused.

        In the words in which `list_tables` tells types: both are compared with what was agreed. May raise `SyncError`.
        """

    def log(self, level: LogLevel, step: str, message: str) -> None:
        """Add a line to the job's log. Secrets are removed before it is stored."""

    def check(self) -> None:
        """Raise `Stopped` if the job was cancelled or its lease was lost. Call it between chunks."""


class Stopped(Exception):  # noqa: N818 - not an error: somebody asked for it
    """The attempt must end now: cancelled by a person, or another attempt owns the job."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class SyncError(Exception):
    """A failure with a code out of the error registry.

    `detail` holds the source's own words with secrets removed; `retry_after` is in seconds, when the source said so.
    """

    def __init__(
        self, code: str, detail: str = "", *, step: StepName | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail
        self.step = step
        self.retry_after = retry_after
