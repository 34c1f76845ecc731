"""Which rows of a table are read: those that meet its filters, and that changed since the last time.

Values are bound or written as digits by the dialect: none becomes a part of a statement's text.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from connectors.plan import Operator, RowFilter, SyncError, TablePlan
from connectors.providers.sql.dialect import Dialect, Sql
from connectors.providers.sql.shapes import UTC_TIME, ColumnShape, TableShape
from connectors.providers.sql.values import AS_TEXT, Value, of_cursor, of_filter

# Rows of transactions that began before the last sync and ended after it carry an older time than its cursor.
LAG = timedelta(minutes=10)
_COMPARES: Mapping[Operator, str] = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}


def filters(dialect: Dialect, table: TablePlan, shape: TableShape) -> tuple[Sql, ...]:
    """Return one condition per row filter. Raises `SyncError` for a column that is gone, a value that does not fit."""
    known = {column.name: column for column in shape.columns}
    if gone := sorted({one.column for one in table.filters} - set(known)):
        raise SyncError("source_object_missing", f"A row filter names the column {', '.join(gone)}, which is gone.")
    return tuple(_condition(dialect, one, known[one.column]) for one in table.filters)


def changed(dialect: Dialect, table: TablePlan, shape: TableShape, since: str | None) -> tuple[Sql, ...]:
    """Return the condition of rows to merge that changed since the cursor stood at `since`; none for everything.

    They may be read again, so a time goes back by the lag, and a row without a cursor value, which cannot be told to
    be old, is read each time.
    """
    if since is None:
        return ()
    column = shape.column(table.cursor)
    newer = _compared(dialect.compared(column), ">=", dialect.bound(_earlier(of_cursor(since, column)), column))
    return (Sql(f"{newer.text} OR {dialect.missing(column)}", newer.values),)


def added(
    dialect: Dialect, table: TablePlan, shape: TableShape, since: str | None, until: str | None
) -> tuple[Sql, ...]:
    """Return the conditions of rows to append: beyond `since`, up to `until`; without the latter, there are none.

    No row is read twice, so none is there twice. One without a cursor value would be, or never: it is left out.
    """
    if until is None:
        return (Sql("1 = 0"),)
    column = shape.column(table.cursor)
    name = dialect.compared(column)
    ends = [_compared(name, "<=", dialect.bound(of_cursor(until, column), column))]
    if since is not None:
        ends.append(_compared(name, ">", dialect.bound(of_cursor(since, column), column)))
    return tuple(ends)


def due(dialect: Dialect, column: ColumnShape, ahead: timedelta, *, is_appended: bool) -> tuple[Sql, ...]:
    """Return the condition of cursor values that count now; none for what is no time.

    A time that is yet to come (a typing error) does not count: everything that changes until then would never be read.
    Where rows are appended, times of the last minutes wait as well, since a lower one may still come; so does the day
    in which they lie. `ahead` is how far a clock without a zone is ahead of UTC.
    """
    if not column.is_time:
        return ()
    now = datetime.now(UTC).replace(tzinfo=None) - (LAG if is_appended else timedelta(0))
    latest = now if column.postgres_type == UTC_TIME else now + ahead
    name = dialect.compared(column)
    if column.data_type == "date":
        return (_compared(name, "<" if is_appended else "<=", dialect.bound(latest.date(), column)),)
    return (_compared(name, "<=", dialect.bound(latest, column)),)


def _earlier(value: Value) -> Value:
    try:
        if isinstance(value, datetime):
            return value - LAG
        if isinstance(value, date):
            return value - timedelta(days=1)
    except OverflowError:
        return value
    return value


def _condition(dialect: Dialect, one: RowFilter, column: ColumnShape) -> Sql:
    missing = dialect.missing(column)
    if one.operator == "is_null":
        return Sql(missing)
    if one.operator == "is_not_null":
        return Sql(f"NOT ({missing})")
    if one.operator in {"contains", "starts_with"}:
        searched = dialect.bound_text(one.value)
        position = dialect.position(dialect.as_written(column), searched.text)
        return Sql(f"{position} {'> 0' if one.operator == 'contains' else '= 1'}", searched.values)
    left = dialect.as_written(column) if column.data_type in AS_TEXT else dialect.compared(column)
    if one.operator == "in":
        return _among(left, [_bound(dialect, line, column) for line in one.value.splitlines() if line.strip()])
    compared = _compared(left, _COMPARES[one.operator], _bound(dialect, one.value, column))
    return Sql(f"{compared.text} OR {missing}", compared.values) if one.operator == "ne" else compared


def _bound(dialect: Dialect, text: str, column: ColumnShape) -> Sql:
    value = of_filter(text, column)
    return dialect.bound_text(text) if column.data_type in AS_TEXT else dialect.bound(value, column)


def _compared(left: str, operator: str, right: Sql) -> Sql:
    return Sql(f"{left} {operator} {right.text}", right.values)


def _among(left: str, values: list[Sql]) -> Sql:
    if not values:
        return Sql("1 = 0")
    listed = ", ".join(one.text for one in values)
    return Sql(f"{left} IN ({listed})", tuple(value for one in values for value in one.values))
