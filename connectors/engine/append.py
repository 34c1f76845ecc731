"""Appends rows exactly once, whenever the process dies: the cursor is recorded in the transaction that adds the rows.

dlt records the cursor after the rows are in, and a worker that dies in between would add them again: the next attempt
begins in an empty folder and reads from the cursor that dlt knows. So rows gather in the staging dataset, as those
that are merged do, and one transaction adds them to the table and moves the table's mark: a row of the destination's
own ledger (`bookkeeping.APPENDS`) that names the last run whose rows are in, and the cursor it reached. What comes from
the ledger counts, not what dlt knows.

The mark also keeps an attempt from adding its rows that was thought dead and has been followed by another one: rows go
in only while the mark is the one that the attempt found at its beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from dlt.common.destination.typing import PreparedTableSchema
from dlt.destinations.sql_client import SqlClientBase
from dlt.destinations.sql_jobs import SqlMergeFollowupJob

from connectors.destinations.bookkeeping import APPENDS, Mark
from connectors.plan import TablePlan

# In dlt's state of a table: how far it was read, by which column, the mark of the last run that added rows, and how
# the last run wrote.
CURSOR, COLUMN, MARK, MODE = "cursor", "cursor_column", "mark", "mode"


@dataclass(frozen=True, slots=True)
class Append:
    """What one run adds to one table: under which `mark`, `after` which one, and up to which cursor.

    `is_anew` means that the rows take the place of all that are there: without a cursor to go on from, rows that were
    written in another mode would be there twice.
    """

    mark: str
    after: str
    column: str
    cursor: str | None
    is_anew: bool


def prepare(table: TablePlan, state: MutableMapping[str, Any], mark: Mark | None, *, is_standing: bool) -> None:
    """Bring dlt's `state` of a table to what the destination's ledger says, before it is read.

    What cannot be gone on from is forgotten: the cursor of a table that is read afresh, is not there, or is read by
    another column now.
    """
    if mark is None:
        state.pop(MARK, None)
    elif mark.name != state.get(MARK):
        state.update({CURSOR: mark.cursor, COLUMN: mark.column, MARK: mark.name, MODE: "append"})
    # A merge reads up to the newest row, and finds what shows late by reading again: an append would miss it.
    is_same = state.get(COLUMN, table.cursor) == table.cursor and (table.mode, state.get(MODE)) != ("append", "merge")
    # The end of this run counts; what an earlier one reached must not come back with a table without rows.
    if table.is_afresh or not is_standing or not is_same or table.mode == "replace":
        state.pop(CURSOR, None)
    state.update({COLUMN: table.cursor, MODE: table.mode})


def begin(table: TablePlan, state: MutableMapping[str, Any], since: str | None) -> Append:
    """Return what a run that read `table` from `since` on adds, and put its mark into dlt's `state`."""
    after, state[MARK] = str(state.get(MARK, "")), uuid4().hex
    return Append(state[MARK], after, table.cursor, state.get(CURSOR), is_anew=since is None)


def announce(client: SqlClientBase[Any], pipeline: str, appends: Mapping[str, Append]) -> None:
    """Write into the ledger, made on first use, what is about to be added. Values are bound, never pasted."""
    ledger = make_ledger(client)
    rows = client.execute_sql(f"SELECT table_name FROM {ledger} WHERE pipeline_name = %s", pipeline)  # noqa: S608 - dlt quotes
    known = {str(row[0]) for row in rows or ()}
    insert = f"INSERT INTO {ledger} (pipeline_name, table_name, mark, cursor_column, cursor_value) VALUES (%s, %s, '', '', NULL)"  # noqa: S608, E501 - as above
    update = f"UPDATE {ledger} SET next_mark = %s, next_column = %s, next_value = %s WHERE pipeline_name = %s AND table_name = %s"  # noqa: S608, E501 - as above
    for table, append in appends.items():
        if table not in known:
            client.execute_sql(insert, pipeline, table)
        client.execute_sql(update, append.mark, append.column, append.cursor, pipeline, table)


def make_ledger(client: SqlClientBase[Any]) -> str:
    """Make the ledger where there is none yet, and return its name as it stands in a statement."""
    ledger = client.make_qualified_table_name(APPENDS)
    names = ("pipeline_name", "table_name", "mark", "cursor_column", "cursor_value")
    coming = ("next_mark", "next_column", "next_value")
    columns = ", ".join(f"{name} {_text(client)}" for name in (*names, *coming))
    client.execute_sql(f"CREATE TABLE IF NOT EXISTS {ledger} ({columns})")
    return ledger


def _text(client: SqlClientBase[Any]) -> str:
    return "STRING" if client.capabilities.sqlglot_dialect == "bigquery" else "VARCHAR(4000)"


def job(append: Append, retypes: Sequence[str] = ()) -> type[AppendJob]:
    """Return the job that adds the rows of `append`, which dlt runs when all files of the table are staged.

    `retypes` change the types of columns once the table is empty.
    """
    return type("Append", (AppendJob,), {"append": append, "retypes": tuple(retypes)})


class AppendJob(SqlMergeFollowupJob):
    """Adds the staged rows and moves the mark, in one transaction; dlt may run it again without adding them twice."""

    append: Append
    retypes: Sequence[str]

    @classmethod
    def generate_sql(
        cls, table_chain: Sequence[PreparedTableSchema], sql_client: SqlClientBase[Any], *args: Any, **more: Any
    ) -> list[str]:
        """Return the statements, which dlt runs in one transaction. Marks are hexadecimal digits."""
        del args, more
        table = table_chain[0]
        name, ledger = (sql_client.make_qualified_table_name(one) for one in (str(table["name"]), APPENDS))
        with sql_client.with_staging_dataset():
            staged = sql_client.make_qualified_table_name(str(table["name"]))
        columns = [sql_client.escape_column_name(one) for one in table["columns"]]
        keys = [
            sql_client.escape_column_name(one) for one, column in table["columns"].items() if column.get("primary_key")
        ]
        due = f"next_mark = '{cls.append.mark}' AND mark = '{cls.append.after}'"
        is_due = f"EXISTS (SELECT 1 FROM {ledger} WHERE {due})"  # noqa: S608 - dlt quotes the names
        # Pages of an API may give a record twice; a key comes in one run once.
        rows = f"SELECT {', '.join(columns)} FROM {staged} WHERE {is_due}"  # noqa: S608 - dlt quotes the names
        if keys:
            rows = cls.gen_select_from_dedup_sql(staged, keys, columns, condition=is_due)
        return [
            # Changes nothing and locks the row, so that of two attempts one waits for the other.
            f"UPDATE {ledger} SET next_mark = next_mark WHERE next_mark = '{cls.append.mark}';",  # noqa: S608
            *([f"DELETE FROM {name} WHERE {is_due};"] if cls.append.is_anew else []),  # noqa: S608
            *cls.retypes,
            f"INSERT INTO {name} ({', '.join(columns)}) {rows};",
            f"UPDATE {ledger} SET mark = next_mark, cursor_column = next_column, cursor_value = next_value WHERE {due};",  # noqa: S608, E501
        ]


def newer(rows: Iterable[dict[str, Any]], column: str, since: str | None) -> list[dict[str, Any]]:
    """Return the rows of an API whose `column` is beyond `since`: a page may begin before. Rows without a value go."""
    known = [row for row in rows if row.get(column) is not None]
    return [row for row in known if _is_beyond(str(row[column]), since)] if since is not None else known


def _is_beyond(value: str, since: str) -> bool:
    readings: tuple[Callable[[str], Any], ...] = (Decimal, _moment)
    for reading in readings:
        try:
            return bool(reading(value) > reading(since))
        except (ValueError, ArithmeticError):
            continue
    return value > since


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
