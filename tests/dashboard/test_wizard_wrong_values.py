"""Wrong values typed into the first step of a new connection, and the sentence that each gets beside its field."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from connectors.models import Connection, Destination
from jobs.models import Job
from tests.factories import make_connection, make_destination

if TYPE_CHECKING:
    from django.test import Client

LONG = "x" * 5_000
POSTGRES = {
    "connection_name": "Harbour",
    "host": "db.harbour.example",
    "port": "5432",
    "database": "harbour",
    "schema": "public",
    "user": "reader",
    "password": "blue boat",
    "sslmode": "prefer",
}
PAYROLL = {"connection_name": "Harbour", "base_url": "https://pay.example", "api_key": "key"}
PORT = "“Port” is a whole number from 1 to 65535."
ADDRESS = "The address must begin with https:// or http://."
PLAIN = "The address must be a plain one: no user, password, “?” or “#”."
NULL = "Null characters are not allowed."

WRONG = [
    ("postgres", "connection_name", "", "Give the connection a name that its readers will know."),
    ("postgres", "connection_name", "   ", "Give the connection a name that its readers will know."),
    ("postgres", "connection_name", "Webshop", "“Webshop” is the name of another connection."),
    ("postgres", "connection_name", LONG, "at most 200 characters"),
    ("postgres", "connection_name", "Har\x00bour", NULL),
    ("postgres", "host", "", "Fill in “Host”."),
    ("postgres", "host", "postgres://db.example", "Leave out “postgres://”"),
    ("postgres", "host", "db.example:5432", "Leave out the port here, it has a field of its own."),
    ("postgres", "host", "me@db.example", "Leave out the user and the password"),
    ("postgres", "host", "db.example/harbour", "Leave out the path"),
    (
        "postgres",
        "host",
        " postgres://me:pw@db.example:5432/harbour?sslmode=require ",
        "Leave out “postgres://”, the user and the password, the port and the path: only the name",
    ),
    ("postgres", "host", "two words", "This is no name of a server"),
    ("postgres", "host", LONG, "at most 255 characters"),
    ("postgres", "host", "db\x00.example", NULL),
    ("postgres", "port", "", "Fill in “Port”."),
    ("postgres", "port", "0", PORT),
    ("postgres", "port", "65536", PORT),
    ("postgres", "port", "-5432", PORT),
    ("postgres", "port", "5432.5", PORT),
    ("postgres", "port", "five", PORT),
    ("postgres", "port", "9" * 5_000, PORT),
    ("postgres", "port", "5\x0032", PORT),
    ("postgres", "database", "", "Fill in “Database”."),
    ("postgres", "user", "  ", "Fill in “User”."),
    ("postgres", "password", "", "Fill in “Password”."),
    ("postgres", "password", "x" * 4_001, "at most 4000 characters"),
    ("postgres", "sslmode", "sometimes", "Select a valid choice. sometimes is not one of the available choices."),
    ("postgres", "destination_id", "", "Choose where the data lands, or add a destination."),
    ("postgres", "destination_id", "warehouse", "This destination is not there any more. Choose another one."),
    (
        "postgres",
        "destination_id",
        "01a20000-0000-7000-8000-000000000000",
        "This destination is not there any more. Choose another one.",
    ),
    ("postgres", "destination_id", "\x00", "This destination is not there any more. Choose another one."),
    ("sandbox_payroll", "base_url", "", "Fill in “Address”."),
    ("sandbox_payroll", "base_url", "pay.example", ADDRESS),
    ("sandbox_payroll", "base_url", "ftp://pay.example", ADDRESS),
    ("sandbox_payroll", "base_url", "https://pay.example:99999", ADDRESS),
    ("sandbox_payroll", "base_url", "https://", PLAIN),
    ("sandbox_payroll", "base_url", "https://me:secret@pay.example", PLAIN),
    ("sandbox_payroll", "base_url", "https://pay.example?key=1", PLAIN),
    ("sandbox_payroll", "api_key", "", "Fill in “API key”."),
]


@pytest.fixture
def warehouse(db: None) -> Destination:
    make_connection(name="Webshop")
    return make_destination(name="Warehouse")


@pytest.mark.parametrize(("provider", "field", "typed", "said"), WRONG)
def test_wrong_value_is_told_beside_its_field_and_nothing_is_stored(
    operator: Client, warehouse: Destination, provider: str, field: str, typed: str, said: str
) -> None:
    right = POSTGRES if provider == "postgres" else PAYROLL
    answer = {**right, "destination_id": str(warehouse.pk), field: typed}

    response = operator.post(f"/connections/new/{provider}/", answer)

    page = " ".join(response.content.decode().split())
    beside = re.search(rf'<p class="msg msg--bad" id="id_{field}_error">(.*?)</p>', page)
    assert response.status_code == 422
    assert beside is not None
    assert said in beside[1]
    assert page.count("msg--bad") == 1, "one field is wrong, and one is told"
    assert "blue boat" not in page
    assert Connection.objects.get().name == "Webshop"
    assert not Job.objects.exists()
