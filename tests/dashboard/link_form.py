"""The form that makes a connect link, as a person fills it in."""

from __future__ import annotations

import re
from typing import Any

from django.test import Client

from connectors.models import Destination
from tests.factories import make_destination

NEW = "/sessions/new/"
LINK = re.compile(r"http://testserver/connect/([A-Za-z0-9_-]{43})/")


def key_of(client: Client, address: str = NEW) -> str:
    """Return the key of the form, which makes one link however often it is sent."""
    found = re.search(r'name="key" value="([^"]+)"', client.get(address).content.decode())
    assert found
    return found[1]


def answer(client: Client, **values: Any) -> dict[str, Any]:
    """A whole answer for a link to the sandbox provider."""
    return {
        "key": key_of(client),
        "provider": "sandbox_payroll",
        "sandbox_payroll-products": ["payroll"],
        "sandbox_payroll-base_url": "https://payroll.example.com",
        "destination": str((Destination.objects.first() or make_destination(name="Warehouse")).pk),
        "end_user_name": "Halden Foods",
        "end_user_email": "dana@halden.example",
        "reference": "C-4471",
        "hours": "24",
        "then": "copy",
    } | values
