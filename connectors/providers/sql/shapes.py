"""What a database holds, in the words of its catalogue, and how each column's values become text."""

from __future__ import annotations

from dataclasses import dataclass, replace

from connectors import protect
from connectors.plan import SyncError, TablePlan
from connectors.providers.feed import Column, DataType

CURSOR_NAMES = ("updated_at", "modified_at", "last_modified", "updated_on", "updated")
# Below this estimate a table is counted exactly; what a catalogue says of a small table is often missing or old.
COUNTED_BELOW = 100_000
LOCAL_TIME, UTC_TIME = "timestamp without time zone", "timestamp with time zone"


@dataclass(frozen=True, slots=True)
class ColumnShape:
    """A column of the source. `text` is the expression that gives its text; “{}” stands in it for the quoted name.

    `is_plain` says that no text of it holds a quote, so that none needs to be doubled.
    """

    name: str
    type_name: str
    data_type: DataType
    postgres_type: str
    text: str = "{}"
    is_plain: bool = False

    @property
    def is_time(self) -> bool:
        """Whether it can tell when a row last changed."""
        return self.data_type in {"timestamp", "date"}


@dataclass(frozen=True, slots=True)
class TableShape:
    """A table or view of the source; `estimated_rows` is None when nobody knows.

    `warning` is what whoever reads it should know, such as that it has no snapshot.
    """

    schema: str
    name: str
    keys: tuple[str, ...]
    columns: tuple[ColumnShape, ...]
    estimated_rows: int | None = None
    warning: str = ""

    def column(self, name: str) -> ColumnShape:
        """Return the column of this name. Raises `SyncError` for one that is gone."""
        for one in self.columns:
            if one.name == name:
                return one
        raise SyncError("source_object_missing", f"{self.name} has no column {name}.")


def chosen(table: TablePlan, shape: TableShape) -> tuple[ColumnShape, ...]:
    """Return the columns to copy: the chosen ones, keys and cursor always. Raises `SyncError` for one that is gone."""
    wanted = {*table.columns, *(table.keys or shape.keys), *([table.cursor] if table.cursor else [])}
    if missing := wanted - {column.name for column in shape.columns}:
        raise SyncError("source_object_missing", f"{table.name} has no column {', '.join(sorted(missing))}.")
    return tuple(column for column in shape.columns if not table.columns or column.name in wanted)


def declared(table: TablePlan, columns: tuple[ColumnShape, ...]) -> tuple[Column, ...]:
    """Return what the engine is told of the columns to copy; a protected one is text."""
    hidden, keys = dict(table.protected), set(table.keys)
    found = [Column(one.name, one.data_type, one.name not in keys, one.postgres_type) for one in columns]
    return tuple(
        replace(one, data_type="text", postgres_type=protect.TYPE) if one.name in hidden else one for one in found
    )


def cursor_of(shape: TableShape) -> str:
    """Return the column that tells when a row last changed, by its usual names, or an empty string."""
    times = {column.name.lower(): column.name for column in shape.columns if column.data_type == "timestamp"}
    return next((times[name] for name in CURSOR_NAMES if name in times), "")
