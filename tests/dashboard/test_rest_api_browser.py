"""An API that nobody here wrote against is declared in the browser, without code, and synced: first all, then changes.

The forge follows a well-known API's documented pages, sign-in and limits. The jobs are done in between.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import psycopg
import pytest
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from connectors.models import Connection, Entity
from connectors.services.connect import create_destination
from jobs.models import Job, JobStatus, JobType
from jobs.runner import run_job
from jobs.services.enqueue import enqueue_sync
from tests.browser import Chromium, aside, window
from tests.connectors import forge as forges
from tests.connectors.forge import Forge, serving
from tests.dashboard.landing import DATABASE, PASSWORD, PLACE, landing_place
from tests.servers import POSTGRES

REPOSITORY = "octo-org/hello-world"


@pytest.fixture(scope="module", autouse=True)
def _landing() -> Iterator[None]:
    with landing_place():
        yield


@pytest.fixture
def forge(settings: Settings) -> Iterator[Forge]:
    settings.PATCHBAY_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with serving(forges.filled()) as running:
        yield running


@pytest.fixture
def page(live_server: LiveServer, operator: Client, browser: Chromium, db: None) -> Iterator[Page]:
    create_destination(name="Warehouse", kind="postgres", config=PLACE, credentials={"password": PASSWORD})
    with window(browser, operator, f"{live_server.url}/connections/new/rest_api/") as opened:
        yield opened


def work(job_type: JobType, count: int = 1) -> None:
    """Do the jobs that wait, as a worker would."""

    def done() -> None:
        waiting = list(Job.objects.filter(type=job_type, status=JobStatus.PENDING).values_list("pk", flat=True))
        assert len(waiting) == count
        for pk in waiting:
            run_job(pk)
            job = Job.objects.get(pk=pk)
            assert (job.status, job.error_code) == (JobStatus.SUCCESS, "")

    aside(done)


def fill(page: Page, row: str, **values: str) -> None:
    for name, value in values.items():
        page.locator(f"#id_{row}-{name}").fill(value)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def declare(page: Page, forge: Forge) -> None:
    """Fill in the form from the API's documentation, and try each resource."""
    page.locator("#id_connection_name").fill("Forge")
    page.locator("#id_base_url").fill(forge.url)
    page.locator("#id_secret").fill(forges.TOKEN)
    page.locator("#id_api-pages-kind").select_option("Link header")
    fill(page, "api-pages", size_param="per_page")
    page.get_by_text("for keys that see several").click()
    fill(page, "api-accounts", path="/user/repos", id="full_name")
    fill(page, "api-r0", name="issues", path="/repos/{entity}/issue", key="id", params="state=all")
    press(page, "Try it")
    expect(page.locator(".api-trial")).to_contain_text("Not read. 404 Not Found")
    fill(page, "api-r0", path="/repos/{entity}/issues")
    page.locator("#api-r0 summary", has_text="Only what changed").click()
    fill(page, "api-r0", inc_param="since", inc_cursor="updated_at")
    press(page, "Try it")
    expect(page.locator(".api-trial")).to_contain_text("100 records, 14 fields. Answered 200")
    expect(page.locator(".api-trial")).to_contain_text(
        "/repos/octo-org/hello-world/issues?state=all&per_page=100&page=2"
    )
    press(page, "Add a resource")
    expect(page.locator("#id_api-r1-name")).to_be_focused()
    fill(page, "api-r1", name="comments", path="/repos/{entity}/issues/{parent.number}/comments", key="id")
    page.locator("#api-r1 summary", has_text="Child of another resource").click()
    page.locator("#id_api-r1-parent").select_option("issues")
    page.locator("#id_api-r1-parents").select_option("changed")
    expect(page.locator("#id_secret")).to_have_value(forges.TOKEN)
    press(page, "Continue and test")


def landed(table: str) -> list[Mapping[str, Any]]:
    with psycopg.connect(POSTGRES.server.url(DATABASE)) as database:
        dataset = "forge__octo_org_hello_world"
        return [row[0] for row in database.execute(f"SELECT to_jsonb(t) FROM {dataset}.{table} AS t".encode())]


def checksum(records: Sequence[Mapping[str, Any]]) -> str:
    def normal(name: str, value: Any) -> Any:
        return datetime.fromisoformat(value).isoformat() if value and name.endswith("_at") else value

    plain = [{name: normal(name, value) for name, value in one.items() if value is not None} for one in records]
    return hashlib.sha256("".join(sorted(json.dumps(one, sort_keys=True) for one in plain)).encode()).hexdigest()


def sync() -> None:
    def ask() -> None:
        entity = Entity.objects.get(ref=REPOSITORY)
        enqueue_sync(connection=entity.connection, entity=entity, actor=None)

    aside(ask)
    work(JobType.DATA_SYNC)


def test_an_api_is_declared_without_code_and_synced(page: Page, forge: Forge) -> None:
    declare(page, forge)
    work(JobType.TEST_CONNECTION)
    page.reload()
    press(page, "Continue")
    work(JobType.DISCOVER)
    page.reload()
    expect(page.get_by_label("issues")).to_be_checked()
    expect(page.locator("main")).to_contain_text("Merge by id")
    press(page, "Continue")
    press(page, "Continue")
    expect(page.locator("main")).to_contain_text("What is read: issues, comments")
    page.get_by_role("button", name="Create and start the first sync").click()
    expect(page.get_by_role("link", name="Open the job")).to_be_visible()
    work(JobType.DATA_SYNC, count=2)

    assert checksum(landed("issues")) == checksum(forge.issues[REPOSITORY])
    assert [row["parent_number"] for row in landed("comments")].count(7) == 2
    assert forges.TOKEN not in json.dumps(aside(lambda: Connection.objects.get().config))

    forge.open(REPOSITORY, 12, title="Mended", updated_at="2026-06-01T00:00:00Z")
    forge.open(REPOSITORY, 121, updated_at="2026-06-01T00:00:01Z")
    forge.asked.clear()
    sync()

    # To sign in, for the issues, and for the parents of comments: one page each.
    assert sum("/issues?" in address for address in forge.asked) == 3
    assert checksum(landed("issues")) == checksum(forge.issues[REPOSITORY])
