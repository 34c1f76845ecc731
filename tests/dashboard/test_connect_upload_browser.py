"""Files are delivered in a real browser: to the end on a telephone without scripts, and away from it with a refusal."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from connectors.models import Connection, Status
from dashboard.pages.session import page_of, read
from sessions_log.models import Session
from tests.assisted import STAFF, WAGES, as_csv, make_assisted
from tests.browser import Chromium, aside
from tests.dashboard.connecting import make_link
from tests.dashboard.flow_walk import Open, agree, following
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pytest_django import Settings

PHONE = {"viewport": {"width": 390, "height": 844}}


@pytest.fixture
def follow(settings: Settings, tmp_path: Path, live_server: LiveServer, browser: Chromium) -> Open:
    """Give a function that opens a link in a browser of its own: `with follow(address) as page`."""
    settings.PATCHBAY_HOME = tmp_path
    return partial(following, browser, live_server.url.replace("localhost", "127.0.0.1"))


def bring(page: Page, name: str, data: bytes, file: str) -> None:
    page.get_by_label(f"File for {name}").set_input_files({"name": file, "mimeType": "text/csv", "buffer": data})
    page.get_by_role("button", name=f"Upload {name}").click()


def told(session: Session) -> list[str]:
    return aside(lambda: [str(one.name) for one in session.events.order_by("occurred_at", "pk")])


def sentence(session: Session) -> str:
    return aside(lambda: page_of(read(Session.objects.for_page().get(pk=session.pk)), timezone.now()).sentence)


def test_files_are_delivered_on_a_telephone_without_scripts(follow: Open) -> None:
    session, address = make_link(connection=make_assisted(), provider="")

    with follow(address, java_script_enabled=False, **PHONE) as page:
        agree(page)
        bring(page, "Employees", as_csv(STAFF), "staff.csv")
        expect(page.get_by_role("main")).to_contain_text("1 of 2 files is there")
        bring(page, "Payroll", as_csv(WAGES), "wages.csv")
        expect(page.get_by_role("heading", level=1)).to_have_text("Your files can be used")
        page.get_by_role("button", name="Send 2 files").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("2 files are delivered")

    assert told(session)[-5:] == [
        "file.submitted", "file.accepted", "page.viewed", "permissions.verified", "session.completed",
    ]  # fmt: skip
    assert sentence(session).startswith("Opened the link, delivered 2 files, and connected in ")
    assert aside(lambda: Connection.objects.get().status) == Status.ACTIVE


def test_who_is_refused_and_goes_is_told_so(follow: Open) -> None:
    session, address = make_link(connection=make_assisted(), provider="")

    with follow(address) as page:
        agree(page)
        bring(page, "Employees", b"number\n1\n", "staff.csv")
        expect(page.get_by_role("alert")).to_contain_text("staff.csv cannot be used")
        expect(page.get_by_label("File for Employees")).to_be_focused()
        page.get_by_role("link", name="Leave").click()
        page.get_by_label("I do not have the files at hand").check()
        page.get_by_role("button", name="Leave").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("You left. Nothing was sent")

    wait_until(lambda: "session.exited" in told(session), what="the session is left")
    assert told(session).count("file.refused") == 1
    assert aside(lambda: Connection.objects.get().status_reason) == "awaiting_upload"
    assert sentence(session).startswith("Opened the link, had a file refused")
