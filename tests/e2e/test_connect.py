"""An end user connects through a link that an operator made, and the workers bring his data: all of it real."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.e2e import records
from tests.e2e.conftest import Visit
from tests.e2e.stack import Stack
from tests.e2e.visitor import Visitor

WHO = "Walk of the tests"
NAME = f"{WHO} · Sandbox Payroll"
CANARY = "canary-of-the-walk-4711"
LINK = re.compile(r"^http://[\d.]+:\d+/connect/[A-Za-z0-9_-]{43}/$")


def make_link(visitor: Visitor) -> str:
    """Make a link to the sandbox, as an operator, and return it."""
    page = visitor.page
    visitor.open("/sessions/new/")
    page.get_by_label("Sandbox Payroll").check()
    page.get_by_label("Destination", exact=True).select_option(label="Warehouse")
    page.get_by_label("Who connects").fill(WHO)
    page.get_by_role("button", name="Create link").click()
    link = page.get_by_role("region", name="Connect link").inner_text().strip()
    assert LINK.match(link)
    return link


def sign_in(page: Page, password: str) -> None:
    page.get_by_label("User name").fill("nora")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_end_user_connects_and_his_data_comes(stack: Stack, visit: Visit) -> None:
    records.wait_for_rest(stack)
    with visit("operator") as operator:
        link = make_link(operator)
    with visit("") as visitor:
        page = visitor.page
        visitor.expects(422)
        page.goto(link)
        page.get_by_role("button", name="Begin").click()
        page.get_by_role("checkbox").check()
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("button", name="User name and password").click()
        sign_in(page, CANARY)
        expect(page.get_by_role("alert")).to_contain_text("did not accept this sign-in")
        sign_in(page, "payroll-nora")
        page.get_by_label("Halden Bakeries GmbH").check()
        page.get_by_label("Halden Dairy BV").check()
        page.get_by_role("button", name="Connect the chosen companies").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("2 companies are connected")

        jobs = stack.rows(
            "SELECT jobs_job.id::text, trigger FROM jobs_job JOIN connectors_connection c ON c.id = connection_id "
            "WHERE c.name = %s ORDER BY jobs_job.id",
            NAME,
        )
        ended = [records.wait_for_end(stack, job).status for job, _ in jobs]
        page.reload()
        expect(page.get_by_role("main")).to_contain_text("The first copy is done")
        expect(page.get_by_text("Copied", exact=True)).to_have_count(2)

    assert [trigger for _, trigger in jobs] == ["session", "session"]
    assert ended == ["success", "success"]
    status, first = stack.rows(
        "SELECT status, first_job_id::text FROM sessions_log_session WHERE end_user_name = %s", WHO
    )[0]
    assert (status, first) == ("completed", jobs[0][0])
    # Neither the log nor an address that it names holds what was typed, nor the link.
    assert CANARY not in stack.text()
    assert link.split("/")[-2] not in stack.text()
