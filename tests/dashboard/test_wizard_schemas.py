"""Choosing tables of several schemas: grouped by schema, and ticked a schema at a time."""

from __future__ import annotations

import pytest
from django.test import Client

from connectors.models import SetupStep, Table
from dashboard.pages.setup_link import step_href
from dashboard.pages.wizard import tables_of
from tests.factories import make_connection, make_entity

pytestmark = pytest.mark.django_db


def test_all_and_none_mean_one_schema(operator: Client) -> None:
    connection = make_connection(provider="mysql", setup_step=SetupStep.TABLES, config={"database": "crm, shop"})
    connection.tables.all().delete()
    for schema in ("crm", "shop"):
        make_entity(connection, ref=schema, dataset=f"copy__{schema}")
        for name in ("orders", "people"):
            Table.objects.create(connection=connection, name=name, source_schema=schema, keys=["id"])
    all_of = list(connection.tables.values_list("pk", flat=True))

    groups = tables_of(connection, all_of, "").groups
    page = operator.post(
        step_href(connection, SetupStep.TABLES), {"tables": all_of, "action": f"none:{groups[1].name}"}
    ).content.decode()

    assert [(group.label, [row.name for row in group.rows]) for group in groups] == [
        ("crm", ["orders", "people"]),
        ("shop", ["orders", "people"]),
    ]
    assert "2 of 4 chosen" in " ".join(page.split())
    assert "for each of" not in page
