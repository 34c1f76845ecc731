"""A person with a browser. Whatever a page complains about in the console fails the test at its end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import ConsoleMessage, Locator, Page, Response, StorageState, expect

from tests.browser import Chromium
from tests.e2e.stack import Stack

# Patience for what needs a round trip to a server on a busy machine, in milliseconds.
PATIENCE = 15_000
_STATUS = re.compile(r"responded with a status of (\d{3})")
_SIGNED_IN: dict[tuple[str, str], StorageState] = {}


class Visitor:
    """One browser window on a stack. `role` is empty for a stranger."""

    def __init__(self, stack: Stack, page: Page, role: str) -> None:
        self.stack, self.page, self.role = stack, page, role
        self.faults: list[str] = []
        self._expected: set[int] = set()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: self.faults.append(f"script error: {error}"))
        page.on("console", self._hear)

    def expects(self, *statuses: int) -> None:
        """Take answers with these statuses for what the test wants; the browser complains about each of them."""
        self._expected.update(statuses)

    def open(self, path: str) -> Response:
        """Go to an address of Patchbay and return its answer."""
        response = self.page.goto(f"{self.stack.url}{path}")
        assert response is not None
        return response

    def sign_in(self, role: str) -> None:
        """Fill in the form on the sign-in page, which is open."""
        self.page.get_by_label("User name or e-mail").fill(role)
        self.page.get_by_label("Password").fill(self.stack.password(role))
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_role("heading", level=1)).not_to_have_text("Sign in")
        self.role = role

    def row(self, connection: str) -> Locator:
        """Return the row of a connection on the list."""
        link = self.page.get_by_role("link", name=connection, exact=True)
        return self.page.get_by_role("row").filter(has=link)

    def menu(self, connection: str) -> Locator:
        """Open the menu of a row of the list and return it; without scripts it is a page of its own."""
        row = self.row(connection)
        row.get_by_role("button", name=f"Actions for {connection}", exact=True).click()
        return self.page.locator(".menu").filter(has=self.page.get_by_role("link", name="Edit setup"))

    def press(self, connection: str, action: str) -> None:
        """Open the menu of a row of the list and press one of its buttons."""
        self.menu(connection).get_by_role("button", name=action).click()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type != "error":
            return
        status = _STATUS.search(message.text)
        if status is None or int(status[1]) not in self._expected:
            self.faults.append(f"{message.text} ({message.location.get('url', '')})")


@contextmanager
def visiting(browser: Chromium, stack: Stack, role: str, **options: Any) -> Iterator[Visitor]:
    """Open a window, signed in as `role` unless that is empty; its complaints are an assertion at the end.

    The form is filled in once per role and stack; later windows bring the cookies that it gave.
    """
    options.setdefault("viewport", {"width": 1440, "height": 900})
    known = _SIGNED_IN.get((stack.url, role))
    with browser.context(storage_state=known, **options) as context:
        visitor = Visitor(stack, context.new_page(), role)
        if role and known is None:
            visitor.open("/")
            visitor.sign_in(role)
            _SIGNED_IN[stack.url, role] = context.storage_state()
        yield visitor
    assert visitor.faults == []
