"""The demo's own databases on the server that Patchbay uses: a shop to read from, a warehouse to load into."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from connectors.sandbox.shop import create_shop

SHOP, READER, STAGING_READER = "shop", "shop_reader", "shop_staging"
WAREHOUSE, LOADER = "warehouse", "warehouse_loader"


@dataclass(frozen=True)
class Server:
    """Where the databases are; `admin_url` may create databases and roles."""

    admin_url: str

    @property
    def host(self) -> str:
        """The server's host."""
        return urlsplit(self.admin_url).hostname or "127.0.0.1"

    @property
    def port(self) -> int:
        """The server's port."""
        return urlsplit(self.admin_url).port or 5432


def ensure_shop(server: Server, reader_password: str) -> None:
    """Make the shop with its orders, and a role that may only read it. Raises `psycopg.Error`."""
    create_shop(server.admin_url, database=SHOP, reader=READER, reader_password=reader_password)


def ensure_warehouse(server: Server, loader_password: str) -> None:
    """Make the warehouse and the role that loads into it. Raises `psycopg.Error`."""
    with psycopg.connect(server.admin_url, autocommit=True) as connection:
        set_role(connection, LOADER, loader_password)
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [WAREHOUSE]).fetchone():
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(WAREHOUSE), sql.Identifier(LOADER))
            )


def set_staging_password(server: Server, password: str) -> None:
    """Give the staging reader a password, making it on first use: a reader of the shop with its own sign-in."""
    with psycopg.connect(server.admin_url, autocommit=True) as connection:
        set_role(connection, STAGING_READER, password)
        connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(READER), sql.Identifier(STAGING_READER)))


def set_role(connection: psycopg.Connection[tuple[object, ...]], role: str, password: str) -> None:
    """Make a role that may sign in, or give it a new password."""
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    verb = sql.SQL("ALTER ROLE" if known else "CREATE ROLE")
    connection.execute(sql.SQL("{} {} LOGIN PASSWORD {}").format(verb, sql.Identifier(role), sql.Literal(password)))
