"""A moment for a query whose filters no index answers, so that a page with odd filters is told to ask for less."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, transaction

PATIENCE_MS = 2_000
_TIMED_OUT = "57014"


class TooLateError(Exception):
    """A query was given up, as it took longer than a page may."""


@contextmanager
def patience() -> Iterator[None]:
    """Give the queries inside a moment each. Raises `TooLateError` for one that takes longer."""
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL statement_timeout = {PATIENCE_MS}")
            yield
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != _TIMED_OUT:
            raise
        raise TooLateError from error
