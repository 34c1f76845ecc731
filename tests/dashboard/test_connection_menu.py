"""The menu of a connection: what it offers to whom and where, and that nothing which goes on meanwhile closes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from django.test import Client
from playwright.sync_api import Locator, Page, expect
from pytest_django import DjangoAssertNumQueries
from pytest_django.live_server_helper import LiveServer

from connectors.models import Connection, Status
from jobs.services.pausing import pause_connection
from tests.browser import Chromium, aside, window
from tests.conftest import member
from tests.dashboard.pages import flat
from tests.factories import make_connection, make_entity, make_ready_connection

HTMX = {"HX-Request": "true"}
# What one person does another one sees within five seconds.
SOON = 5_000


@pytest.fixture
def connection(db: None) -> Connection:
    """A connection that is set up."""
    del db
    made = make_ready_connection(name="Harbour Shop")
    make_entity(made)
    return made


def menu(client: Client, connection: Connection, on: str = "") -> str:
    """The menu as it opens on the page `on`; without one, as a page of its own."""
    headers = {**HTMX, "HX-Current-URL": f"http://testserver{on}"} if on else {}
    return flat(client.get(f"{connection.get_absolute_url()}actions/", headers=headers))


def test_menu_on_the_list_has_what_is_done_often(admin: Client, connection: Connection) -> None:
    shown = menu(admin, connection, on="/?status=active")

    words = ("Sync now", "Pause…", "Test connection", "Edit setup", "Historical re-sync…", "Duplicate", "Delete…")
    places = [shown.index(word) for word in words]
    assert places == sorted(places)
    assert 'name="next" value="/?status=active"' in shown
    assert "Purge" not in shown


def test_menu_on_the_connections_own_page_leaves_out_what_its_head_has(admin: Client, connection: Connection) -> None:
    shown = menu(admin, connection, on=connection.get_absolute_url())

    assert "Sync now" not in shown
    assert "Test results" in shown
    assert "Purge loaded data…" in shown


def test_menu_as_a_page_has_everything_and_leads_back_to_our_own_addresses_only(
    admin: Client, connection: Connection
) -> None:
    address = f"{connection.get_absolute_url()}actions/"
    shown = flat(admin.get(f"{address}?next=/%3Fstatus%3Dactive"))

    assert all(word in shown for word in ("Sync now", "Test results", "Purge loaded data…", "<h1"))
    assert 'href="/?status=active" aria-label="Close"' in shown
    assert '="//evil' not in flat(admin.get(f"{address}?next=//evil.example/"))


def test_menu_has_only_what_the_role_may_do(
    viewer: Client, operator: Client, admin: Client, connection: Connection
) -> None:
    assert viewer.get(f"{connection.get_absolute_url()}actions/").status_code == 403
    assert not [word for word in ("Purge", "Delete…") if word in menu(operator, connection)]
    assert "Duplicate" in menu(operator, connection)
    assert "Delete…" in menu(admin, connection)


@pytest.mark.parametrize(
    ("status", "offered", "refused"),
    [
        (Status.ACTIVE, ["Pause…"], 0),
        (Status.BROKEN, ["Pause…"], 0),
        (Status.PAUSED, ["Resume…"], 2),
        (Status.INCOMPLETE, [], 2),
    ],
)
def test_menu_offers_what_fits_the_status(operator: Client, status: str, offered: list[str], refused: int) -> None:
    shown = menu(operator, make_connection(name="One", status=status), on="/")

    assert [word for word in ("Pause…", "Resume…") if word in shown] == offered
    assert shown.count("disabled title=") == refused


def test_menu_takes_four_queries(
    operator: Client, connection: Connection, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(4):
        menu(operator, connection, on="/")


@pytest.fixture
def open_page(live_server: LiveServer, operator: Client, browser: Chromium) -> Iterator[Callable[[str], Page]]:
    """Opens a page in a browser of its own; an error in a script or a breach of the policy fails the test."""
    with ExitStack() as windows:
        yield lambda path: windows.enter_context(window(browser, operator, f"{live_server.url}{path}"))


def lies_below(menu: Locator, button: Locator) -> bool:
    """Whether the menu hangs on its button."""
    above, below = button.bounding_box(), menu.bounding_box()
    assert above
    assert below
    return abs(below["y"] - above["y"] - above["height"]) < 20 and abs(below["x"] + below["width"] - above["x"]) < 60


@pytest.mark.django_db(transaction=True)
def test_two_people_see_each_others_acts_and_keep_their_menu_and_what_they_type(
    open_page: Callable[[str], Page], connection: Connection
) -> None:
    del connection
    first, second = open_page("/"), open_page("/")
    button = second.get_by_role("button", name="Actions for Harbour Shop")
    button.click()
    opened = second.locator("#actions-menu")
    expect(opened.get_by_role("link", name="Pause…")).to_be_visible()
    second.get_by_role("searchbox").evaluate("box => { box.value = 'harb' }")

    first.get_by_role("button", name="Actions for Harbour Shop").click()
    first.get_by_role("link", name="Pause…").click()
    first.get_by_label("Reason").fill("Moving house")
    first.get_by_role("dialog").get_by_role("button", name="Pause").click()
    expect(first.get_by_text("Harbour Shop is paused.")).to_be_visible()

    expect(second.get_by_role("row", name="Harbour Shop")).to_contain_text("Paused", timeout=SOON)
    expect(opened).to_be_visible()
    assert lies_below(opened, button)
    assert second.get_by_role("searchbox").input_value() == "harb"
    # The menu tells what was true when it opened; opened again, it tells what is true now.
    button.click()
    expect(opened).to_be_hidden()
    button.click()
    expect(opened.get_by_role("link", name="Resume…")).to_be_visible()


@pytest.mark.django_db(transaction=True)
def test_menu_of_a_connections_page_stays_at_its_button_while_the_head_changes(
    open_page: Callable[[str], Page], connection: Connection
) -> None:
    page = open_page(connection.get_absolute_url())
    button = page.get_by_role("button", name="More actions")
    button.click()
    opened = page.locator("#actions-menu")
    expect(opened).to_be_visible()

    aside(lambda: pause_connection(connection=connection, reason="Audit", actor=member("admin")))

    expect(page.locator("#resume")).to_be_visible(timeout=SOON)
    expect(opened).to_be_visible()
    assert lies_below(opened, button)
    page.keyboard.press("Escape")
    expect(button).to_be_focused()
