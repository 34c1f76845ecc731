"""All that a page reads, read at one moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection as database
from django.db import transaction


@contextmanager
def one_moment() -> Iterator[None]:
    """Let every query inside see the database as it was at the first of them.

    A page that says one thing in several places takes several queries. While jobs run, each of them would otherwise
    see another state, and a bar would not agree with the list below it. Inside a transaction that is open already its
    own rules hold.
    """
    if database.in_atomic_block:
        yield
        return
    with transaction.atomic():
        with database.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield
