"""What a source of the family brings: its words for a few expressions, and an open connection that shows one moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from connectors.plan import Protection, SyncError
from connectors.providers.sql.shapes import ColumnShape, TableShape
from connectors.providers.sql.values import Value


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of a statement, with the values that its placeholders stand for, in their order."""

    text: str
    values: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """What is read of a table: which columns, which of them hidden how, and the conditions that every row meets."""

    shape: TableShape
    columns: tuple[ColumnShape, ...]
    hidden: Mapping[str, Protection]
    protection_key: str
    conditions: tuple[Sql, ...]


class Dialect(Protocol):
    """The words of one kind of database."""

    def quoted(self, name: str) -> str:
        """Return a name as an identifier, whatever is in it."""

    def table(self, shape: TableShape) -> str:
        """Return the table's whole name, quoted."""

    def compared(self, column: ColumnShape) -> str:
        """Return the expression of a column that is compared with what `bound` gives."""

    def missing(self, column: ColumnShape) -> str:
        """Return the condition that a column is NULL, or will be once it is copied."""

    def as_written(self, column: ColumnShape) -> str:
        """Return the expression of a column's text that is compared as written: case, blanks and accents count."""

    def bound(self, value: Value, column: ColumnShape) -> Sql:
        """Return a value that is compared with the column itself, as the column's type."""

    def bound_text(self, value: str) -> Sql:
        """Return a value that is compared with what `as_written` gives."""

    def counted(self, shape: TableShape, limit: int) -> Sql:
        """Return the statement that counts a table's rows, as far as to `limit`."""

    def position(self, text: str, searched: str) -> str:
        """Return the expression that tells where in `text` the other one begins, from 1 on; 0 where it does not."""


class Session(Protocol):
    """An open connection that shows one moment of the source, until it is closed by whoever opened it."""

    dialect: Dialect
    # What the driver raises.
    errors: tuple[type[Exception], ...]
    # How far a clock without a time zone is ahead of UTC there.
    ahead: timedelta

    def failure(self, error: Exception) -> SyncError:
        """Return what one of `errors` means; the detail is the source's own words."""

    def schemas(self) -> list[str]:
        """Return the schemas that may be read, without the server's own, by name."""

    def shapes(self, schema: str, names: Sequence[str] | None = None) -> list[TableShape]:
        """Describe the tables and views of a schema, or those of `names` that exist, by name."""

    def value(self, statement: Sql) -> str | None:
        """Return the one value that a statement gives, None for NULL or no row."""

    def settled(self, shape: TableShape, column: ColumnShape, since: str | None, highest: str) -> str | None:
        """Return up to which value of a cursor that is no time all rows beyond `since` are there, at most `highest`.

        Numbers are drawn when rows are written, and show when their transactions end: a lower one may come later.
        None where nothing is.
        """

    def lines(self, reading: Reading) -> Iterator[bytes]:
        """Give each row as a line of our text files. May raise `errors`, or `SyncError("bad_record")`."""


def where(conditions: Sequence[Sql]) -> Sql:
    """Return the conditions, all of which a row must meet, as a clause; nothing for none."""
    if not conditions:
        return Sql("")
    text = " AND ".join(f"({one.text})" for one in conditions)
    return Sql(f" WHERE {text}", tuple(value for one in conditions for value in one.values))
