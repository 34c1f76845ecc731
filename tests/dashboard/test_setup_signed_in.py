"""The setup of a connection that an end user signed in: what that gave stays, until an operator types a key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from connectors import secrets, signing_in
from connectors.models import Activity, Connection, SetupStep
from connectors.services.activity import REPLACED
from connectors.services.duplicate import duplicate
from connectors.services.setting_up import Settings, change_setup
from connectors.signing_in import SignedIn
from tests.conftest import member
from tests.dashboard.pages import flat
from tests.factories import make_connection, make_entity
from tests.sandbox.running import API_KEY
from tests.sandbox.serving import Clock, serving

COMPANY = "co_halden_foods"


@pytest.fixture
def config() -> Iterator[dict[str, str]]:
    with serving(Clock()) as url:
        yield {"base_url": url}


@pytest.fixture
def signed_in(config: dict[str, str]) -> SignedIn:
    typed = {"username": "nora", "password": "payroll-nora"}
    found = signing_in.sign_in("sandbox_payroll", "credentials_mfa", config, typed)
    assert isinstance(found, SignedIn)
    return found


@pytest.fixture
def connection(db: None, signed_in: SignedIn) -> Connection:
    """A payroll connection with an end user's token and one company."""
    del db
    made = make_connection(name="Halden payroll", provider="sandbox_payroll", config=dict(signed_in.config))
    made.tables.update(name="employees", source_schema="", product="workforce")
    make_entity(made, ref=COMPANY, name="Halden Foods")
    sealed = secrets.seal(signed_in.secrets, owner=f"connection:{made.pk}")
    Connection.objects.filter(pk=made.pk).update(credentials=sealed, credentials_set_at=timezone.now())
    return fresh(made)


def fresh(connection: Connection) -> Connection:
    return Connection.objects.get(pk=connection.pk)


def post(client: Client, connection: Connection, **values: Any) -> Any:
    """Save the sign-in's part of the page as a browser does that has just opened it."""
    url = f"/connections/{connection.pk}/setup/"
    page = flat(client.get(url))
    found = re.search(r'name="part" value="source"><input type="hidden" name="seen" value="(\w+)"', page)
    assert found is not None
    form = {"base_url": connection.config["base_url"], "api_key": "", **values}
    return client.post(url, {"part": "source", "seen": found[1], **form})


def test_the_page_says_how_the_end_user_signed_in_and_misses_no_key(
    operator: Client, viewer: Client, connection: Connection, signed_in: SignedIn
) -> None:
    page = flat(operator.get(f"/connections/{connection.pk}/setup/"))

    assert "Sign-in of the end user</span>" in page
    assert '<span class="sub">User name and password</span>' in page
    assert "What is typed here takes its place; left empty, the sign-in stays." in page
    assert "Not set" not in page
    key = re.search(r'<input type="password"[^>]*name="api_key"[^>]*>', page)
    assert key is not None
    assert "required" not in key[0]
    assert signed_in.secrets["session_token"] not in page
    read_only = flat(viewer.get(f"/connections/{connection.pk}/setup/"))
    assert "<dt>Sign-in of the end user</dt><dd>" in read_only
    assert "Set <time" in read_only
    assert "User name and password" in flat(operator.get(f"/connections/{connection.pk}/"))


def test_saving_without_a_key_keeps_the_sign_in(operator: Client, connection: Connection, signed_in: SignedIn) -> None:
    response = post(operator, connection)

    assert response.status_code == 302, flat(response)
    found = fresh(connection)
    assert found.read_credentials() == signed_in.secrets
    assert found.config == signed_in.config
    assert not Activity.objects.exists()


def test_a_key_takes_the_place_of_the_sign_in(operator: Client, connection: Connection, config: dict[str, str]) -> None:
    response = post(operator, connection, api_key=API_KEY)

    assert response.status_code == 302, flat(response)
    found = fresh(connection)
    assert found.read_credentials() == {"api_key": API_KEY}
    assert found.config == config
    assert Activity.objects.get().changes == [
        {"field": "sign_in", "before": "credentials_mfa", "after": None},
        {"field": "api_key", "before": None, "after": REPLACED},
    ]
    assert "Sign-in of the end user" not in flat(operator.get(f"/connections/{connection.pk}/setup/"))


def test_a_wrong_key_leaves_the_sign_in(operator: Client, connection: Connection, signed_in: SignedIn) -> None:
    response = post(operator, connection, api_key="wrong-key-0815")

    assert response.status_code == 422
    assert fresh(connection).read_credentials() == signed_in.secrets
    assert fresh(connection).config == signed_in.config


def test_the_sign_in_is_sent_nowhere_else(operator: Client, connection: Connection, signed_in: SignedIn) -> None:
    response = post(operator, connection, base_url="http://127.0.0.1:1")

    assert response.status_code == 422
    assert "sent only to where it was made. Type a key for the new address." in flat(response)
    assert fresh(connection).config == signed_in.config


@pytest.fixture
def draft(connection: Connection) -> Connection:
    """The same while its setup is not finished."""
    Connection.objects.filter(pk=connection.pk).update(setup_step=SetupStep.TABLES)
    return fresh(connection)


def change(draft: Connection, config: dict[str, str], **credentials: str) -> Connection:
    given = Settings(draft.name, config, draft.destination, credentials)
    return change_setup(connection=draft, settings=given, actor=member("operator"))


def test_the_wizard_keeps_the_sign_in_and_what_was_found_by_it(
    draft: Connection, config: dict[str, str], signed_in: SignedIn
) -> None:
    found = change(draft, config)

    assert (found.config, found.read_credentials()) == (signed_in.config, signed_in.secrets)
    assert found.entities.count() == 1
    assert found.tested_at is not None


def test_a_key_in_the_wizard_takes_the_place_of_the_sign_in(draft: Connection, config: dict[str, str]) -> None:
    found = change(draft, config, api_key=API_KEY)

    assert (found.config, found.read_credentials()) == (config, {"api_key": API_KEY})
    assert found.entities.count() == 1
    assert found.tested_at is None


def test_another_address_in_the_wizard_is_another_source(draft: Connection) -> None:
    found = change(draft, {"base_url": "http://127.0.0.1:1"}, api_key=API_KEY)

    assert found.entities.count() == 0


def test_a_copy_was_signed_in_by_nobody(connection: Connection, config: dict[str, str]) -> None:
    copy = duplicate(connection=connection, actor=member("operator"))

    assert copy.config == config
