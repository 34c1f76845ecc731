"""A person's hands in the hosted flow: what walks in a browser have in common."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser import Chromium, is_breach
from tests.sandbox.running import API_KEY, Running

Open = Callable[..., Any]


@contextmanager
def following(browser: Chromium, url: str, address: str, **options: Any) -> Iterator[Page]:
    """Open a link in a browser of its own. A script's error or a breach of the content policy fails the test."""
    faults: list[str] = []
    options = {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light", **options}
    with browser.context(**options) as context:
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda line: faults.append(line.text) if is_breach(line) else None)
        page.goto(f"{url}{address}")
        yield page
    assert faults == []


def begin(page: Page) -> None:
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("heading", level=2).first).to_contain_text("will be able to")


def agree(page: Page) -> None:
    begin(page)
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Continue").click()


def take_way(page: Page, label: str) -> None:
    agree(page)
    page.get_by_role("button", name=label).click()


def sign_in_by_key(page: Page, key: str = API_KEY) -> None:
    take_way(page, "API key")
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in", exact=True).click()


def sign_in_by_password(page: Page, user: str) -> None:
    take_way(page, "User name and password")
    page.get_by_label("User name").fill(user)
    page.get_by_label("Password").fill(f"payroll-{user}")
    page.get_by_role("button", name="Sign in", exact=True).click()


def read_code(page: Page, sandbox: Running, user: str) -> str:
    """Look into the inbox, as another program of the person does, and read the newest code."""
    found = re.search(r"<code>(\d{6})</code>", page.request.get(f"{sandbox.url}/inbox/{user}").text())
    assert found is not None
    return found[1]


def go_to_provider(page: Page) -> None:
    take_way(page, "Sign in at Sandbox Payroll")
    page.get_by_role("button", name="Go to Sandbox Payroll").click()
    expect(page.get_by_label("User name")).to_be_visible()


def allow_there(page: Page, user: str) -> None:
    page.get_by_label("User name").fill(user)
    page.get_by_label("Password").fill(f"payroll-{user}")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Allow").click()


def choose_companies(page: Page, *names: str) -> None:
    is_at(page, "Choose companies")
    for name in names:
        page.get_by_label(name, exact=True).check()
    page.get_by_role("button", name="Connect the chosen companies").click()


def is_at(page: Page, heading: str) -> None:
    """Wait for a page by its heading."""
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
