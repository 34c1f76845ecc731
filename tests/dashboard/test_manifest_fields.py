"""Controls made from a manifest: what wrong values get, that secrets stay out of the page, and what is kept."""

from __future__ import annotations

import pytest
from django import forms

from connectors.destinations import registry as destinations
from connectors.providers import registry as providers
from connectors.providers.manifest import Field
from dashboard.forms.manifest_fields import add_controls, secrets_of, settings_of

POSTGRES = destinations.manifest("postgres").fields
DUCKDB = destinations.manifest("duckdb").fields
PAYROLL = providers.manifest("sandbox_payroll").fields
GOOD = {"host": "db.example.com", "port": "5432", "database": "lake", "user": "loader", "sslmode": "prefer"}


def form_of(fields: tuple[Field, ...], data: dict[str, str] | None = None, stored: tuple[str, ...] = ()) -> forms.Form:
    form = forms.Form(data)
    add_controls(form, fields, stored=stored)
    return form


def test_valid_answers_become_settings_and_secrets() -> None:
    form = form_of(POSTGRES, {**GOOD, "host": " db.example.com ", "password": " with blanks "})

    assert form.is_valid()
    assert settings_of(form, POSTGRES) == {**GOOD, "port": 5432}
    assert secrets_of(form, POSTGRES) == {"password": " with blanks "}


def test_stored_secret_is_neither_shown_nor_asked_for_again() -> None:
    form = form_of(POSTGRES, GOOD, stored=("password",))

    assert form.is_valid()
    assert secrets_of(form, POSTGRES) == {}
    assert form["password"].help_text == "Leave it empty to keep what is stored."
    assert "typed-secret" not in str(form_of(POSTGRES, {**GOOD, "host": "", "password": "typed-secret"}))


@pytest.mark.parametrize("host", ["localhost", "10.0.0.1", "::1", "[2001:db8::1]", "my_host", "warehouse-1.example."])
def test_names_and_addresses_are_hosts(host: str) -> None:
    assert form_of(POSTGRES, {**GOOD, "host": host, "password": "x"}).errors == {}


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("host", "", "Fill in “Host”."),
        ("host", "   ", "Fill in “Host”."),
        ("host", "postgres://db.example.com/lake", "Leave out “postgres://”"),
        ("host", "loader@db.example.com", "Leave out the user and the password"),
        ("host", "db.example.com/lake", "Leave out the path"),
        ("host", "db.example.com:5432", "Leave out the port here"),
        ("host", "[::1]:5432", "Leave out the port here"),
        ("host", "db example com", "This is no name of a server"),
        ("host", "db\x00", "Null characters are not allowed."),
        ("host", "h" * 256, "at most 255 characters"),
        ("port", "", "Fill in “Port”."),
        ("port", "0", "“Port” is a whole number from 1 to 65535."),
        ("port", "65536", "“Port” is a whole number from 1 to 65535."),
        ("port", "-1", "“Port” is a whole number from 1 to 65535."),
        ("port", "5432.5", "“Port” is a whole number from 1 to 65535."),
        ("port", "five", "“Port” is a whole number from 1 to 65535."),
        ("port", "9" * 400, "“Port” is a whole number from 1 to 65535."),
        ("database", "", "Fill in “Database”."),
        ("user", "", "Fill in “User”."),
        ("user", "u" * 256, "at most 255 characters"),
        ("password", "", "Fill in “Password”."),
        ("password", "p" * 4001, "at most 4000 characters"),
        ("sslmode", "", "Fill in “Encryption”."),
        ("sslmode", "sometimes", "sometimes is not one of the available choices."),
    ],
)
def test_wrong_settings_of_postgres_are_told_beside_their_field(field: str, typed: str, said: str) -> None:
    form = form_of(POSTGRES, {**GOOD, "password": "x", field: typed})

    assert list(form.errors) == [field]
    assert said in str(form.errors[field])


@pytest.mark.parametrize("typed", ["", "../etc", "a/b", "-lake", "lake.db", "lake\n", ".duckdb", "x" * 81, "Größe"])
def test_wrong_file_names_are_refused(typed: str) -> None:
    form = form_of(DUCKDB, {"file": typed})

    # A line break at the end is no part of the name: it is cut off.
    assert form.is_valid() == (typed == "lake\n")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Fill in “Address”."),
        ("payroll.example.com", "must begin with https:// or http://"),
        ("ftp://payroll.example.com", "must begin with https:// or http://"),
        ("https://", "must be a plain one"),
        ("https://me:pw@payroll.example.com", "must be a plain one"),
        ("https://payroll.example.com/?key=1", "must be a plain one"),
        ("https://payroll.example.com:99999", "must begin with https:// or http://"),
        ("javascript:alert(1)", "must begin with https:// or http://"),
    ],
)
def test_wrong_addresses_are_refused(typed: str, said: str) -> None:
    form = form_of(PAYROLL, {"base_url": typed, "api_key": "k"})

    assert said in str(form.errors["base_url"])


def test_api_in_a_private_network_without_dots_is_an_address() -> None:
    assert form_of(PAYROLL, {"base_url": "http://sandbox:8000", "api_key": "k"}).errors == {}
