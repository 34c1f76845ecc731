"""The test of a connection in a real browser, by keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from connectors.models import Connection
from jobs.models import Job, JobType
from jobs.runner import run_job
from tests.browser import Chromium, aside, window
from tests.factories import make_entity, make_ready_connection


@pytest.fixture
def connection(live_server: LiveServer) -> Connection:
    """A connection that is set up and has its next run in an hour."""
    del live_server
    connection = make_ready_connection(name="Harbour Shop")
    make_entity(connection, next_run_at=timezone.now() + timedelta(hours=1))
    return connection


@pytest.fixture
def page(live_server: LiveServer, admin: Client, connection: Connection, browser: Chromium) -> Iterator[Page]:
    """The connection's page, opened by an admin; an error in a script or a breach of the policy fails the test."""
    with window(browser, admin, f"{live_server.url}{connection.get_absolute_url()}") as opened:
        yield opened


def run_the_test() -> None:
    """Do what a worker does."""
    run_job(Job.objects.get(type=JobType.TEST_CONNECTION).pk)


def test_test_starts_by_keyboard_and_its_end_comes_into_the_dialog(page: Page) -> None:
    page.get_by_role("button", name="Test connection").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", level=2)).to_have_text("Test connection: waiting for a worker")
    expect(dialog.get_by_role("status")).to_have_text("Testing Harbour Shop")

    # What a worker would do: these settings name no user.
    aside(run_the_test)

    expect(dialog.get_by_role("heading", level=2)).to_have_text("Test connection: misconfigured")
    expect(dialog.get_by_role("status")).to_have_text("Test connection: misconfigured")
    expect(dialog.get_by_role("button", name="Test again")).to_be_enabled()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Test connection")).to_be_focused()
