"""One Chromium for all tests of a process; each test opens a window in it that shares nothing with the others.

Playwright leaves its event loop marked as running in this thread, as long as the browser is there. While a test uses
the browser, Django refuses to touch the database for that reason. Between such tests nothing runs in the loop, so
the mark is taken off, and every other test finds a thread like any.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urljoin

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")


@contextmanager
def _started() -> Iterator[tuple[Browser, asyncio.AbstractEventLoop]]:
    program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    assert program, "No Chromium: install it, or name it in the variable CHROMIUM."
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        loop = asyncio.get_running_loop()
        asyncio._set_running_loop(None)
        yield browser, loop
        asyncio._set_running_loop(loop)
        browser.close()


@pytest.fixture(scope="session")
def _chromium() -> Iterator[tuple[Browser, asyncio.AbstractEventLoop]]:
    with _started() as started:
        yield started


@pytest.fixture
def browser(_chromium: tuple[Browser, asyncio.AbstractEventLoop]) -> Iterator[Browser]:
    """The browser, for one test. Ask for it after what needs the database."""
    chromium, loop = _chromium
    asyncio._set_running_loop(loop)
    yield chromium
    asyncio._set_running_loop(None)


@contextmanager
def window(browser: Browser, client: Client, url: str, *, permissions: tuple[str, ...] = ()) -> Iterator[Page]:
    """Open a page for the member whom `client` is signed in as.

    At the end an error in a script or a breach of the content policy fails the test.
    """
    value = client.session.session_key or ""
    cookie = {"name": settings.SESSION_COOKIE_NAME, "value": value, "url": urljoin(url, "/")}
    faults: list[str] = []
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
    try:
        context.grant_permissions(list(permissions))
        context.add_cookies([cookie])  # type: ignore[list-item]  # a TypedDict, spelled as a dict
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda line: faults.append(line.text) if "Content Security Policy" in line.text else None)
        page.goto(url)
        yield page
    finally:
        context.close()
    assert faults == []
