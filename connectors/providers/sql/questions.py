"""Quick questions to an open session of any SQL source: which schemas and tables are there, and may they be read."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from connectors.plan import FoundTable, SyncError
from connectors.providers.several import named_in
from connectors.providers.sql.dialect import Session
from connectors.providers.sql.reader import told
from connectors.providers.sql.shapes import COUNTED_BELOW, TableShape, cursor_of

__all__ = ("check", "check_schema", "check_tables", "chosen", "tables", "told")

# Tables are counted for so long; the rest keeps the catalogue's estimate.
COUNTING_SECONDS = 5.0
# Names that Patchbay cannot keep are not offered.
LONGEST_NAME = 200


def chosen(session: Session, setting: Any) -> list[str]:
    """Return the schemas that a setting names, or all there are. Raises `SyncError` for one that is missing."""
    there = session.schemas()
    names = named_in(setting)
    if not names and not there:
        raise SyncError("insufficient_permissions", "The user sees nothing that could be read.")
    if missing := [name for name in names if name not in there]:
        raise SyncError("misconfigured", f"Not there, or hidden from the user: {', '.join(missing)}.")
    return list(names) or [name for name in there if len(name) <= LONGEST_NAME]


def check(session: Session, setting: Any, entity_ref: str) -> None:
    """Return if the schema of the entity, or each one that the setting names, is there. Raises `SyncError`."""
    if entity_ref:
        check_schema(session, entity_ref)
    else:
        chosen(session, setting)


def check_schema(session: Session, schema: str) -> None:
    """Return if the schema is there. Raises `SyncError`."""
    if schema not in session.schemas():
        raise SyncError("misconfigured", f"“{schema}” is not there, or hidden from the user.")


def tables(session: Session, schema: str) -> list[FoundTable]:
    """Return the tables and views of a schema with keys, columns, types and row counts or estimates."""
    until = time.monotonic() + COUNTING_SECONDS
    return [
        FoundTable(
            name=shape.name,
            source_schema=schema,
            keys=shape.keys,
            columns=tuple((column.name, column.type_name) for column in shape.columns),
            cursor=cursor_of(shape),
            mode="replace",
            estimated_rows=_rows(session, shape) if time.monotonic() < until else shape.estimated_rows,
        )
        for shape in session.shapes(schema)
        if len(shape.name) <= LONGEST_NAME
    ]


def check_tables(session: Session, wanted: Sequence[tuple[str, str]]) -> None:
    """Return if each of `wanted`, (schema, name), is there and may be read. Raises `SyncError`."""
    refused: list[tuple[str, SyncError]] = []
    for schema, name in wanted:
        try:
            session.value(session.dialect.counted(TableShape(schema, name, (), ()), 1))
        except session.errors as error:
            failure = session.failure(error)
            if failure.code not in {"source_object_missing", "insufficient_permissions"}:
                raise failure from None
            refused.append((name, failure))
    for code, said in (
        ("source_object_missing", "Not found at the source"),
        ("insufficient_permissions", "The user may not read"),
    ):
        if names := [name for name, failure in refused if failure.code == code]:
            raise SyncError(code, f"{said}: {', '.join(names)}.")


def _rows(session: Session, shape: TableShape) -> int | None:
    """Count a table that is not known to be large; fall back to the estimate where counting is not allowed or slow."""
    if shape.estimated_rows is not None and shape.estimated_rows >= COUNTED_BELOW:
        return shape.estimated_rows
    try:
        counted = int(session.value(session.dialect.counted(shape, COUNTED_BELOW)) or 0)
    except session.errors:
        return shape.estimated_rows
    return None if counted == COUNTED_BELOW and shape.estimated_rows is None else counted
