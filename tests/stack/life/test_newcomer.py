"""A new operator, from the empty page to the first success: a database of the test's own, real jobs, real workers."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser import Chromium
from tests.e2e.stack import Stack
from tests.e2e.visitor import Visitor, visiting
from tests.stack.life.conftest import stack_of
from tests.stack.up import Up

PASSWORD = "blue boat & staple"
ROWS = {"berths": 500, "ships": 40}
# Milliseconds.
ONE_JOB = 60_000
NEWCOMER = """
    INSERT INTO auth_user
        (username, password, email, first_name, last_name, is_active, is_staff, is_superuser, date_joined)
    SELECT 'newcomer', password, '', '', '', true, false, false, now() FROM auth_user
"""
OPERATOR = """
    INSERT INTO auth_user_groups (user_id, group_id) SELECT u.id, g.id FROM auth_user u, auth_group g
    WHERE u.username = 'newcomer' AND g.name = 'operator'
"""


@pytest.fixture
def empty(up: Up) -> Stack:
    """A stack as a first start without the demo leaves it, with an operator beside its admin."""
    up.wait_for("ready after")
    running = stack_of(up)
    # Members are made by admins later; this one signs in with the admin's password.
    running.run(NEWCOMER)
    running.run(OPERATOR)
    return running


def make_databases(stack: Stack) -> None:
    """Make the source with its reader, and an empty database to load into with its loader."""
    for role in ("harbour_reader", "lake_loader"):
        stack.run(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")
    stack.run("CREATE DATABASE harbour")
    stack.run("CREATE DATABASE lake OWNER lake_loader")
    for name, rows in {**ROWS, "secrets": 1}.items():
        stack.run(f"CREATE TABLE {name} AS SELECT n AS id FROM generate_series(1, {rows}) n", database="harbour")
    stack.run("GRANT SELECT ON ALL TABLES IN SCHEMA public TO harbour_reader", database="harbour")


def fill(page: Page, **values: object) -> None:
    for name, value in values.items():
        page.locator(f"#id_{name}").fill(str(value))


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def sign_in(visitor: Visitor) -> None:
    visitor.open("/")
    visitor.page.get_by_label("User name or e-mail").fill("newcomer")
    visitor.page.get_by_label("Password").fill(visitor.stack.password("admin"))
    press(visitor.page, "Sign in")


def configure(page: Page, server: dict[str, object]) -> None:
    """Fill in the first step, with a password that is not right; a destination is added on the way."""
    expect(page.get_by_role("heading", name="Connect the first source")).to_be_visible()
    page.get_by_role("link", name="New connection").click()
    page.get_by_role("link", name="PostgreSQL").click()
    fill(page, connection_name="Harbour", **server, database="harbour", user="harbour_reader", password="mistyped")
    press(page, "Continue and test")
    expect(page.get_by_text("Choose where the data lands")).to_be_visible()
    fill(page, password="mistyped")
    press(page, "Add a destination")
    page.get_by_role("link", name="PostgreSQL").click()
    fill(page, name="Lake", **server, database="lake", user="lake_loader", password=PASSWORD)
    press(page, "Test and add")
    expect(page.locator("#id_connection_name")).to_have_value("Harbour")
    expect(page.get_by_label("Lake")).to_be_checked()
    press(page, "Continue and test")


def mend(page: Page) -> None:
    """Read why the test failed, and go back for the right password."""
    expect(page.get_by_text("PostgreSQL refused the sign-in")).to_be_visible(timeout=ONE_JOB)
    page.get_by_role("link", name="Change the settings").click()
    fill(page, password=PASSWORD)
    press(page, "Continue and test")
    page.get_by_role("button", name="Continue", exact=True).click(timeout=ONE_JOB)
    expect(page.get_by_label("berths")).to_be_checked(timeout=ONE_JOB)


def choose(visitor: Visitor) -> None:
    """Leave, come back by the list, and choose all tables but one."""
    visitor.open("/")
    visitor.row("Harbour").get_by_role("link", name="Setup waits: Choose tables").click()
    visitor.page.get_by_label("Search tables").press_sequentially("secr")
    expect(visitor.page.get_by_label("berths")).to_have_count(0)
    visitor.page.get_by_label("secrets").uncheck()
    press(visitor.page, "Continue")


def schedule(page: Page) -> None:
    """Mistype an expression, read what is wrong, and see the next runs of the right one."""
    page.get_by_label("Cron expression").check()
    fill(page, cron="60 2 * * *", time_zone="America/Chicago")
    page.keyboard.press("Tab")
    expect(page.locator("#cron-said")).to_contain_text("Minutes go from 0 to 59.")
    fill(page, cron="30 2 * * *")
    page.keyboard.press("Tab")
    expect(page.locator("#schedule-preview tbody tr")).to_have_count(5)
    expect(page.locator("#schedule-preview")).to_contain_text("Clocks change in Chicago")
    press(page, "Continue")


def test_newcomer_walks_from_the_empty_page_to_the_first_success(empty: Stack, browser: Chromium) -> None:
    make_databases(empty)
    with visiting(browser, empty, "") as visitor:
        visitor.expects(422)
        sign_in(visitor)
        configure(visitor.page, {"host": "127.0.0.1", "port": empty.stored("ports.json")["postgres"]})
        mend(visitor.page)
        choose(visitor)
        schedule(visitor.page)

        start_button = visitor.page.get_by_role("button", name="Create and start the first sync")
        expect(start_button).to_be_visible()
        assert empty.value("SELECT count(*) FROM jobs_job WHERE type = 'data_sync'") == 0
        assert empty.value("SELECT status_reason FROM connectors_connection") == "setup_unfinished"
        start_button.click()
        visitor.page.get_by_role("link", name="Open the job").click()
        expect(visitor.page.locator("#job-title")).to_contain_text("Success", timeout=ONE_JOB)
        visitor.open("/")
        expect(visitor.row("Harbour")).to_contain_text("Active")

    landed = {name: empty.value(f"SELECT count(*) FROM harbour.{name}", database="lake") for name in ROWS}
    assert landed == ROWS
    assert empty.value("SELECT to_regclass('harbour.secrets')::text", database="lake") is None
    plan = empty.rows("SELECT schedule_kind, cron, time_zone, next_run_at > now() FROM connectors_connection")
    assert plan == [("cron", "30 2 * * *", "America/Chicago", True)]
