"""Emptying by DELETE. TRUNCATE makes new files for each of some 200 tables, partitions and indexes, which takes 0.2 s
of PostgreSQL's time after every test with real transactions; deleting the few rows of a test takes 5 ms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.backends.postgresql import base
from django.db.backends.postgresql.operations import DatabaseOperations as PostgresOperations


class DatabaseOperations(PostgresOperations):
    """PostgreSQL's operations with another way to empty tables."""

    def sql_flush(
        self, style: Any, tables: Sequence[str], *, reset_sequences: bool = False, allow_cascade: bool = False
    ) -> list[str]:
        """Return the statements that empty these tables, all of a database's; they run in one transaction."""
        if reset_sequences:
            return super().sql_flush(style, tables, reset_sequences=True, allow_cascade=allow_cascade)
        # No key is looked at on the way: at its end no row is left that could point to another.
        delete = [f"DELETE FROM {self.quote_name(table)}" for table in tables]
        return ["SET LOCAL session_replication_role = replica", *delete]


class DatabaseWrapper(base.DatabaseWrapper):
    """PostgreSQL as Django speaks to it."""

    ops_class = DatabaseOperations
