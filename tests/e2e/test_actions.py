"""Every action of one connection, from its making to its end: pressed, pressed again, and what became of it in the
database and at the destination.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import records
from tests.e2e.conftest import Visit
from tests.e2e.stack import Stack
from tests.e2e.visitor import Visitor
from tests.menus import menu_item, row_menu
from tests.waiting import wait_until

NAME, DATASET = "Webshop (copy)", "webshop_copy"
READER, PASSWORD = "copy_reader", "reader-password-7390"
TABLES = ("customers", "order_items", "orders", "products")
ONE_JOB, LEASE_SECONDS = 30_000, 120


@pytest.fixture
def reader(stack: Stack) -> str:
    """A role that may read the shop."""
    stack.run(f"CREATE ROLE {READER} LOGIN PASSWORD '{PASSWORD}' IN ROLE shop_reader")
    return READER


class Deeds:
    """One connection under the hands of one person, and what is stored about it."""

    def __init__(self, stack: Stack, visitor: Visitor) -> None:
        self.stack, self.page, self.visitor = stack, visitor.page, visitor

    @cached_property
    def pk(self) -> str:
        return records.connection_id(self.stack, NAME)

    @property
    def path(self) -> str:
        return f"/connections/{self.pk}/"

    def status(self) -> str:
        return str(self.stack.value("SELECT status FROM connectors_connection WHERE id = %s", self.pk))

    def acts(self) -> list[str]:
        """Return what is recorded about it, the oldest first."""
        query = "SELECT action FROM connectors_activity WHERE connection_id = %s ORDER BY id"
        return [action for (action,) in self.stack.rows(query, self.pk)]

    def jobs(self, job_type: str) -> list[tuple[str, str]]:
        """Return id and status of its jobs of a type, the oldest first."""
        query = "SELECT id::text, status FROM jobs_job WHERE connection_id = %s AND type = %s ORDER BY id"
        return [(pk, status) for pk, status in self.stack.rows(query, self.pk, job_type)]

    def landed(self) -> dict[str, int]:
        """Return how many rows each of its tables has at the destination."""
        return count_rows(self.stack, DATASET, "warehouse")

    def choose(self, item: str, *, twice: bool = False) -> None:
        """Press something in the menu of its row."""
        self.visitor.open("/")
        found = menu_item(row_menu(self.page, NAME), item)
        found.dblclick() if twice else found.click()

    def told(self, text: str) -> None:
        expect(self.page.get_by_role("status").filter(has_text=text)).to_be_visible()


def count_rows(stack: Stack, schema: str, database: str) -> dict[str, int]:
    return {one: stack.value(f"SELECT count(*) FROM {schema}.{one}", database=database) for one in TABLES}


@contextmanager
def orders_held(stack: Stack) -> Iterator[None]:
    """Let nobody read the orders of the shop, so that a sync that runs goes on running."""
    with stack.database("shop") as shop, shop.transaction():
        shop.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        yield


def wait_for_step(deeds: Deeds, job: str) -> None:
    query = "SELECT status FROM jobs_step WHERE job_id = %s AND name = 'extract'"
    wait_until(lambda: deeds.stack.value(query, job) == "running", what="it reads")


def wait_until_heard(deeds: Deeds, job: str) -> None:
    """Wait until the worker has renewed its lease since a cancel was asked for: it has read of it then."""
    query = "SELECT cancel_requested_at + interval '1 s' * %s < expires_at FROM jobs_lease WHERE job_id = %s"
    wait_until(lambda: deeds.stack.value(query, LEASE_SECONDS, job), what="the worker hears of the cancel")


def press_twice(deeds: Deeds, name: str) -> None:
    """Press a button of the open dialog as people do who are in a hurry."""
    deeds.page.get_by_role("dialog").get_by_role("button", name=name).dblclick()


def duplicate(deeds: Deeds) -> None:
    deeds.visitor.open("/")
    menu_item(row_menu(deeds.page, "Webshop"), "Duplicate").dblclick()
    deeds.told(f"{NAME} has the settings of Webshop")
    copies = deeds.stack.value("SELECT count(*) FROM connectors_connection WHERE name LIKE 'Webshop (copy%%'")
    assert (copies, deeds.status(), deeds.acts()) == (1, "incomplete", ["connection.duplicated"])


def edit_setup(deeds: Deeds, reader: str) -> None:
    deeds.choose("Edit setup")
    deeds.page.locator("#source").get_by_label("User").fill(reader)
    deeds.page.locator("#source").get_by_label("Password").fill(PASSWORD)
    deeds.page.get_by_role("button", name="Save and test").dblclick()
    expect(deeds.page.get_by_text("Stored: the source accepts it.")).to_be_visible()
    assert (deeds.status(), deeds.acts()[1:]) == ("active", ["connection.configured"])


def check(deeds: Deeds) -> None:
    deeds.choose("Test connection", twice=True)
    title = deeds.page.get_by_role("dialog").get_by_role("heading", level=2)
    expect(title).to_have_text("Test connection: success", timeout=ONE_JOB)
    assert [status for _, status in deeds.jobs("test_connection")] == ["success"]


def sync(deeds: Deeds, other: Page) -> None:
    """Press in the row's menu; press again there and in another window while it runs."""
    with orders_held(deeds.stack):
        deeds.choose("Sync now", twice=True)
        deeds.told(f"{NAME}: sync queued")
        [(job, _)] = deeds.jobs("data_sync")
        wait_for_step(deeds, job)
        other.get_by_role("button", name="Sync now").click()
        expect(other.get_by_text("Nothing new was started.")).to_be_visible()
    assert records.wait_for_end(deeds.stack, job).status == "success"
    assert deeds.jobs("data_sync") == [(job, "success")]
    assert deeds.landed() == count_rows(deeds.stack, "public", "shop")


def pause_and_let_finish(deeds: Deeds, other: Page) -> None:
    other.goto(f"{deeds.stack.url}{deeds.path}pause/")
    other.get_by_label("Reason").fill("Too late")
    with orders_held(deeds.stack):
        deeds.choose("Sync now")
        deeds.told(f"{NAME}: sync queued")
        job, _ = deeds.jobs("data_sync")[-1]
        wait_for_step(deeds, job)
        deeds.choose("Pause…")
        dialog = deeds.page.get_by_role("dialog")
        dialog.get_by_label("Reason").fill("Stock taking")
        dialog.get_by_label("Tomorrow").check()
        dialog.get_by_label("Let it finish").check()
        press_twice(deeds, "Pause connection")
        deeds.told(f"{NAME} is paused.")
        other.get_by_role("button", name="Pause connection").click()
        expect(other.get_by_text(f"{NAME} is paused already. Nothing was changed.")).to_be_visible()
        assert records.job(deeds.stack, job).status == "running"
    assert records.wait_for_end(deeds.stack, job).status == "success"
    query = "SELECT reason, until > now(), ended_at IS NULL FROM connectors_pause WHERE connection_id = %s"
    assert deeds.stack.rows(query, deeds.pk) == [("Stock taking", True, True)]
    assert (deeds.status(), deeds.acts()[2:]) == ("paused", ["connection.paused"])


def resume(deeds: Deeds, other: Page) -> None:
    other.goto(f"{deeds.stack.url}{deeds.path}resume/")
    deeds.visitor.open(deeds.path)
    deeds.page.locator("#resume").click()
    press_twice(deeds, "Resume")
    deeds.told(f"{NAME} is resumed. The next sync is planned for")
    other.get_by_role("button", name="Resume").click()
    expect(other.get_by_text(f"{NAME} is not paused. Nothing was changed.")).to_be_visible()
    assert (deeds.status(), deeds.acts()[3:]) == ("active", ["connection.resumed"])


def resync(deeds: Deeds, other: Page) -> None:
    """Rows that were lost at the destination come again; until then readers keep what is there."""
    deeds.stack.run(f"DELETE FROM {DATASET}.orders WHERE id %% 2 = 0", database="warehouse")
    damaged = deeds.landed()
    other.goto(f"{deeds.stack.url}{deeds.path}resync/")
    with orders_held(deeds.stack):
        deeds.choose("Historical re-sync…")
        press_twice(deeds, "Start re-sync")
        deeds.told("historical re-sync queued")
        [(job, _)] = deeds.jobs("historical_resync")
        wait_for_step(deeds, job)
        other.get_by_role("button", name="Start re-sync").click()
        expect(other.get_by_text(f"A historical re-sync of {NAME} is on its way already.")).to_be_visible()
        assert deeds.landed() == damaged
    assert records.wait_for_end(deeds.stack, job).status == "success"
    assert deeds.jobs("historical_resync") == [(job, "success")]
    assert deeds.landed() == count_rows(deeds.stack, "public", "shop") != damaged
    assert deeds.acts()[4:] == ["connection.resync_started"]


def pause_and_cancel(deeds: Deeds) -> None:
    """Sync and pause from the connection's own page; what runs is cancelled."""
    with orders_held(deeds.stack):
        deeds.visitor.open(deeds.path)
        deeds.page.get_by_role("button", name="Sync now").dblclick()
        deeds.told(f"{NAME}: sync queued")
        job, _ = deeds.jobs("data_sync")[-1]
        wait_for_step(deeds, job)
        deeds.page.get_by_role("link", name="Pause", exact=True).click()
        dialog = deeds.page.get_by_role("dialog")
        dialog.get_by_label("Reason").fill("Wrong month")
        dialog.get_by_label("Cancel").check()
        press_twice(deeds, "Pause connection")
        deeds.told(f"{NAME} is paused.")
        wait_until_heard(deeds, job)
    ended = records.wait_for_end(deeds.stack, job)
    assert (ended.status, deeds.status(), len(deeds.jobs("data_sync"))) == ("cancelled", "paused", 3)


def delete(deeds: Deeds, other: Page) -> None:
    before, pk = deeds.landed(), deeds.pk
    other.goto(f"{deeds.stack.url}{deeds.path}delete/")
    other.get_by_label("to confirm").fill(NAME)
    deeds.choose("Delete…")
    dialog = deeds.page.get_by_role("dialog")
    dialog.get_by_label("to confirm").fill("Webshop")
    press_twice(deeds, "Delete connection")
    expect(deeds.page.get_by_role("button", name="Delete connection")).to_be_visible()
    deeds.page.get_by_label("to confirm").fill(NAME)
    deeds.page.get_by_role("button", name="Delete connection").dblclick()
    deeds.told(f"{NAME} is deleted.")
    other.get_by_role("button", name="Delete connection").click()
    expect(other.get_by_text(f"{NAME} was deleted. Nothing was done")).to_be_visible()
    query = "SELECT deleted_at IS NOT NULL, length(credentials) FROM connectors_connection WHERE id = %s"
    assert deeds.stack.rows(query, pk) == [(True, 0)]
    assert deeds.acts()[-1] == "connection.deleted"
    assert deeds.landed() == before


def test_walk_through_the_life_of_a_connection(stack: Stack, visit: Visit, reader: str) -> None:
    with visit("admin") as visitor, visit("operator") as colleague:
        for one in (visitor, colleague):
            one.expects(409, 422)
        deeds, other = Deeds(stack, visitor), colleague.page
        duplicate(deeds)
        edit_setup(deeds, reader)
        check(deeds)
        colleague.open(deeds.path)
        sync(deeds, other)
        pause_and_let_finish(deeds, other)
        resume(deeds, other)
        resync(deeds, other)
        pause_and_cancel(deeds)
        tab = visitor.page.context.new_page()
        delete(deeds, tab)
