"""Every bulk action from the list, on ticked rows and on all that match, with what the workers made of it."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e import records
from tests.e2e.conftest import Visit
from tests.e2e.stack import Stack
from tests.e2e.visitor import Visitor
from tests.menus import menu_item, row_menu
from tests.waiting import wait_until

# Two that can sync, and one that is set up by half.
TAGGED = ("Returns desk", "Webshop", "Webshop analytics")
TABLES = ("customers", "order_items", "orders", "products")
MATCHING = "/?tag=north"
REPORT = 20_000


def bulks(stack: Stack) -> list[tuple[Any, ...]]:
    """Return what was asked for so far: action, how many, and how many of them were done."""
    query = """
        SELECT b.action, b.total, count(*) FILTER (WHERE i.status = 'done') FROM jobs_bulk b
        JOIN jobs_bulkitem i ON i.bulk_id = b.id GROUP BY b.id ORDER BY b.id
    """
    return stack.rows(query)


def statuses(stack: Stack) -> list[str]:
    query = "SELECT status FROM connectors_connection WHERE name = ANY(%s) ORDER BY name"
    return [status for (status,) in stack.rows(query, list(TAGGED))]


def choose_all(visitor: Visitor, address: str, action: str, *, twice: bool = False) -> None:
    """Take all that match a filter, and press a button of the bar."""
    visitor.open(address)
    bar = visitor.page.locator("#bulk-form")
    visitor.page.get_by_role("checkbox", name="Select all on this page").check()
    bar.get_by_role("checkbox", name=re.compile("Select all")).check()
    button = bar.get_by_role("button", name=action)
    button.dblclick() if twice else button.click()


def confirm(page: Page, button: str) -> None:
    """Press the dialog's button as people do who are in a hurry."""
    page.get_by_role("dialog").get_by_role("button", name=button, exact=True).dblclick()


def expect_report(page: Page, title: str, bar: str) -> None:
    """The bar and the title come by themselves to what they say at the end."""
    expect(page.get_by_role("img", name=bar, exact=True)).to_be_visible(timeout=REPORT)
    expect(page.get_by_role("heading", level=2)).to_have_text(title)


def expect_result(visitor: Visitor, title: str, bar: str) -> None:
    """The same, without waiting for the page's next turn to ask."""
    expect(visitor.page).to_have_url(re.compile("/bulk/[0-9a-f-]{36}/"))
    unfinished = "SELECT count(*) FROM jobs_bulk WHERE ended_at IS NULL"
    wait_until(lambda: visitor.stack.value(unfinished) == 0, what="the bulk action is over")
    visitor.page.reload()
    expect_report(visitor.page, title, bar)


def tag(visitor: Visitor) -> None:
    visitor.open("/")
    for name in TAGGED:
        visitor.page.get_by_role("checkbox", name=f"Select {name}", exact=True).check()
    visitor.page.locator("#bulk-form").get_by_role("button", name="Tag").click()
    visitor.page.get_by_role("dialog").get_by_label("Tag", exact=True).fill("north")
    confirm(visitor.page, "Change tags")


def pause(visitor: Visitor, other: Page) -> None:
    """Two people have the question open and both answer it; the second one's report says why nothing came of it."""
    for page in (other, visitor.page):
        page.goto(f"{visitor.stack.url}/bulk/pause/?everything=yes&expected=3&query=tag%3Dnorth")
        page.get_by_label("Reason").fill("Month end")
    visitor.page.get_by_role("button", name="Pause 3").dblclick()
    expect_report(visitor.page, "Pause: 3 of 3 paused", "3 paused, 0 not paused, 0 to come")
    assert statuses(visitor.stack) == ["paused"] * 3
    other.get_by_role("button", name="Pause 3").click()
    expect_report(other, "Pause: 0 of 3 paused", "0 paused, 3 not paused, 0 to come")
    expect(other.get_by_text("Webshop is paused already.")).to_be_visible()


def sync(visitor: Visitor) -> None:
    """Sync what was emptied at the destination meanwhile."""
    stack = visitor.stack
    choose_all(visitor, MATCHING, "Sync now", twice=True)
    expect_result(visitor, "Sync now: 2 of 3 started", "2 started, 1 not started, 0 to come")
    expect(visitor.page.get_by_role("row").filter(has_text="Returns desk")).to_contain_text("Finish setup")
    for name in TAGGED[1:]:
        assert records.wait_for_end(stack, records.last_job(stack, name).id).status == "success"
    found = [stack.value(f"SELECT count(*) FROM webshop.{one}", database="warehouse") for one in TABLES]
    assert found == [stack.value(f"SELECT count(*) FROM {one}", database="shop") for one in TABLES]


def delete(visitor: Visitor) -> None:
    """Make two copies that nobody needs, and delete all that match their name."""
    for _ in range(2):
        visitor.open("/")
        menu_item(row_menu(visitor.page, "Returns desk"), "Duplicate").click()
        expect(visitor.page.get_by_role("heading", level=1)).to_contain_text("(copy")
    choose_all(visitor, "/?q=desk+(copy", "Delete")
    visitor.page.get_by_role("dialog").get_by_label("Type 2 to confirm").fill("2")
    confirm(visitor.page, "Delete 2")
    expect_result(visitor, "Delete: 2 of 2 deleted", "2 deleted, 0 not deleted, 0 to come")
    query = "SELECT count(*) FROM connectors_connection WHERE name LIKE 'Returns desk (copy%%' AND deleted_at IS NULL"
    assert visitor.stack.value(query) == 0


def test_walk_through_all_of_them(stack: Stack, visit: Visit) -> None:
    records.wait_for_rest(stack)
    before = len(bulks(stack))
    with visit("admin") as visitor:
        tag(visitor)
        expect_result(visitor, "Add a tag “north”: 3 of 3 tagged", "3 tagged, 0 not tagged, 0 to come")
        pause(visitor, visitor.page.context.new_page())
        choose_all(visitor, MATCHING, "Resume", twice=True)
        expect_result(visitor, "Resume: 3 of 3 resumed", "3 resumed, 0 not resumed, 0 to come")
        assert statuses(stack) == ["incomplete", "active", "active"]
        sync(visitor)
        choose_all(visitor, MATCHING, "Test connection", twice=True)
        expect_result(visitor, "Test connection: 2 of 3 started", "2 started, 1 not started, 0 to come")
        delete(visitor)

    assert bulks(stack)[before:] == [
        ("tag", 3, 3), ("pause", 3, 3), ("pause", 3, 0), ("resume", 3, 3), ("sync", 3, 2), ("test", 3, 2),
        ("delete", 2, 2),
    ]  # fmt: skip
    stack.run("DELETE FROM connectors_connection_tags")
