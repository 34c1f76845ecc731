"""A connection whose files people deliver, made by the services that make real ones, and files for it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from django.utils import timezone

from connectors.ids import new_id
from connectors.models import Connection, Destination, Entity, Upload, UploadStatus
from connectors.services import connect, facts, uploads
from connectors.services.uploads import Incoming, Sender
from connectors.uploads import store
from tests.factories import make_destination

EMPLOYEES, PAYROLL = "Employees, CSV: employee_id*, email", "Payroll: employee_id, gross"
DECLARED = f"{EMPLOYEES}\n{PAYROLL}"
STAFF = [["employee_id", "email"], ["1", "ada@halden.example"], ["2", "grace@halden.example"]]
WAGES = [["employee_id", "gross"], ["1", "4200.50"], ["2", "3900.00"]]


def make_assisted(
    *, declared: str = DECLARED, companies: str = "", destination: Destination | None = None
) -> Connection:
    """Store a connection that awaits the `declared` files, set up to its end."""
    config: dict[str, Any] = {"files": declared, **({"companies": companies} if companies else {})}
    made = connect.create_connection(
        name=f"Halden files {Connection.objects.count() + 1}",
        provider="assisted",
        config=config,
        destination=destination or make_destination(),
        interval_seconds=6 * 60 * 60,
    )
    connect.set_credentials(connection=made, credentials={})
    connect.check_and_discover(connection=made)
    made.refresh_from_db()
    return made


def entity_of(connection: Connection, ref: str = "") -> Entity:
    """Return an entity of a connection as it is now."""
    return Entity.objects.select_related("connection").get(connection=connection, ref=ref)


def as_csv(rows: Iterable[Sequence[str]]) -> bytes:
    """Return rows as the bytes of a CSV file."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def checked(entity: Entity | None, name: str, rows: list[list[str]], **values: Any) -> Upload:
    """Store a file that was found good, without looking into it again: for what comes after."""
    content, pk = as_csv(rows), new_id()
    store.keep(pk, [content])
    connection = {"connection": entity.connection} if entity else {}
    defaults = {
        "table": name.lower(),
        "name": f"{name.lower()}.csv",
        "format": "csv",
        "size": len(content),
        "sha256": "0" * 64,
        "status": UploadStatus.CHECKED,
        "rows": len(rows) - 1,
        "columns": [{"name": one, "data_type": "text", "postgres_type": "text"} for one in rows[0]],
        "checked_at": timezone.now(),
    }
    made = Upload.objects.create(pk=pk, entity=entity, **{**defaults, **connection, **values})
    if entity:
        facts.refresh(facts.lock(entity.connection_id))
    return made


def upload(entity: Entity, name: str, data: bytes | list[list[str]], file: str = "") -> Upload:
    """Upload a file for the awaited file `name` of an entity, as an operator does, and return what became of it."""
    awaited = next(one for one in uploads.awaited_of(entity.connection) if one.name == name)
    content = data if isinstance(data, bytes) else as_csv(data)
    incoming = Incoming(file or f"{name.lower()}.csv", [content])
    return uploads.take_in(incoming=incoming, awaited=awaited, sender=Sender(), entity=entity, is_sent=True)
