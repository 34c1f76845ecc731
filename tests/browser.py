"""One Chromium for all tests of a process; each test opens a window in it that shares nothing with the others.

Playwright leaves its event loop marked as running in this thread for as long as the browser is there, and in such a
thread Django refuses to touch the database. While no window is open nothing runs in the loop, so the mark is taken
off then, and a test before, between or after windows finds a thread like any.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urljoin

import pytest
from django.conf import settings
from django.db import connection as database
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

T = TypeVar("T")
# The first one has no windows that somebody would look at, which halves what a page costs.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# The popups of the address bar, which nobody sees here, cost each window half a second of the processor. The other
# names are Playwright's, whose list this one replaces.
WITHOUT = (
    *("AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades", "LensOverlay"),
    *("MediaRouter", "PaintHolding", "ThirdPartyStoragePartitioning", "OptimizationHints", "PreconnectToSearch"),
    *("WebUIOmniboxPopup", "WebUIOmniboxAimPopup"),
)
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    f"--disable-features={','.join(WITHOUT)}",
)


class Chromium:
    """A running browser. `loop` is Playwright's."""

    def __init__(self, browser: Browser, loop: asyncio.AbstractEventLoop) -> None:
        self._browser, self._loop = browser, loop

    @contextmanager
    def context(self, **options: Any) -> Iterator[BrowserContext]:
        """Lend a fresh context, with Playwright's options; its cookies and pages go with it."""
        # Drawing what spins and fades takes a tenth of the processor's time of all walks.
        options.setdefault("reduced_motion", "reduce")
        before = asyncio._get_running_loop()
        asyncio._set_running_loop(self._loop)
        try:
            context = self._browser.new_context(**options)
            try:
                yield context
            finally:
                context.close()
        finally:
            asyncio._set_running_loop(before)


@pytest.fixture(scope="session")
def browser() -> Iterator[Chromium]:
    """The Chromium of this process. There is no test without one."""
    program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    assert program, "No Chromium: install it, or name it in the variable CHROMIUM."
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        loop = asyncio.get_running_loop()
        asyncio._set_running_loop(None)
        yield Chromium(chromium, loop)
        asyncio._set_running_loop(loop)
        chromium.close()


def is_breach(line: ConsoleMessage) -> bool:
    """Whether the browser tells of a breach of the content policy."""
    return "Content Security Policy" in line.text


def is_error(line: ConsoleMessage) -> bool:
    """Whether the browser tells of any error, such as an answer of 404 to a script."""
    return line.type == "error"


@contextmanager
def window(
    browser: Chromium, client: Client, url: str, *, fault: Callable[[ConsoleMessage], bool] = is_breach, **options: Any
) -> Iterator[Page]:
    """Open a page for the member whom `client` is signed in as; `options` are those of the context.

    At the end an error in a script, or a line in the console that is a `fault`, fails the test.
    """
    value = client.session.session_key or ""
    cookie = {"name": settings.SESSION_COOKIE_NAME, "value": value, "url": urljoin(url, "/")}
    faults: list[str] = []
    options = {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light", **options}
    with browser.context(**options) as context:
        context.add_cookies([cookie])  # type: ignore[list-item]  # a TypedDict, spelled as a dict
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda line: faults.append(line.text) if fault(line) else None)
        page.goto(url)
        yield page
    assert faults == []


def aside(work: Callable[[], T]) -> T:
    """Do while a window is open what others do meanwhile: in a thread, since the database is refused in this one."""

    def done() -> T:
        try:
            return work()
        finally:
            database.close()

    with ThreadPoolExecutor(1) as worker:
        return worker.submit(done).result()
