"""People are enrolled in a real browser, from the connection's menu to the lines of the job."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from connectors import secrets
from connectors.models import Connection
from jobs.models import Job
from jobs.runner import run_job
from tests.browser import Chromium, aside, window
from tests.factories import make_connection, make_entity
from tests.sandbox.running import API_KEY, Running


@pytest.fixture
def connection(live_server: LiveServer, sandbox: Running) -> Connection:
    """A connection to the sandbox with one company."""
    del live_server
    made = make_connection(
        provider="sandbox_payroll", config={"base_url": sandbox.url}, credentials_set_at=timezone.now()
    )
    made.credentials = secrets.seal({"api_key": API_KEY}, owner=f"connection:{made.pk}")
    made.save(update_fields=["credentials"])
    make_entity(made, ref="co_halden_uk", name="Halden Foods UK Ltd")
    return made


def run_the_job() -> None:
    """Do what a worker does."""
    run_job(Job.objects.get().pk)


def test_people_are_found_chosen_reviewed_and_enrolled(
    live_server: LiveServer, operator: Client, connection: Connection, sandbox: Running, browser: Chromium
) -> None:
    have = {
        one["employee_id"]
        for one in sandbox.rows("/v1/companies/co_halden_uk/benefit-enrollments")
        if one["plan_name"] == "Dental Plus"
    }
    staff = [
        one
        for one in sandbox.rows("/v1/companies/co_halden_uk/employees")
        if one["id"] not in have and not one["termination_date"]
    ]
    first, second = staff[0], staff[-1]
    with window(browser, operator, f"{live_server.url}{connection.get_absolute_url()}actions/") as page:
        page.get_by_role("link", name="Enrol in benefits…").click()
        page.get_by_role("button", name="Look at the source").click()
        for person in (first, second):
            page.get_by_label("Find people").fill(f"{person['first_name']} {person['last_name']}")
            page.keyboard.press("Enter")
            page.locator(f"input[value={person['id']}]").check()
        page.get_by_role("radio", name="Dental Plus").check()
        page.get_by_label("Covers").select_option("employee")
        page.get_by_label("Employee pays a month").fill("25.50")
        page.get_by_role("button", name="Review").click()
        expect(page.get_by_text("Fill in “Starts on”.")).to_be_visible()
        page.get_by_label("Starts on").fill(timezone.now().date().isoformat())
        page.get_by_role("button", name="Review").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(
            "2 people will be enrolled in Dental Plus at Halden"
        )
        page.get_by_role("button", name="Enrol 2 people").click()
        expect(page.get_by_role("heading", name="People")).to_be_visible()

        aside(run_the_job)

        expect(page.get_by_role("heading", level=1)).to_have_text("Success: 2 people enrolled, confirmed by the source")
        expect(page.get_by_role("row", name=first["id"])).to_contain_text("Enrolled")
        expect(page.get_by_role("row", name=second["id"])).to_contain_text("Enrolled")
