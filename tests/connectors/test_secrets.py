"""Credentials: sealed, bound to their row, readable with older keys, and out of everything that is said."""

from __future__ import annotations

import base64
import json
import secrets as random
from urllib.parse import quote, quote_plus

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from connectors.plan import Endpoint
from connectors.secrets import Redactor, UnreadableSecretError, seal, unseal

VALUES = {"password": "pässword/with spaces & 'quotes\"", "api_key": "sk_live_4711"}
OWNER = "connection:0197c0de"


def new_key() -> str:
    return base64.urlsafe_b64encode(random.token_bytes(32)).decode()


def test_what_is_sealed_opens_again() -> None:
    assert unseal(seal(VALUES, owner=OWNER), owner=OWNER) == VALUES


def test_stored_bytes_hold_nothing_readable_and_differ_each_time() -> None:
    first, second = seal(VALUES, owner=OWNER), seal(VALUES, owner=OWNER)

    assert first != second
    for word in ("password", "sk_live_4711", "api_key"):
        assert word.encode() not in first


@pytest.mark.parametrize("stored", [None, b"", memoryview(b"")])
def test_nothing_stored_opens_as_nothing(stored: bytes | memoryview | None) -> None:
    assert unseal(stored, owner=OWNER) == {}


def test_memoryview_of_the_database_opens() -> None:
    assert unseal(memoryview(seal(VALUES, owner=OWNER)), owner=OWNER) == VALUES


def test_sealed_value_that_was_moved_to_another_row_does_not_open() -> None:
    with pytest.raises(UnreadableSecretError, match="belong to another record"):
        unseal(seal(VALUES, owner=OWNER), owner="destination:0197c0de")


@pytest.mark.parametrize("place", [5, 16, 17, -1])
def test_damaged_value_does_not_open(place: int) -> None:
    sealed = bytearray(seal(VALUES, owner=OWNER))
    sealed[place] ^= 1

    with pytest.raises(UnreadableSecretError):
        unseal(bytes(sealed), owner=OWNER)


@pytest.mark.parametrize("length", [1, 4, 5, 16, 20])
def test_value_that_was_cut_off_does_not_open(length: int) -> None:
    with pytest.raises(UnreadableSecretError):
        unseal(seal(VALUES, owner=OWNER)[:length], owner=OWNER)


def test_older_key_opens_and_the_newest_seals(settings: Settings) -> None:
    old, new = new_key(), new_key()
    settings.PATCHBAY_ENCRYPTION_KEYS = [old]
    sealed = seal(VALUES, owner=OWNER)

    settings.PATCHBAY_ENCRYPTION_KEYS = [new, old]
    again = seal(unseal(sealed, owner=OWNER), owner=OWNER)

    settings.PATCHBAY_ENCRYPTION_KEYS = [new]
    assert unseal(again, owner=OWNER) == VALUES
    with pytest.raises(UnreadableSecretError, match="not in PATCHBAY_ENCRYPTION_KEYS"):
        unseal(sealed, owner=OWNER)


@pytest.mark.parametrize("keys", [[], ["c2hvcnQ="]])
def test_ring_without_a_usable_key_is_refused(keys: list[str], settings: Settings) -> None:
    settings.PATCHBAY_ENCRYPTION_KEYS = keys

    with pytest.raises(ImproperlyConfigured, match="PATCHBAY_ENCRYPTION_KEYS"):
        seal(VALUES, owner=OWNER)


def test_refusal_names_the_record_and_shows_no_key(settings: Settings) -> None:
    key = new_key()
    settings.PATCHBAY_ENCRYPTION_KEYS = [key]
    sealed = seal(VALUES, owner=OWNER)
    settings.PATCHBAY_ENCRYPTION_KEYS = [new_key()]

    with pytest.raises(UnreadableSecretError) as refused:
        unseal(sealed, owner=OWNER)

    assert OWNER in str(refused.value)
    assert key not in str(refused.value)


SECRET = "p&ss w/ord+\"1'\\ü"


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET, safe=""),
        quote(SECRET),
        quote_plus(SECRET),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        repr(SECRET),
        SECRET.replace("\\", "\\\\").replace("'", "\\'"),
        quote(SECRET, safe="").lower(),
    ],
    ids=["plain", "url", "path", "form", "json", "json in utf-8", "repr", "conninfo", "url in lower case"],
)
def test_redactor_removes_every_form_of_a_secret(form: str) -> None:
    said = Redactor([SECRET])(f"could not open {form} at host")

    assert said.strip("\"'").replace('"', "").replace("'", "") == "could not open [hidden] at host"


def test_redactor_removes_the_longer_of_two_secrets_first() -> None:
    assert Redactor(["secret", "secret-and-more"])("a secret-and-more b secret") == "a [hidden] b [hidden]"


def test_redactor_leaves_short_values_and_other_text() -> None:
    text = "The port 5432 of db is closed."

    assert Redactor(["", "db", "is"])(text) == text


def test_endpoint_shows_no_secret() -> None:
    endpoint = Endpoint("postgres", {"host": "db"}, {"password": "hunter2-canary"})

    for shown in (repr(endpoint), str(endpoint), f"{endpoint}", repr([endpoint])):
        assert "hunter2-canary" not in shown
