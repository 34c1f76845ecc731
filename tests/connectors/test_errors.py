from __future__ import annotations

import errno
from pathlib import Path

import pytest
from django.db import DatabaseError

from connectors.engine.errors import classify
from connectors.engine.rows import RowFiles
from connectors.errors import REGISTRY
from connectors.failures import _AT_DESTINATION, _CONNECT_TEXTS, _HTTP, _SQLSTATES
from connectors.plan import Stopped, SyncError
from connectors.providers.feed import Column, RowChunk

COLUMNS = (Column("id", "text", nullable=False), Column("doc", "json"), Column("flag", "bool"))


def wrapped(inner: Exception) -> Exception:
    outer = RuntimeError("outer")
    outer.__cause__ = inner
    return outer


def test_every_code_that_is_told_is_in_the_registry() -> None:
    told = {
        *_SQLSTATES.values(),
        *_AT_DESTINATION.values(),
        *(pair[1] for pair in _CONNECT_TEXTS),
        *(row[1] for row in _HTTP),
    }

    assert told - REGISTRY.keys() == set()


@pytest.mark.parametrize(
    ("inner", "code"),
    [
        (SyncError("rate_limited"), "rate_limited"),
        (Stopped("cancelled_by_user"), "cancelled_by_user"),
        (OSError(errno.ENOSPC, "No space left on device"), "destination_full"),
        (TimeoutError("too slow"), "connection_timeout"),
        (KeyError("something"), "unknown_error"),
        (DatabaseError("connection refused"), "unknown_error"),
    ],
)
def test_the_innermost_known_exception_decides(inner: Exception, code: str) -> None:
    assert classify(wrapped(inner), "source").code == code


def test_an_unknown_exception_is_told_by_its_type() -> None:
    found = classify(wrapped(KeyError("something")), "source")

    assert isinstance(found, SyncError)
    assert found.detail == "KeyError: 'something'"


def test_rows_become_quoted_text(tmp_path: Path) -> None:
    files = RowFiles("things", COLUMNS, tmp_path)

    full = files.add(RowChunk([{"id": 'a "b"', "doc": {"ä": [1]}, "flag": True, "new": 1}, {"id": "", "flag": None}]))
    file = files.finish()

    assert full is None
    assert file is not None
    assert (file.row_count, file.path.read_text()) == (
        2,
        '"id","doc","flag"\n"a ""b""","{""ä"": [1]}","true"\n"",\\N,\\N\n',
    )
    assert files.finish() is None


@pytest.mark.parametrize("row", [{"doc": {}}, {"id": None}, {"id": ["a"]}, {"id": "nul \x00 inside"}])
def test_a_row_that_cannot_be_stored_is_a_bad_record(row: dict[str, object], tmp_path: Path) -> None:
    files = RowFiles("things", COLUMNS, tmp_path)

    with pytest.raises(SyncError) as caught:
        files.add(RowChunk([row]))
    files.finish()

    assert caught.value.code == "bad_record"
