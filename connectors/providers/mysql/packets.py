"""Reads the rows of a statement that gives one text a row, straight from the driver's buffer.

The driver makes an object of each packet and a value of each field, which takes longer than the server does for the
rows. This is all that the protocol says of such a row (MySQL documentation, “Text Resultset Row”). What is used here of
the driver is not public, so it is kept in this file.
"""

# ruff: noqa: SLF001 - see above

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pymysql
from pymysql.constants import CR
from pymysql.cursors import SSCursor
from pymysql.err import raise_mysql_exception

# A packet of this size goes on in the next one.
_FULL = 0xFFFFFF
_HEAD = 4
# The first byte of a row is the length of its text, or says what follows; the last two also begin other packets.
_NULL, _TWO, _THREE, _EIGHT, _ERROR = 0xFB, 0xFC, 0xFD, 0xFE, 0xFF
_LONGEST_END = 8


def single_texts(connection: pymysql.Connection[Any]) -> Iterator[bytes | None]:
    """Give the text of each row of the statement that an `SSCursor` just began. Raises PyMySQL's errors."""
    connection_: Any = connection
    read = connection_._rfile.read
    while True:
        head = read(_HEAD)
        size = int.from_bytes(head[:3], "little")
        body = read(size)
        if len(head) < _HEAD or len(body) < size:
            raise pymysql.err.OperationalError(CR.CR_SERVER_LOST, "Lost connection to MySQL server during query")
        while size == _FULL:
            head = read(_HEAD)
            size = int.from_bytes(head[:3], "little")
            body += read(size)
        first = body[0]
        if first < _NULL:
            yield body[1:]
        elif first == _TWO:
            yield body[3:]
        elif first == _THREE:
            yield body[4:]
        elif first == _NULL:
            yield None
        elif first == _EIGHT and len(body) > _LONGEST_END:
            yield body[9:]
        elif first == _ERROR:
            raise_mysql_exception(body)
        else:
            connection_._next_seq_id = (head[3] + 1) % 256
            return


def ended(cursor: SSCursor) -> None:
    """Tell the driver that all rows of a statement are read, or that nobody will read them."""
    cursor_: Any = cursor
    result = cursor_._result
    if result is not None:
        result.unbuffered_active = False
        result.connection = None


def cut(connection: pymysql.Connection[Any]) -> None:
    """Close the line at once, in the middle of rows as well."""
    connection_: Any = connection
    connection_._force_close()
