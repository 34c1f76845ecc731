"""An open connection to MySQL or MariaDB that shows one moment, and how rows come out of it as lines of text.

The server itself writes each row as one text: no value passes through Python, and one field a row is what the protocol
hands over fastest. Only what is protected comes apart, since the key of its digests must not travel.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pymysql
from pymysql.cursors import SSCursor

from connectors import protect
from connectors.plan import Endpoint, SyncError
from connectors.providers.mysql import appending, catalog, link, packets
from connectors.providers.mysql.failures import failure
from connectors.providers.mysql.words import WORDS
from connectors.providers.sql.dialect import Reading, Session, Sql, where
from connectors.providers.sql.lines import quoted
from connectors.providers.sql.shapes import ColumnShape, TableShape

_SNAPSHOT = (
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
)


@contextmanager
def snapshot(endpoint: Endpoint) -> Iterator[Session]:
    """Sign in and open one consistent snapshot; statements may take as long as they need. Raises `SyncError`."""
    connection = link.connect(endpoint, seconds=None)
    session = _Session(connection, endpoint)
    try:
        session.begin()
        yield session
    except session.errors as error:
        raise failure(error) from None
    finally:
        session.close()


@contextmanager
def asked(endpoint: Endpoint) -> Iterator[Session]:
    """Sign in for quick questions, each of which ends in time. Raises `SyncError`."""
    session = _Session(link.connect(endpoint), endpoint)
    try:
        yield session
    except session.errors as error:
        raise failure(error) from None
    finally:
        session.close()


class _Session(Session):
    """An open connection, signed in."""

    dialect = WORDS
    errors: tuple[type[Exception], ...] = (pymysql.Error, OSError)

    def __init__(self, connection: pymysql.Connection[Any], endpoint: Endpoint) -> None:
        self._connection = connection
        self._endpoint = endpoint
        # Sees what others have written and not committed yet; opened where rows are appended by a number.
        self._uncommitted: _Session | None = None
        self._reading: SSCursor | None = None
        self.ahead = timedelta(0)

    def begin(self) -> None:
        """Learn how far the server's own clock is ahead of UTC, and take the snapshot."""
        local = "CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', @@GLOBAL.time_zone)"
        seconds = self.value(Sql(f"SELECT TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), {local})"))
        self.ahead = timedelta(seconds=int(seconds or 0))
        for statement in _SNAPSHOT:
            self.run(statement)

    def close(self) -> None:
        """Close the line; rows that were not read are not waited for."""
        if self._reading is not None:
            packets.ended(self._reading)
        packets.cut(self._connection)
        if self._uncommitted is not None:
            self._uncommitted.close()

    def failure(self, error: Exception) -> SyncError:
        return failure(error)

    def schemas(self) -> list[str]:
        return catalog.schemas(self._connection)

    def shapes(self, schema: str, names: Sequence[str] | None = None) -> list[TableShape]:
        return catalog.shapes(self._connection, schema, names)

    def value(self, statement: Sql) -> str | None:
        row = self.run(statement.text)
        if row is None or row[0] is None:
            return None
        return row[0].decode() if isinstance(row[0], bytes) else str(row[0])

    def run(self, statement: str) -> tuple[Any, ...] | None:
        """Run a statement and return its first row, None for none. May raise PyMySQL's errors."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement)
            row: tuple[Any, ...] | None = cursor.fetchone()
            return row

    def settled(self, shape: TableShape, column: ColumnShape, since: str | None, highest: str) -> str | None:
        if self._uncommitted is None:
            self._uncommitted = _Session(link.connect(self._endpoint, seconds=None), self._endpoint)
            self._uncommitted.run(appending.UNCOMMITTED)
        return appending.settled(self.value, self._uncommitted.value, shape, column, since, highest)

    def lines(self, reading: Reading) -> Iterator[bytes]:
        pieces = ", ".join(_pieces(reading))
        source = f"{self.dialect.table(reading.shape)}{where(reading.conditions).text}"
        self._reading = self._connection.cursor(SSCursor)
        self._reading.execute(f"SELECT {pieces} FROM {source}")  # noqa: S608 - names are quoted, values are digits
        if reading.hidden:
            yield from _joined(iter(self._reading.fetchone, None), reading)
        else:
            for text in packets.single_texts(self._connection):
                if text is None:
                    raise _too_large(reading)
                yield text + b"\n"
            packets.ended(self._reading)
        self._reading = None


def _pieces(reading: Reading) -> Iterator[str]:
    """Give the expressions of a row: as many columns as possible in one text, a protected one by itself."""
    together: list[str] = []
    for column in reading.columns:
        text = column.text.format(WORDS.quoted(column.name))
        if column.name not in reading.hidden:
            together.append(_quoted(text, column))
            continue
        if together:
            yield _one(together)
        yield f"CAST({text} AS BINARY)"
        together = []
    if together:
        yield _one(together)


def _one(values: Sequence[str]) -> str:
    return f"CAST(CONCAT_WS(',', {', '.join(values)}) AS BINARY)"


def _quoted(text: str, column: ColumnShape) -> str:
    safe = text if column.is_plain else f"REPLACE({text}, '\"', '\"\"')"
    return f"IFNULL(CONCAT('\"', {safe}, '\"'), '\\\\N')"


def _joined(rows: Iterator[tuple[bytes | None, ...]], reading: Reading) -> Iterator[bytes]:
    """Put the pieces of each row together, the protected ones hidden."""
    hows = [reading.hidden.get(name) for name in _names(reading)]
    for row in rows:
        parts = []
        for piece, how in zip(row, hows, strict=True):
            if how is None:
                if piece is None:
                    raise _too_large(reading)
                parts.append(piece)
            else:
                text = None if piece is None else piece.decode()
                parts.append(quoted(protect.protected(text, how, reading.protection_key)).encode())
        yield b",".join(parts) + b"\n"


def _names(reading: Reading) -> list[str]:
    """Return for each piece the name of its protected column, empty for one of several columns."""
    names: list[str] = []
    for column in reading.columns:
        if column.name in reading.hidden:
            names.append(column.name)
        elif not names or names[-1]:
            names.append("")
    return names


def _too_large(reading: Reading) -> SyncError:
    said = "a row is longer than the server hands over (its setting max_allowed_packet)"
    return SyncError("bad_record", f"{reading.shape.name}: {said}. Raise it there, or leave out a large column.")
