"""The demo's connections. Whatever they show later comes from runs that happened."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from connectors.models import Connection, Destination
from connectors.services import activity
from connectors.services.connect import check_and_discover, create_connection, create_destination, set_credentials
from dashboard.demo import databases
from dashboard.demo.databases import Server
from jobs.models import Trigger
from jobs.services.enqueue import enqueue_sync
from jobs.services.pausing import pause_connection

FIVE_MINUTES, QUARTER_HOUR, HOUR = 300, 900, 3600


@dataclass(frozen=True)
class Sandbox:
    """Where the payroll sandbox answers, and its key."""

    url: str
    api_key: str


@dataclass(frozen=True)
class _Demo:
    server: Server
    sandbox: Sandbox
    actor: User


def ensure_demo(*, server: Server, sandbox: Sandbox, actor: User) -> None:
    """Make what is missing of the demo, correct addresses that changed, and start the first syncs.

    Raises `psycopg.Error` when the server does not let us make databases, `SyncError` when a source refuses.
    """
    demo = _Demo(server, sandbox, actor)
    reader_password = _known_password("Webshop") or secrets.token_hex(16)
    databases.ensure_shop(server, reader_password)
    warehouse = _warehouse(demo)
    duck = _destination("Analytics file", "duckdb", {"file": "analytics"}, {})
    _webshop(demo, "Webshop", warehouse, FIVE_MINUTES, reader_password)
    _payroll(demo, warehouse)
    _rotated(demo, warehouse)
    _webshop(demo, "Webshop analytics", duck, QUARTER_HOUR, reader_password)
    _paused(demo, warehouse, reader_password)
    _unfinished(demo, warehouse)


def _warehouse(demo: _Demo) -> Destination:
    known = Destination.objects.filter(name="Warehouse").first()
    password = known.read_credentials()["password"] if known else secrets.token_hex(16)
    databases.ensure_warehouse(demo.server, password)
    config = {
        "host": demo.server.host,
        "port": demo.server.port,
        "database": databases.WAREHOUSE,
        "user": databases.LOADER,
        "sslmode": "prefer",
    }
    return _destination("Warehouse", "postgres", config, {"password": password})


def _destination(name: str, kind: str, config: dict[str, Any], credentials: dict[str, str]) -> Destination:
    known = Destination.objects.filter(name=name).first()
    if known is None:
        return create_destination(name=name, kind=kind, config=config, credentials=credentials)
    Destination.objects.filter(pk=known.pk).update(config=config)
    return known


def _webshop(demo: _Demo, name: str, destination: Destination, interval: int, password: str) -> Connection:
    connection, is_new = _connection(
        demo, name, "postgres", _shop_config(demo, databases.READER), destination, interval
    )
    if is_new:
        _go(connection, {"password": password})
    return connection


def _payroll(demo: _Demo, destination: Destination) -> None:
    config = {"base_url": demo.sandbox.url}
    connection, is_new = _connection(demo, "Halden payroll", "sandbox_payroll", config, destination, FIVE_MINUTES)
    if is_new:
        _go(connection, {"api_key": demo.sandbox.api_key})


def _rotated(demo: _Demo, destination: Destination) -> None:
    """A connection whose password was right when it was made, and was then changed at the source."""
    config = _shop_config(demo, databases.STAGING_READER)
    connection, is_new = _connection(demo, "Webshop staging", "postgres", config, destination, HOUR)
    if not is_new:
        return
    password = secrets.token_hex(16)
    databases.set_staging_password(demo.server, password)
    set_credentials(connection=connection, credentials={"password": password}, actor=demo.actor)
    check_and_discover(connection=connection)
    databases.set_staging_password(demo.server, secrets.token_hex(16))
    enqueue_sync(connection=connection, actor=None, trigger=Trigger.SYSTEM)


def _paused(demo: _Demo, destination: Destination, password: str) -> None:
    config = _shop_config(demo, databases.READER)
    connection, is_new = _connection(demo, "Webshop audit copy", "postgres", config, destination, HOUR)
    if is_new:
        _go(connection, {"password": password})
        pause_connection(
            connection=connection, reason="Auditors compare figures until the end of the month", actor=demo.actor
        )


def _unfinished(demo: _Demo, destination: Destination) -> None:
    _connection(demo, "Returns desk", "postgres", _shop_config(demo, "returns_reader"), destination, HOUR)


def _go(connection: Connection, credentials: dict[str, str]) -> None:
    set_credentials(connection=connection, credentials=credentials, actor=connection.created_by)
    check_and_discover(connection=connection)
    enqueue_sync(connection=connection, actor=None, trigger=Trigger.SYSTEM)


def _connection(
    demo: _Demo, name: str, provider: str, config: dict[str, Any], destination: Destination, interval: int
) -> tuple[Connection, bool]:
    """Return the connection of this name, made if it is missing or was left half-made, and whether it is new."""
    known = Connection.objects.filter(name=name).first()
    if known is None:
        with transaction.atomic():
            known = create_connection(
                name=name,
                provider=provider,
                config=config,
                destination=destination,
                interval_seconds=interval,
                actor=demo.actor,
            )
            activity.record("connection.created", actor=demo.actor, connection=known)
    else:
        Connection.objects.filter(pk=known.pk).update(config=config)
        known.config = config
    return known, known.last_job_id is None and not known.jobs.exists()


def _shop_config(demo: _Demo, user: str) -> dict[str, Any]:
    return {
        "host": demo.server.host,
        "port": demo.server.port,
        "database": databases.SHOP,
        "schema": "public",
        "user": user,
        "sslmode": "prefer",
    }


def _known_password(name: str) -> str:
    connection = Connection.objects.filter(name=name).first()
    return connection.read_credentials().get("password", "") if connection else ""
