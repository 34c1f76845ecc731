"""Signing in and out."""

from __future__ import annotations

import re

import pytest
from django.core.cache import cache
from django.test import Client, override_settings
from django.urls import NoReverseMatch, reverse

from tests.conftest import member

PASSWORD = "a password of 12"
LOGIN = "/accounts/login/"


@pytest.fixture
def account(db: None) -> str:
    user = member("operator")
    user.set_password(PASSWORD)
    user.save()
    return user.username


@pytest.mark.parametrize("name", ["operator", "operator@patchbay.example"])
def test_login_by_name_or_address(account: str, name: str) -> None:
    client = Client()

    response = client.post(LOGIN, {"login": name, "password": PASSWORD})

    assert (response.status_code, response.headers["Location"]) == (302, "/")
    assert "_auth_user_id" in client.session


def test_login_leads_back_to_where_the_visitor_wanted_to_go(account: str) -> None:
    response = Client().post(f"{LOGIN}?next=/jobs/", {"login": account, "password": PASSWORD, "next": "/jobs/"})

    assert response.headers["Location"] == "/jobs/"


def test_wrong_password_keeps_the_name_and_drops_the_password(account: str) -> None:
    page = Client().post(LOGIN, {"login": account, "password": "another secret"}).content.decode()

    assert "This name and password do not match" in page
    assert f'value="{account}"' in page
    assert "another secret" not in page
    assert re.findall(r'name="(\w+)"[^>]* autofocus', page) == ["password"]


def test_sign_in_starts_at_the_name(db: None) -> None:
    page = Client().get(LOGIN).content.decode()

    assert re.findall(r'name="(\w+)"[^>]* autofocus', page) == ["login"]


def test_unknown_name_says_the_same_as_a_wrong_password(db: None) -> None:
    page = Client().post(LOGIN, {"login": "nobody", "password": PASSWORD}).content.decode()

    assert "This name and password do not match" in page


@override_settings(ACCOUNT_RATE_LIMITS={"login_failed": "5/300s/key"})
def test_wrong_passwords_pause_the_sign_in(account: str) -> None:
    cache.clear()
    client = Client()
    for _ in range(5):
        client.post(LOGIN, {"login": account, "password": "another secret"})

    page = client.post(LOGIN, {"login": account, "password": PASSWORD}).content.decode()

    assert "Too many wrong tries: signing in is paused" in page
    assert "_auth_user_id" not in client.session
    cache.clear()


def test_empty_form_points_at_the_fields(db: None) -> None:
    page = Client().post(LOGIN, {}).content.decode()

    assert page.count('class="msg msg--bad"') == 2
    assert 'aria-describedby="id_login_error"' in page
    assert 'id="id_login_error"' in page
    assert page.count("autofocus") == 1


def test_sign_out_asks_first_and_needs_a_post(operator: Client) -> None:
    asked = operator.get("/accounts/logout/")

    assert "Sign out of Patchbay?" in asked.content.decode()
    assert "_auth_user_id" in operator.session


def test_sign_out_ends_the_session(operator: Client) -> None:
    response = operator.post("/accounts/logout/")

    assert response.headers["Location"] == LOGIN
    assert "_auth_user_id" not in operator.session


def test_account_that_is_switched_off_cannot_sign_in(account: str) -> None:
    user = member("operator")
    user.is_active = False
    user.save()
    client = Client()

    response = client.post(LOGIN, {"login": account, "password": PASSWORD}, follow=True)

    assert "This account is not active" in response.content.decode()
    assert "_auth_user_id" not in client.session


def test_nobody_signs_up() -> None:
    with pytest.raises(NoReverseMatch):
        reverse("account_signup")
