"""The frame of every page: navigation, theme, roles, error pages."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.test import Client, RequestFactory, override_settings
from django.urls import resolve

from dashboard.access import Role
from dashboard.context import navigation, shell, theme_of
from dashboard.views.errors import server_error


def request_for(path: str) -> HttpRequest:
    request = RequestFactory().get(path)
    request.resolver_match = resolve(path)
    return request


def marked(path: str) -> dict[str, str]:
    """Return the entries of the navigation that are marked at `path`, to an admin."""
    return {item.label: item.current for item in navigation(request_for(path), Role.ADMIN) if item.current}


def test_navigation_marks_its_own_page() -> None:
    assert marked("/") == {"Connections": "page"}


def test_navigation_marks_the_section_of_a_page_below() -> None:
    assert marked("/connections/01a1f376-a902-75f3-b08f-448cbd9c1e65/") == {"Connections": "true"}


def test_navigation_marks_nothing_elsewhere() -> None:
    assert marked("/accounts/login/") == {}


def test_navigation_leads_nobody_where_they_may_not_go() -> None:
    shown = {role: {item.label for item in navigation(request_for("/"), role)} for role in Role}

    assert shown[Role.NONE] == set()
    assert "Activity" not in shown[Role.OPERATOR]
    assert shown[Role.OPERATOR] | {"Activity", "Settings"} == shown[Role.ADMIN]


@pytest.mark.parametrize(("cookie", "expected"), [("dark", "dark"), ("light", "light"), ('"><script>', ""), ("", "")])
def test_theme_is_one_of_two_or_the_systems(cookie: str, expected: str) -> None:
    request = RequestFactory().get("/")
    request.COOKIES["theme"] = cookie

    assert theme_of(request) == expected


def test_shell_values_need_no_query() -> None:
    values = shell(request_for("/"))

    assert values["zone"] == "UTC"
    assert values["environment"] == "Test"


def test_page_follows_the_theme_cookie(viewer: Client) -> None:
    viewer.cookies["theme"] = "dark"

    assert '<html lang="en" data-theme="dark">' in viewer.get("/nothing/").content.decode()


def test_unknown_address_keeps_the_shell_for_members(viewer: Client) -> None:
    response = viewer.get("/nothing/")

    page = response.content.decode()
    assert response.status_code == 404
    assert "There is nothing at this address" in page
    assert 'class="app"' in page
    assert 'aria-label="Account: viewer, viewer"' in page
    assert "Sign out" in page


def test_unknown_address_shows_strangers_no_shell(db: None) -> None:
    page = Client().get("/nothing/").content.decode()

    assert "There is nothing at this address" in page
    assert 'class="app"' not in page


def test_refused_action_names_the_role_it_needs(viewer: Client) -> None:
    response = viewer.post("/connections/01a1f376-a902-75f3-b08f-448cbd9c1e65/sync/")

    page = response.content.decode()
    assert response.status_code == 403
    assert "Your role does not allow this" in page
    assert "This needs the role operator." in page


def test_stale_form_says_so(db: None) -> None:
    response = Client(enforce_csrf_checks=True).post("/accounts/login/", {"login": "viewer"})

    assert response.status_code == 403
    assert "This form is out of date" in response.content.decode()


def test_bad_request_page_needs_nothing(db: None) -> None:
    response = Client(headers={"host": "elsewhere.example"}).get("/")

    assert response.status_code == 400
    assert "This request could not be read" in response.content.decode()


def test_server_error_page_needs_no_database_and_shows_the_logged_id(caplog: pytest.LogCaptureFixture) -> None:
    request = RequestFactory().get("/connections/?status=broken")

    response = server_error(request)

    page = response.content.decode()
    found = re.search(r'data-copy="([^"]+)"', page)
    assert response.status_code == 500
    assert found is not None
    assert UUID(found[1]).version == 7
    assert found[1] in caplog.text
    assert "Syncs keep running" in page
    assert 'href="/connections/?status=broken"' in page


def test_server_error_page_does_not_repeat_what_was_sent() -> None:
    page = server_error(RequestFactory().post("/jobs/1/cancel/")).content.decode()

    assert 'href="/jobs/1/cancel/"' not in page


def test_server_error_page_renders_without_any_context() -> None:
    assert "This page could not be shown" in render_to_string("500.html")


@override_settings(DEBUG=True)
def test_shell_keeps_scripts_and_styles_out_of_the_page(viewer: Client) -> None:
    response = viewer.get("/accounts/logout/")

    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert "style=" not in response.content.decode()
