"""What tests of every part share: members of each role, signed in."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.test.utils import override_settings
from pytest_django.live_server_helper import LiveServer

from tests.browser import browser  # noqa: F401 - a fixture, for every test


def pytest_collection_finish() -> None:
    """Keep what all tests share out of the search for garbage, which took a seventh of their time, and search less."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def member(role: str) -> User:
    """Return the member of a role, made on first use."""
    user, is_new = User.objects.get_or_create(username=role, defaults={"email": f"{role}@patchbay.example"})
    if is_new:
        user.groups.add(Group.objects.get_or_create(name=role)[0])
    return user


def _client(role: str) -> Client:
    client = Client()
    client.force_login(member(role), backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


@pytest.fixture
def viewer(db: None) -> Client:
    """A browser signed in as a viewer."""
    return _client("viewer")


@pytest.fixture
def operator(db: None) -> Client:
    """A browser signed in as an operator."""
    return _client("operator")


@pytest.fixture
def admin(db: None) -> Client:
    """A browser signed in as an admin."""
    return _client("admin")


@pytest.fixture(scope="session")
def live_server() -> Iterator[LiveServer]:
    """A server as pytest-django's, whose static files come through our middleware: hashed, joined, kept by browsers."""
    server = LiveServer("localhost", start=False)
    server.thread.static_handler = lambda application: application  # type: ignore[assignment]  # called with one, returns one
    # It is made once, so it may look through all static files at its start, and need not with each answer.
    with override_settings(WHITENOISE_AUTOREFRESH=False):
        server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def django_db_modify_db_settings_xdist_suffix() -> None:
    """Keep the database's name in every process of a spread run: each has a server of its own."""
