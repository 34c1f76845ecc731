"""Up to which number of a cursor a table may be appended to, so that no row is left out for good.

A number is drawn when its row is written, and shows when the transaction ends: a lower one may come after a higher one.
What is written and not yet committed is seen by a second connection that reads uncommitted rows. It is compared with
the snapshot by count and checksum; where both differ, the first number that they differ at is searched for by halves,
and what lies below it is read. The rest waits for the next run.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from connectors.providers.mysql.words import WORDS
from connectors.providers.sql.dialect import Sql
from connectors.providers.sql.shapes import ColumnShape, TableShape

# Whole numbers, of which halves can be taken; the second is what “bigint unsigned” becomes.
_WHOLE = frozenset({"smallint", "integer", "bigint", "numeric(20,0)"})
UNCOMMITTED = "SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED"
Asked = Callable[[Sql], str | None]


def settled(
    snapshot: Asked, uncommitted: Asked, shape: TableShape, column: ColumnShape, since: str | None, highest: str
) -> str | None:
    """Return the highest value that nothing can come below any more, at most `highest`; None for none.

    `snapshot` and `uncommitted` ask the two connections. A cursor that is no whole number goes as far as nothing is
    being written at all.
    """
    end, begin = int(Decimal(highest)) if column.postgres_type in _WHOLE else None, since

    def is_same(until: str) -> bool:
        statement = _sum_of(shape, column, begin, until)
        return snapshot(statement) == uncommitted(statement)

    if is_same(highest):
        return highest
    if end is None:
        return since
    lowest = snapshot(Sql(f"SELECT min({WORDS.quoted(column.name)}) FROM {WORDS.table(shape)}"))  # noqa: S608 - quoted
    # All rows up to `good` are there, and not all up to `bad`.
    good, bad = int(since) if since is not None else int(lowest or 0) - 1, end
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if is_same(str(middle)) else (good, middle)
    return str(good) if since is not None or good >= int(lowest or 0) else None


def _sum_of(shape: TableShape, column: ColumnShape, since: str | None, until: str) -> Sql:
    """Return the statement that tells which values lie in a range: how many, and a sum over them."""
    name = WORDS.quoted(column.name)
    ends = [f"{name} <= {_bound(until, column)}", *([f"{name} > {_bound(since, column)}"] if since is not None else [])]
    counted = f"CONCAT(COUNT(*), ' ', COALESCE(SUM(CRC32({name})), 0))"
    return Sql(f"SELECT {counted} FROM {WORDS.table(shape)} WHERE {' AND '.join(ends)}")  # noqa: S608 - quoted, digits


def _bound(text: str, column: ColumnShape) -> str:
    value = int(text) if column.postgres_type in _WHOLE else text
    return WORDS.bound(value, column).text
