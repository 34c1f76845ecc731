"""Reads a table again from its beginning or from a date, while readers keep the rows that are there.

The new rows gather in the staging dataset as in every run. Only when everything has been read and staged does one
transaction per table take the old rows out and put the new ones in: who reads meanwhile sees all old rows or all new
ones. The table itself stays, and with it the grants and views that others made on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Self

from dlt.common.destination.typing import PreparedTableSchema
from dlt.destinations.sql_client import SqlClientBase
from dlt.destinations.sql_jobs import SqlMergeFollowupJob, SqlStagingReplaceFollowupJob

from connectors.plan import TablePlan


class _Retyping:
    """A replacement of all rows that gives columns new types while the table is empty."""

    types: ClassVar[Sequence[str]] = ()

    @classmethod
    def retyping(cls, statements: Sequence[str]) -> type[Self]:
        """Return this job with the `statements` that change types."""
        return type(cls.__name__, (cls,), {"types": tuple(statements)})


class AfreshMerge(_Retyping, SqlMergeFollowupJob):
    """Merges into a table that it has emptied in the same transaction, so that each key is there once and none else.

    dlt's own replacement would keep both rows of a key that a source's pages give twice.
    """

    @classmethod
    def generate_sql(
        cls, table_chain: Sequence[PreparedTableSchema], sql_client: SqlClientBase[Any], *args: Any, **more: Any
    ) -> list[str]:
        """Return the statements, which dlt runs in one transaction."""
        name = sql_client.make_qualified_table_name(str(table_chain[0]["name"]))
        # Not TRUNCATE: a reader whose snapshot is older would find the table empty (PostgreSQL manual, 13.6).
        emptied = f"DELETE FROM {name} WHERE 1=1;"  # noqa: S608 - dlt quotes the name
        return [emptied, *cls.types, *super().generate_sql(table_chain, sql_client, *args, **more)]


class StagedReplacement(_Retyping, SqlStagingReplaceFollowupJob):
    """dlt's own replacement out of the staging dataset: emptied, then filled, in one transaction."""

    @classmethod
    def generate_sql(
        cls, table_chain: Sequence[PreparedTableSchema], sql_client: SqlClientBase[Any], *args: Any, **more: Any
    ) -> list[str]:
        """Return the statements, which dlt runs in one transaction."""
        emptied, *filled = super().generate_sql(table_chain, sql_client, *args, **more)
        return [emptied, *cls.types, *filled]


def first_cursor(table: TablePlan, reached: str | None) -> str | None:
    """Return the cursor value to read from; None for everything.

    That is the one which the last run `reached`, or the date that a re-sync asks for where it is earlier: a later one
    would leave rows out. Where one of both is no time, everything is read.
    """
    if not table.since or reached is None:
        return reached
    try:
        return min(table.since, reached, key=_moment)
    except ValueError:
        return None


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
