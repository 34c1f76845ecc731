"""The wizard in a real browser, by the keyboard alone and with scripts off, against a database made here.

By keyboard: each step is reached by Tab, what has the focus shows it and can be seen, a wrong answer has the focus, and
no update takes the focus away. With scripts off: the same steps by links and forms. The jobs are done in between.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.test import Client
from playwright.sync_api import Page, Route, expect
from psycopg import sql
from pytest_django.live_server_helper import LiveServer

from connectors.models import Connection, Destination, SetupStep, Status
from dashboard.views.wizard_steps import POLL_SECONDS
from jobs.models import Job, JobStatus, JobType
from jobs.runner import run_job
from tests.browser import Chromium, aside, window
from tests.dashboard.drafts import at, brought_to, make_draft
from tests.dashboard.keyboard import Keyboard
from tests.factories import make_destination
from tests.servers import POSTGRES

DATABASE, READER, PASSWORD = "harbour_keys", "harbour_keys_reader", "blue boat & staple"
TABLES = ("berths", "secrets", "ships")


@pytest.fixture(scope="module", autouse=True)
def _source() -> Iterator[None]:
    """Make a database with three tables and a role that reads them."""
    database, reader = sql.Identifier(DATABASE), sql.Identifier(READER)
    with psycopg.connect(POSTGRES.server.url("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(database))
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(reader, sql.Literal(PASSWORD)))
        with psycopg.connect(POSTGRES.server.url(DATABASE), autocommit=True) as source:
            for name in TABLES:
                source.execute(sql.SQL("CREATE TABLE {} (id int PRIMARY KEY)").format(sql.Identifier(name)))
            source.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}").format(reader))
        yield
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))
        admin.execute(sql.SQL("DROP ROLE {}").format(reader))


@pytest.fixture
def page(
    request: pytest.FixtureRequest, live_server: LiveServer, operator: Client, browser: Chromium
) -> Iterator[Page]:
    """The empty list of connections, with one destination to choose; a parameter holds the context's options."""
    make_destination(name="Warehouse", config={"database": "warehouse"})
    options: dict[str, Any] = getattr(request, "param", {})
    with window(browser, operator, live_server.url, **options) as opened:
        yield opened


def work(job_type: JobType) -> None:
    """Do the job that waits, as a worker would."""
    aside(lambda: run_job(Job.objects.get(type=job_type, status=JobStatus.PENDING).pk))


def next_poll(page: Page) -> None:
    """Let the time of the page pass until it asks again."""
    page.clock.fast_forward(POLL_SECONDS * 1000)


def configure(page: Page, keys: Keyboard) -> None:
    """Fill in the first step, at first with a port that is none: then that field has the focus, and says why."""
    keys.type("Harbour", into="Connection name")
    keys.type("127.0.0.1", into="Host")
    keys.type("0", into="Port")
    keys.type(DATABASE, into="Database")
    keys.type(READER, into="User")
    keys.type(f"{PASSWORD}\n", into="Password")
    expect(page.get_by_label("Port")).to_be_focused()
    expect(page.get_by_label("Port")).to_have_accessible_description("“Port” is a whole number from 1 to 65535.")
    keys.type(str(POSTGRES.server.port), into="Port")
    keys.type(PASSWORD, into="Password")
    keys.reach(page.get_by_role("radio", name="Warehouse"))
    keys.press("button", "Continue and test")


def wait_for_the_test(page: Page, keys: Keyboard) -> None:
    """Let the test end while the focus is on a link that each update replaces."""
    keys.reach(page.get_by_role("link", name="Back"))
    with page.expect_response(re.compile("/new/test/")):
        next_poll(page)
    keys.must_be_on("link", "Back")
    work(JobType.TEST_CONNECTION)
    next_poll(page)
    expect(page.get_by_role("button", name="Continue")).to_be_visible()
    keys.must_be_on("link", "Back")
    keys.press("button", "Continue")


def choose(page: Page, keys: Keyboard) -> None:
    """Wait without a focus, so that the search has it; then choose no table, at first, and one."""
    expect(page.get_by_role("heading", name="Choose tables")).to_be_visible()
    work(JobType.DISCOVER)
    next_poll(page)
    expect(page.get_by_label("Search tables")).to_be_focused()
    keys.type("ship", into="Search tables")
    expect(page.get_by_label("berths")).to_have_count(0)
    keys.must_be_on("searchbox", "Search tables")
    keys.press("button", "None")
    expect(page.locator("#table-count")).to_have_text(re.compile(r"^\s*2 of 3 chosen"))
    keys.must_be_on("button", "None")
    keys.type("", into="Search tables")
    keys.press("button", "None")
    expect(page.locator("#table-count")).to_have_text(re.compile(r"^\s*0 of 3 chosen"))
    keys.press("button", "Continue")
    expect(page.locator("#tables-error")).to_be_focused()
    keys.must_show_focus()
    keys.press("checkbox", "ships", with_key="Space")
    expect(page.locator("#table-count")).to_have_text(re.compile(r"^\s*1 of 3 chosen"))
    keys.must_be_on("checkbox", "ships")
    keys.press("button", "Continue")


def schedule(page: Page, keys: Keyboard) -> None:
    """Go through the choices with the arrows, and mistype an expression."""
    keys.must_be_on("radio", re.compile("6 hours"))
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("table")).to_have_accessible_name(re.compile("24 h|Daily"))
    keys.must_be_on("radio", re.compile("24 hours"))
    page.keyboard.press("ArrowDown")
    keys.type("60 2 * * *", into="Expression")
    page.keyboard.press("Tab")
    expect(page.locator("#cron-said")).to_contain_text("Minutes go from 0 to 59.")
    keys.must_be_on("combobox", "Time zone")
    keys.press("button", "Continue")
    keys.must_be_on("textbox", "Expression")
    keys.type("30 2 * * *", into="Expression")
    page.keyboard.press("Tab")
    expect(page.get_by_role("table")).to_have_accessible_name("The next runs, At 02:30")
    keys.press("button", "Continue")


def test_newcomer_walks_through_by_keyboard_alone(page: Page) -> None:
    page.clock.install()
    keys = Keyboard(page)
    keys.press("link", "New connection")
    keys.type("post\n", into="Search providers")
    keys.press("link", re.compile("PostgreSQL"))
    configure(page, keys)
    wait_for_the_test(page, keys)
    choose(page, keys)

    # Leave, and go on from the list.
    keys.press("link", "Connections", back=True)
    keys.press("link", "Setup waits: Schedule")
    schedule(page, keys)
    keys.press("button", "Create and start the first sync")
    expect(page.get_by_text("Harbour is set up, and its first sync is queued.")).to_be_visible()


def test_press_holds_though_a_search_before_it_answers_late(page: Page, live_server: LiveServer) -> None:
    """Sent at once, the press would be answered first, and the search would bring back the ticks of before it."""
    connection = aside(lambda: brought_to(make_draft(Destination.objects.get()), SetupStep.TABLES))
    page.goto(f"{live_server.url}{at(connection, 'tables')}")
    held: list[Route] = []
    page.route("**/new/tables/", lambda route: held.append(route), times=1)  # noqa: PLW0108 - Playwright marks what it is given
    with page.expect_request("**/new/tables/"):
        page.get_by_label("Search tables").fill("ship")
    page.evaluate("document.addEventListener('htmx:beforeSend', () => document.body.dataset.sent = 'yes')")

    page.get_by_role("button", name="None").click()

    assert page.evaluate("document.body.dataset.sent") is None, "the press did not wait for the search"
    held.pop().continue_()
    expect(page.locator("#table-count")).to_have_text(re.compile(r"^\s*1 of 3 chosen; 2 match"))
    expect(page.get_by_label("ships")).not_to_be_checked()


@pytest.mark.parametrize("page", [{"java_script_enabled": False}], indirect=True)
def test_newcomer_walks_through_with_scripts_off(page: Page) -> None:
    page.get_by_role("link", name="New connection").click()
    page.get_by_label("Search providers").fill("post")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="PostgreSQL").click()
    answers = {"Connection name": "Harbour", "Host": "127.0.0.1", "Database": DATABASE, "User": READER}
    for label, value in {**answers, "Port": "0", "Password": PASSWORD}.items():
        page.get_by_label(label, exact=True).fill(value)
    page.get_by_role("button", name="Continue and test").click()
    expect(page.get_by_label("Port")).to_be_focused()
    page.get_by_label("Port").fill(str(POSTGRES.server.port))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue and test").click()

    work(JobType.TEST_CONNECTION)
    page.get_by_role("link", name="look again").click()
    page.get_by_role("button", name="Continue").click()
    work(JobType.DISCOVER)
    page.get_by_role("link", name="look again").click()
    page.get_by_role("button", name="None").click()
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#tables-error")).to_be_focused()
    page.get_by_label("Search tables").fill("ship")
    page.get_by_role("button", name="Search").click()
    page.get_by_label("ships").check()
    page.get_by_role("button", name="Continue").click()

    page.get_by_role("link", name="Connections").first.click()
    page.get_by_role("link", name="Setup waits: Schedule").click()
    page.get_by_label("Cron expression").check()
    page.get_by_label("Expression", exact=True).fill("30 2 * * *")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#schedule-preview tbody tr")).to_have_count(5)
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Create without a first sync").click()
    expect(page.get_by_text("Harbour is set up. It runs by its schedule from now on.")).to_be_visible()

    assert aside(lambda: Connection.objects.get().status) == Status.ACTIVE
