"""Weekly partitions of jobs and what hangs on them, by the job's UUIDv7.

The bound of a week is its first millisecond (Monday, 00:00 UTC) as a UUIDv7 with every random bit zero, so a look-up
by id touches one partition and a week goes as one: dropping a partition takes milliseconds where deleting its rows
takes seconds and leaves vacuum work. A default partition takes what no week covers, so an insert never fails; it must
stay empty.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import migrations
from psycopg import sql

from connectors.ids import first_id_at

if TYPE_CHECKING:
    from django.db.backends.base.schema import BaseDatabaseSchemaEditor
    from django.db.backends.utils import CursorWrapper
    from django.db.migrations.state import ProjectState

# Parents first: a week is made in this order and dropped in the other.
PARTITIONED = (
    ("jobs_job", "id"),
    ("jobs_attempt", "job_id"),
    ("jobs_step", "job_id"),
    ("jobs_logline", "job_id"),
    ("jobs_actionline", "job_id"),
)
WEEK = timedelta(days=7)


class CreatePartitionedModel(migrations.CreateModel):
    """`CreateModel` whose table is partitioned by range of the column that holds the job's id."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Create the table with Django's own columns and constraints, plus the partitioning clause."""
        column = dict(PARTITIONED)[f"{app_label}_{self.name_lower}"]
        plain: Any = schema_editor.sql_create_table
        schema_editor.sql_create_table = f'{plain} PARTITION BY RANGE ("{column}")'
        try:
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        finally:
            schema_editor.sql_create_table = plain


def week_of(moment: datetime) -> datetime:
    """Return the Monday, 00:00 UTC, that begins the week of an aware `moment`."""
    day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())


def bound_of(week: datetime) -> UUID:
    """Return the id at which a week's partition begins: its first millisecond, version and variant, all else zero."""
    return first_id_at(week)


def partition_name(table: str, week: datetime) -> str:
    """Return the name of a table's partition for a week, such as `jobs_job_2026_11_16`."""
    return f"{table}_{week:%Y_%m_%d}"


def create_week(cursor: CursorWrapper, week: datetime) -> None:
    """Create the partitions of one week where they are missing."""
    for table in _existing(cursor):
        cursor.execute(
            sql.SQL("CREATE TABLE IF NOT EXISTS {} PARTITION OF {} FOR VALUES FROM ({}) TO ({})").format(
                sql.Identifier(partition_name(table, week)),
                sql.Identifier(table),
                sql.Literal(str(bound_of(week))),
                sql.Literal(str(bound_of(week + WEEK))),
            )
        )


def create_default(cursor: CursorWrapper) -> None:
    """Create the partitions that take what no week covers."""
    for table in _existing(cursor):
        cursor.execute(
            sql.SQL("CREATE TABLE IF NOT EXISTS {} PARTITION OF {} DEFAULT").format(
                sql.Identifier(f"{table}_default"), sql.Identifier(table)
            )
        )


def drop_week(cursor: CursorWrapper, week: datetime) -> None:
    """Drop the partitions of one week, children first."""
    for table, _ in reversed(PARTITIONED):
        cursor.execute(
            sql.SQL("ALTER TABLE {} DETACH PARTITION {}").format(
                sql.Identifier(table), sql.Identifier(partition_name(table, week))
            )
        )
        cursor.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(partition_name(table, week))))


def clear_default(cursor: CursorWrapper, before: datetime) -> None:
    """Delete what the default partitions hold of jobs made before the week `before` that have ended, children first."""
    for table, column in reversed(PARTITIONED):
        cursor.execute(
            sql.SQL(
                "DELETE FROM {} WHERE {column} < {} AND NOT EXISTS (SELECT FROM jobs_lease WHERE job_id = {column})"
            ).format(
                sql.Identifier(f"{table}_default"),
                sql.Literal(str(bound_of(before))),
                column=sql.Identifier(f"{table}_default", column),
            )
        )


def _existing(cursor: CursorWrapper) -> list[str]:
    """Return the partitioned tables that there are: the first migrations run before the later ones made theirs."""
    names = [table for table, _ in PARTITIONED]
    cursor.execute("SELECT relname FROM pg_class WHERE relname = ANY(%s) AND relkind = 'p'", [names])
    found = {name for (name,) in cursor.fetchall()}
    return [name for name in names if name in found]


def existing_weeks(cursor: CursorWrapper) -> list[datetime]:
    """Return the weeks that have a partition of jobs, oldest first."""
    cursor.execute(
        "SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid "
        "WHERE inhparent = 'jobs_job'::regclass AND child.relname <> 'jobs_job_default' ORDER BY 1"
    )
    return [
        datetime.strptime(name.removeprefix("jobs_job_"), "%Y_%m_%d").replace(tzinfo=UTC)
        for (name,) in cursor.fetchall()
    ]
