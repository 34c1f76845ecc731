"""SQL Server's words for what a reading needs. Values are written as hexadecimal digits, as for MySQL.

The driver has no parameters of the protocol: it would put values into the statement's text with escapes.
"""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal

from connectors.providers.sql.dialect import Dialect, Sql
from connectors.providers.sql.shapes import ColumnShape, TableShape
from connectors.providers.sql.values import Value

_DIGITS = 38
_AS_WRITTEN = "COLLATE Latin1_General_100_BIN2"


def text(value: str) -> str:
    """Return the expression of a text."""
    return f"CONVERT(nvarchar(max), 0x{value.encode('utf-16-le').hex()})"


class _Words(Dialect):
    """The words of SQL Server."""

    def quoted(self, name: str) -> str:
        return "[" + name.replace("]", "]]") + "]"

    def table(self, shape: TableShape) -> str:
        return f"{self.quoted(shape.schema)}.{self.quoted(shape.name)}"

    def compared(self, column: ColumnShape) -> str:
        return self.quoted(column.name)

    def missing(self, column: ColumnShape) -> str:
        return f"{self.quoted(column.name)} IS NULL"

    def as_written(self, column: ColumnShape) -> str:
        return f"CAST({column.text.format(self.quoted(column.name))} AS nvarchar(max)) {_AS_WRITTEN}"

    def bound_text(self, value: str) -> Sql:
        return Sql(f"{text(value)} {_AS_WRITTEN}")

    def bound(self, value: Value, column: ColumnShape) -> Sql:
        del column  # the value's own type says what the column is compared as
        if isinstance(value, str):
            return Sql(text(value))
        written = value.isoformat() if isinstance(value, (date, time)) else str(value)
        if isinstance(value, Decimal):
            written = f"{value:f}"
        return Sql(f"CAST({text(str(int(value)) if isinstance(value, bool) else written)} AS {_type_of(value)})")

    def counted(self, shape: TableShape, limit: int) -> Sql:
        return Sql(f"SELECT COUNT(*) FROM (SELECT TOP ({limit}) 1 AS one FROM {self.table(shape)}) counted")  # noqa: S608

    def position(self, text: str, searched: str) -> str:
        return f"CHARINDEX({searched}, {text})"


WORDS = _Words()


def _type_of(value: Decimal | float | date | time) -> str:
    kinds: tuple[tuple[type, str], ...] = (
        (bool, "bit"),
        (float, "float"),
        (datetime, "datetime2(6)"),
        (date, "date"),
        (time, "time(6)"),
    )
    for kind, name in kinds:
        if isinstance(value, kind):
            return name
    exponent = value.as_tuple().exponent if isinstance(value, Decimal) else 0
    return f"decimal({_DIGITS}, {max(-exponent, 0) if isinstance(exponent, int) else 0})"
