"""Connections to the sandbox with as many entities as a measurement asks for."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from benchmarks.installation import Installation
from tests.sandbox.running import API_KEY

if TYPE_CHECKING:
    from connectors.models import Connection

COMPANY = "co_halden_nordic"
_LONG = 86_400


def make_connections(here: Installation, count: int, *, prefix: str) -> list[Connection]:
    """Return new connections, tested, with one entity each, that run only when asked."""
    from connectors.models import Connection, Destination  # noqa: PLC0415 - Django is set up late
    from connectors.plan import FoundEntity  # noqa: PLC0415 - likewise
    from connectors.providers import registry  # noqa: PLC0415 - likewise
    from connectors.services import connect  # noqa: PLC0415 - likewise

    config = {"host": "127.0.0.1", "port": here.server.port, "user": "patchbay", "database": "warehouse"}
    destination = Destination.objects.filter(name="Warehouse").first() or connect.create_destination(
        name="Warehouse", kind="postgres", config=config, credentials={"password": here.server.password}
    )
    made = []
    tables = None
    for number in range(count):
        connection = connect.create_connection(
            name=f"{prefix} {number}",
            provider="sandbox_payroll",
            config={"base_url": here.sandbox.url},
            destination=destination,
            interval_seconds=_LONG,
        )
        Connection.objects.filter(pk=connection.pk).update(schedule_kind="manual")
        connect.set_credentials(connection=connection, credentials={"api_key": API_KEY})
        connection.refresh_from_db()
        tables = tables or registry.access(connection.provider).list_tables(connect.source_of(connection), COMPANY)
        connect.take_up(connection=connection, entities=[FoundEntity(COMPANY, COMPANY)], tables=tables)
        made.append(connection)
    return made


def fill(connections: list[Connection], entities: int) -> None:
    """Give each connection so many entities in all."""
    from connectors.models import Entity, Status  # noqa: PLC0415 - Django is set up late

    Entity.objects.bulk_create(
        Entity(
            connection=connection,
            ref=f"co_{number}",
            name=f"Company {number}",
            dataset=f"{connection.dataset}__{number}",
            status=Status.ACTIVE,
            status_reason="ok",
        )
        for connection in connections
        for number in range(1, entities)
    )


def on_schedule(connections: list[Connection], *, seconds: int) -> None:
    """Let connections run in this interval from now on."""
    from django.db import transaction  # noqa: PLC0415 - Django is set up late
    from django.utils import timezone  # noqa: PLC0415 - likewise

    from connectors.models import Connection  # noqa: PLC0415 - likewise
    from connectors.services import facts  # noqa: PLC0415 - likewise

    now = timezone.now()
    mine = Connection.objects.filter(pk__in=[connection.pk for connection in connections])
    mine.update(schedule_kind="interval", interval_seconds=seconds, anchor_at=now - timedelta(days=1))
    for connection in mine:
        with transaction.atomic():
            facts.refresh(facts.lock(connection.pk), now=now)
