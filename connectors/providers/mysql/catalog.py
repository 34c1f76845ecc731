"""What a MySQL or MariaDB server holds, read from its information schema."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pymysql

from connectors.providers.mysql import types
from connectors.providers.mysql.link import is_mariadb
from connectors.providers.mysql.words import text
from connectors.providers.sql.shapes import TableShape

_OWN = ("information_schema", "performance_schema", "mysql", "sys")
# Engines that know transactions; a table of another one is read as it is at that moment.
_WITH_SNAPSHOT = {"InnoDB", "RocksDB", "TokuDB"}

_TABLES = """
    SELECT TABLE_NAME, ENGINE, TABLE_ROWS FROM information_schema.TABLES
    WHERE TABLE_SCHEMA = {schema} AND TABLE_TYPE IN ('BASE TABLE', 'VIEW', 'SYSTEM VERSIONED')
      AND LEFT(TABLE_NAME, 5) <> '_dlt_' {named}
    ORDER BY TABLE_NAME
"""
_COLUMNS = """
    SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, DATA_TYPE, NUMERIC_PRECISION, NUMERIC_SCALE
    FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = {schema} {named} ORDER BY TABLE_NAME, ORDINAL_POSITION
"""
_KEYS = """
    SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.STATISTICS
    WHERE TABLE_SCHEMA = {schema} AND INDEX_NAME = 'PRIMARY' {named} ORDER BY TABLE_NAME, SEQ_IN_INDEX
"""
# MariaDB's JSON is a text with this check.
_JSON = """
    SELECT TABLE_NAME, CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS
    WHERE CONSTRAINT_SCHEMA = {schema} AND CHECK_CLAUSE LIKE 'json_valid(%)' {named}
"""


def schemas(connection: pymysql.Connection[Any]) -> list[str]:
    """Return the databases that the user may see, without the server's own, by name."""
    rows = _rows(connection, "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA ORDER BY SCHEMA_NAME")
    return [name for (name,) in rows if name.lower() not in _OWN]


def shapes(connection: pymysql.Connection[Any], schema: str, names: Sequence[str] | None = None) -> list[TableShape]:
    """Describe the tables and views of `schema` (or those of `names` that exist), by name. May raise PyMySQL errors."""
    if names is not None and not names:
        return []
    named = "" if names is None else f"AND TABLE_NAME IN ({', '.join(text(name) for name in names)})"

    def ask(statement: str) -> list[tuple[Any, ...]]:
        return _rows(connection, statement.format(schema=text(schema), named=named))

    keys, columns = defaultdict(list), defaultdict(list)
    for table, name in ask(_KEYS):
        keys[table].append(name)
    checks = {(table, clause) for table, clause in ask(_JSON)} if is_mariadb(connection) else set()
    for table, name, type_name, kind, precision, scale in ask(_COLUMNS):
        digits = None if precision is None else (int(precision), int(scale or 0))
        is_json = (table, f"json_valid(`{name}`)") in checks
        columns[table].append(types.column(name, type_name.lower(), kind.lower(), digits, is_json=is_json))
    wanted = None if names is None else set(names)
    return [
        TableShape(schema, name, tuple(keys[name]), tuple(columns[name]), _count(rows), _warning(engine))
        for name, engine, rows in ask(_TABLES)
        # Names are compared by a collation there, so more may come back than were asked for.
        if columns[name] and (wanted is None or name in wanted)
    ]


def _count(rows: Any) -> int | None:
    return None if rows is None else int(rows)


def _warning(engine: str | None) -> str:
    if engine is None or engine in _WITH_SNAPSHOT:
        return ""
    return f"its engine {engine} has no snapshots, so it is copied as it is while it is read."


def _rows(connection: pymysql.Connection[Any], statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return [tuple(_decoded(value) for value in row) for row in cursor.fetchall()]


def _decoded(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value
