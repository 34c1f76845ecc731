"""From an exception anywhere under dlt to one code of the error registry.

dlt wraps: a driver's error sits several causes deep, inside the step's, the resource's or the load job's exception.
The innermost exception that we know decides. Nothing here imports dlt.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator

import requests

from connectors.failures import Side, at_side, http_failure, postgres_failure
from connectors.plan import Stopped, SyncError

_FULL = (errno.ENOSPC, errno.EDQUOT)


def classify(exception: BaseException, side: Side) -> SyncError | Stopped:
    """Return the `SyncError` or `Stopped` that `exception` stands for; `side` is who was spoken to."""
    chain = list(_chain(exception))
    for error in chain:
        if isinstance(error, (SyncError, Stopped)):
            return error
    if any(type(error).__module__.startswith("django.") for error in chain):
        # Patchbay's own database failed under the reporter; the driver's error below says nothing about the source.
        return SyncError("unknown_error", "Patchbay's own database could not be written to.")
    for error in reversed(chain):
        if found := _known(error, side):
            return found
    innermost = chain[-1]
    return SyncError("unknown_error", f"{type(innermost).__name__}: {_one_line(str(innermost))}")


def _chain(exception: BaseException) -> Iterator[BaseException]:
    """Walk from the outermost to the innermost: causes, contexts, and what dlt keeps in attributes."""
    seen: set[int] = set()
    queue: list[BaseException] = [exception]
    while queue:
        error = queue.pop(0)
        if id(error) in seen:
            continue
        seen.add(id(error))
        yield error
        inner = (error.__cause__, error.__context__, *(getattr(error, name, None) for name in _WRAPPED))
        queue.extend(found for found in inner if isinstance(found, BaseException))


# Where dlt keeps the exception that it wraps: PipelineStepFailed, load job and database exceptions.
_WRAPPED = ("exception", "client_exception", "job_exception", "dbapi_exception")


def _known(error: BaseException, side: Side) -> SyncError | None:
    module = type(error).__module__.partition(".")[0]
    if module in {"psycopg", "psycopg2"} and isinstance(error, Exception):
        # dlt writes to destinations with psycopg2; sources are read with psycopg 3.
        return postgres_failure(error, "destination" if module == "psycopg2" else side)
    if isinstance(error, requests.RequestException):
        return http_failure(error)
    if module in {"duckdb", "_duckdb"}:
        return _duckdb_failure(error)
    if type(error).__name__ == "SchemaIdentifierNormalizationCollision":
        return SyncError("misconfigured", _one_line(str(error)))  # "Id" and "id" in one table, and DuckDB
    return _machine_failure(error, side)


def _machine_failure(error: BaseException, side: Side) -> SyncError | None:
    if isinstance(error, OSError) and error.errno in _FULL:
        return SyncError("destination_full", "The disk of this machine is full.")
    if isinstance(error, TimeoutError):
        return SyncError(at_side("connection_timeout", side), _one_line(str(error)))
    return SyncError("bad_record", _one_line(str(error))) if isinstance(error, UnicodeDecodeError) else None


def _duckdb_failure(error: BaseException) -> SyncError | None:
    text, name = _one_line(_without_row(str(error))), type(error).__name__
    if "No space left" in text:
        return SyncError("destination_full", text)
    if name == "IOException":
        code = "destination_unreachable" if "lock" in text.lower() else "destination_permission_denied"
        return SyncError(code, text)
    if name in {"ConversionException", "OutOfRangeException", "ConstraintException", "InvalidInputException"}:
        return SyncError("bad_record", text)
    return None


def _without_row(text: str) -> str:
    """Leave out what DuckDB's CSV reader quotes and advises: the whole row, which a job's record must not hold."""
    text = re.sub(r"Original Line:.*(?=Error when converting)", "", text, flags=re.DOTALL)
    return re.split(r"Original Line:|\n\s*Column .* is being converted|Possible (?:solutions|fixes):", text)[0]


def _one_line(text: str, limit: int = 500) -> str:
    return " ".join(text.split())[:limit]
