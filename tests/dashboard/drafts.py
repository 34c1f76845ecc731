"""Connections whose setup goes on, step by step: what tests of the wizard share."""

from __future__ import annotations

from typing import Any

from django.contrib.messages import get_messages

from connectors.models import Connection, Destination, SetupStep
from connectors.plan import FoundEntity, FoundTable
from connectors.services import review
from connectors.services.connect import take_up
from connectors.services.setting_up import Settings, choose_tables, confirm_schedule, start_setup
from connectors.setup_steps import STEPS, waiting_step
from tests.conftest import member

PASSWORD = "blue boat & staple"
CONFIG = {"host": "db.harbour.example", "port": 5432, "database": "harbour", "schema": "public", "user": "reader"}
CONFIG |= {"sslmode": "prefer"}
FOUND = [
    FoundTable("berths", "public", ("id",)),
    FoundTable("ships", "public", ("id",)),
    FoundTable("shipments", "public"),
]


def settings(destination: Destination | None, **changes: Any) -> Settings:
    config = {**CONFIG, **{name: value for name, value in changes.items() if name in CONFIG}}
    return Settings(changes.get("name", "Harbour"), config, destination, changes.get("credentials", {}))


def make_draft(destination: Destination) -> Connection:
    """Return a connection that was configured, and waits for its test."""
    given = settings(destination, credentials={"password": PASSWORD})
    return start_setup(provider="postgres", settings=given, interval_seconds=21_600, actor=member("operator"))


def brought_to(connection: Connection, step: SetupStep) -> Connection:
    """Do all steps before `step`, as a person with a source that works would."""
    place = STEPS.index(step)
    if place > STEPS.index(SetupStep.TEST):
        review.record_accepted(connection=connection)
        take_up(connection=connection, entities=[FoundEntity("public", "harbour · public")], tables=FOUND)
    if place > STEPS.index(SetupStep.TABLES):
        tables = connection.tables.exclude(name="shipments")
        choose_tables(connection=connection, chosen={table.pk for table in tables}, actor=None)
    if place > STEPS.index(SetupStep.SCHEDULE):
        confirm_schedule(connection=connection)
    connection.refresh_from_db()
    assert waiting_step(connection) == step
    return connection


def at(connection: Connection, step: str) -> str:
    return f"/connections/{connection.pk}/new/{step}/"


def told(response: Any) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))
