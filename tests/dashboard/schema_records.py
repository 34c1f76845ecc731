"""A connection whose source has changed: tables of two schemas, and one change of each kind."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from connectors.models import Connection, SchemaChange, SchemaPolicy, Table
from tests.factories import make_entity, make_ready_connection

INVOICES = [
    ["id", "bigint"],
    ["invoice_no", "character varying(24)"],
    ["customer_id", "bigint"],
    ["issued_on", "date"],
    ["status", "text"],
    ["amount_net", "numeric(10,2)"],
    ["pdf_blob", "bytea"],
    ["updated_at", "timestamp with time zone"],
]


def make_schema_connection(**values: Any) -> Connection:
    """An active connection whose tables were read three hours ago, with one table, `billing.invoices`."""
    read_at = timezone.now() - timedelta(hours=3)
    connection = make_ready_connection(**{"schema_policy": SchemaPolicy.REVIEW, "schema_read_at": read_at, **values})
    connection.tables.all().delete()
    make_entity(connection, ref="billing")
    make_table(connection, "invoices", INVOICES, mode="merge", keys=["id"], cursor="updated_at", source_keys=["id"])
    return connection


def make_table(connection: Connection, name: str, columns: list[list[str]] | None = None, **values: Any) -> Table:
    """A table whose columns were found and agreed on."""
    found = INVOICES[:2] if columns is None else columns
    usual = {"source_schema": "billing", "found": found, "agreed": found, "found_count": len(found)}
    usual |= {"estimated_rows": 12_000, "found_at": timezone.now()}
    return Table.objects.create(connection=connection, name=name, **{**usual, **values})


def make_change(table: Table, kind: str, column: str = "", **values: Any) -> SchemaChange:
    """A change that waits since an hour, counted where lists look."""
    found_at = timezone.now() - timedelta(hours=1)
    usual = {"connection": table.connection, "table": table, "kind": kind, "column": column, "found_at": found_at}
    change = SchemaChange.objects.create(**{**usual, **values})
    waiting = SchemaChange.objects.pending().filter(connection=table.connection).count()
    Connection.objects.filter(pk=table.connection_id).update(pending_changes=waiting)
    return change


def change_everything(connection: Connection) -> dict[str, SchemaChange]:
    """Let the source of `make_schema_connection` have one change of each kind, as a look at it would store them."""
    invoices = connection.tables.get(name="invoices")
    found = [pair for pair in INVOICES if pair[0] != "pdf_blob"]
    found = [["amount_net", "numeric(12,2)"] if pair[0] == "amount_net" else pair for pair in found]
    invoices.found = [*found, ["iban", "character varying(34)"]]
    invoices.found_count = len(invoices.found)
    invoices.save()
    refunds = make_table(connection, "refunds", is_selected=False)
    export = make_table(connection, "export_tmp", gone_at=timezone.now())
    numbers = make_table(connection, "numbers", mode="merge", keys=["id"], source_keys=["id"])
    return {
        "column_added": make_change(invoices, "column_added", "iban", after="character varying(34)"),
        "column_dropped": make_change(invoices, "column_dropped", "pdf_blob", before="bytea"),
        "column_retyped": make_change(
            invoices, "column_retyped", "amount_net", before="numeric(10,2)", after="numeric(12,2)"
        ),
        "table_added": make_change(refunds, "table_added"),
        "table_dropped": make_change(export, "table_dropped"),
        "key_changed": make_change(numbers, "key_changed", before="id", after="id, invoice_no"),
    }
