"""MySQL's words for what a reading needs. Values are written as hexadecimal digits.

So no character of them can be read as SQL. The driver would put them into the statement's text with escapes, and the
protocol's own parameters give rows in a binary form.
"""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal

from connectors.providers.sql.dialect import Dialect, Sql
from connectors.providers.sql.shapes import ColumnShape, TableShape
from connectors.providers.sql.values import Value

# The most digits of a DECIMAL, and of those the most behind the point.
_DIGITS, _BEHIND = 65, 30


def text(value: str) -> str:
    """Return the expression of a text."""
    return f"CONVERT(X'{value.encode().hex()}' USING utf8mb4)"


class _Words(Dialect):
    """The words of MySQL and MariaDB."""

    def quoted(self, name: str) -> str:
        return "`" + name.replace("`", "``") + "`"

    def table(self, shape: TableShape) -> str:
        return f"{self.quoted(shape.schema)}.{self.quoted(shape.name)}"

    def compared(self, column: ColumnShape) -> str:
        return self.quoted(column.name)

    def missing(self, column: ColumnShape) -> str:
        # A day of zeros is copied as NULL.
        name = self.quoted(column.name)
        return f"{column.text.format(name) if column.is_time else name} IS NULL"

    def as_written(self, column: ColumnShape) -> str:
        return f"CAST({column.text.format(self.quoted(column.name))} AS BINARY)"

    def bound_text(self, value: str) -> Sql:
        return Sql(f"CAST(X'{value.encode().hex()}' AS BINARY)")

    def bound(self, value: Value, column: ColumnShape) -> Sql:
        del column  # the value's own type says what the column is compared as
        if isinstance(value, bool):
            return Sql("b'1'" if value else "b'0'")
        written = text(_written(value))
        if isinstance(value, str):
            return Sql(written)
        return Sql(f"({written} + 0e0)" if isinstance(value, float) else f"CAST({written} AS {_type_of(value)})")

    def counted(self, shape: TableShape, limit: int) -> Sql:
        return Sql(f"SELECT COUNT(*) FROM (SELECT 1 FROM {self.table(shape)} LIMIT {limit}) counted")  # noqa: S608

    def position(self, text: str, searched: str) -> str:
        return f"INSTR({text}, {searched})"


WORDS = _Words()


def _written(value: Value) -> str:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="microseconds")
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _type_of(value: int | Decimal | date | time) -> str:
    """Return the type that holds a value exactly; a whole number as its column is, so that an index is used."""
    if isinstance(value, (date, time)):
        return "DATETIME(6)" if isinstance(value, datetime) else "DATE" if isinstance(value, date) else "TIME(6)"
    if isinstance(value, int):
        if -(2**63) <= value < 2**63:
            return "SIGNED"
        return "UNSIGNED" if 0 <= value < 2**64 else f"DECIMAL({_DIGITS}, 0)"
    exponent = value.as_tuple().exponent
    behind = min(max(-exponent, 0), _BEHIND) if isinstance(exponent, int) else 0
    return f"DECIMAL({_DIGITS}, {behind})"
