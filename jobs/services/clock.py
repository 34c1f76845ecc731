"""The clock that decides: the database's, one for all machines, so that no worker's own clock matters."""

from __future__ import annotations

from datetime import datetime

from django.db import connection as database


def database_now() -> datetime:
    """Return the database's time at this moment, aware; also inside a transaction that began earlier."""
    with database.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now
