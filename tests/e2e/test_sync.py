"""A sync that a person starts: shown at once, never twice, and as many rows as the source has."""

from __future__ import annotations

import re

import duckdb
from playwright.sync_api import expect

from tests.e2e import records
from tests.e2e.conftest import Visit
from tests.e2e.records import JobRecord
from tests.e2e.stack import Stack
from tests.e2e.visitor import Visitor

SHOP_TABLES = ["customers", "order_items", "orders", "products"]
AT_ONCE, ONE_SYNC = 1_000, 60_000
LIVE = re.compile("Queued|Syncing")


def counts_at_shop(stack: Stack) -> dict[str, int]:
    return {table: stack.value(f"SELECT count(*) FROM {table}", database="shop") for table in SHOP_TABLES}


def counts_on_page(visitor: Visitor, job: JobRecord) -> dict[str, tuple[int, int]]:
    """Return what the page of a job says about each table: rows read and rows written."""
    visitor.open(job.path)
    cells = visitor.page.locator("#job-tables tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.textContent.trim()))"
    )
    return {name: (_number(read), _number(written)) for name, _, _, read, written, _ in cells}


def _number(text: str) -> int:
    return int(text.replace(",", ""))


def test_sync_now_shows_running_then_result_without_reload(stack: Stack, visit: Visit) -> None:
    before = records.last_job(stack, "Webshop")
    with visit("operator") as visitor:
        visitor.open("/")
        visitor.page.evaluate("window.wasHereBefore = true")
        row = visitor.row("Webshop")

        with visitor.page.expect_response("**/sync/"):
            visitor.press("Webshop", "Sync now")

        expect(row).to_contain_text(LIVE, timeout=AT_ONCE)
        expect(visitor.page.get_by_text("Webshop: sync queued")).to_be_visible(timeout=AT_ONCE)
        expect(row).not_to_contain_text(LIVE, timeout=ONE_SYNC)
        expect(row.get_by_role("button", name="Sync now")).to_be_hidden()
        job = records.last_job(stack, "Webshop")
        assert visitor.page.evaluate("window.wasHereBefore") is True
        assert row.locator(f"#runs-{records.connection_id(stack, 'Webshop').replace('-', '')}").is_visible()
        assert (job.status, job.id > before.id) == ("success", True)
        shown = counts_on_page(visitor, job)

    source = counts_at_shop(stack)
    landed = {
        table: stack.value(f"SELECT count(*) FROM webshop.{table}", database="warehouse") for table in SHOP_TABLES
    }
    assert source["orders"] == 50_000
    assert landed == source
    assert shown == {table: (count, count) for table, count in source.items()}


def test_second_press_while_one_runs_starts_nothing_and_says_so(stack: Stack, visit: Visit) -> None:
    company = records.entity(stack, "co_halden_dairy")
    with visit("operator") as visitor, stack.knobs(co_halden_dairy={"page_delay_ms": 2_500}):
        visitor.expects(409)
        visitor.open(company.path)
        button = visitor.page.locator("#sync-entity")
        with visitor.page.expect_response("**/sync/"):
            button.click()
        expect(button).to_have_text(re.compile("Queued|Syncing"), timeout=AT_ONCE)
        count = records.count_jobs(stack)

        with visitor.page.expect_response("**/sync/") as answer:
            button.click()

        assert answer.value.status == 409
        expect(visitor.page.get_by_text("Nothing new was started.")).to_be_visible(timeout=AT_ONCE)
        visitor.open("/")
        with visitor.page.expect_response("**/sync/") as answer:
            visitor.press("Halden payroll", "Sync now")
        assert answer.value.status == 409
        expect(visitor.page.get_by_text("Nothing new was started.")).to_be_visible(timeout=AT_ONCE)
        assert records.count_jobs(stack) == count

        job = records.last_job(stack, "Halden payroll")
        visitor.open(job.path)
        visitor.page.get_by_role("link", name="Cancel job").click()
        visitor.page.get_by_role("dialog").get_by_role("button", name="Cancel job").click()
        assert records.wait_for_end(stack, job.id).status == "cancelled"
        expect(visitor.page.locator("#job-title")).to_contain_text("cancelled", ignore_case=True)


def test_rows_in_duckdb_are_those_of_the_source(stack: Stack, visit: Visit) -> None:
    with visit("operator") as visitor:
        visitor.open(f"/connections/{records.connection_id(stack, 'Webshop analytics')}/")
        with visitor.page.expect_navigation():
            visitor.page.get_by_role("button", name="Sync now").click()
        job = records.wait_for_end(stack, records.last_job(stack, "Webshop analytics").id)
        shown = counts_on_page(visitor, job)

    source = counts_at_shop(stack)
    with duckdb.connect(str(stack.home / "duckdb" / "analytics.duckdb"), read_only=True) as file:
        found = [file.execute(f"SELECT count(*) FROM webshop_analytics.{table}").fetchone() for table in SHOP_TABLES]
    assert job.status == "success"
    assert {table: row[0] for table, row in zip(SHOP_TABLES, found, strict=True) if row} == source
    assert shown == {table: (count, count) for table, count in source.items()}


def test_broken_connection_says_in_words_what_to_do(stack: Stack, visit: Visit) -> None:
    job = records.last_job(stack, "Webshop staging")
    assert (job.status, job.error_code) == ("failed", "invalid_credentials")

    with visit("operator") as visitor:
        visitor.open("/")
        expect(visitor.row("Webshop staging")).to_contain_text("Broken")
        for path in (f"/connections/{records.connection_id(stack, 'Webshop staging')}/", job.path):
            visitor.open(path)
            main = visitor.page.get_by_role("main")
            expect(main).to_contain_text("refused the sign-in")
            expect(main).to_contain_text("invalid_credentials")
            expect(main).to_contain_text("Renew the credentials")
            expect(main).to_contain_text("Ask the owner of")
