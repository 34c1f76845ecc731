"""A database where things land, on the test server, for the tests of destinations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from tests.servers import POSTGRES

if TYPE_CHECKING:
    from connectors.models import Destination

DATABASE, LOADER, READER, PASSWORD = "lands_here", "lands_loader", "lands_reader", "loader-password-1512"
PLACE = {"host": "127.0.0.1", "port": str(POSTGRES.server.port), "database": DATABASE, "user": LOADER}


@contextmanager
def landing_place() -> Iterator[None]:
    """Make a database with a role that may create schemas in it and one that may not, and remove them afterwards."""
    name, *roles = (sql.Identifier(one) for one in (DATABASE, LOADER, READER))
    with psycopg.connect(POSTGRES.server.url("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(name))
        for role in roles:
            admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(PASSWORD)))
        admin.execute(sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(name, roles[0]))
        yield
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
        for role in roles:
            admin.execute(sql.SQL("DROP ROLE {}").format(role))


def url(destination: Destination, action: str = "") -> str:
    """Return an address of a destination."""
    return f"/destinations/{destination.pk}/{action}"
