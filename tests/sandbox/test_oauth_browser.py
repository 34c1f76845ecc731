"""The sandbox's sign-in pages in a real browser: by the keyboard, without scripts, back to the application."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from connectors import signing_in
from connectors.signing_in import SignedIn
from tests.axe import Axe
from tests.browser import Chromium, is_breach
from tests.sandbox.serving import Clock, serving

TELEPHONES: tuple[ViewportSize, ...] = ({"width": 390, "height": 900}, {"width": 320, "height": 900})
DESK: ViewportSize = {"width": 1440, "height": 900}


@pytest.fixture
def url() -> Iterator[str]:
    with serving(Clock()) as address:
        yield address


@pytest.fixture
def application() -> Iterator[tuple[str, list[str]]]:
    """The address of an application that takes browsers back, and what came in."""
    came: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            # A browser asks for a picture of the application, too, sometimes before the test ends.
            if self.path.startswith("/connect/callback/"):
                came.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"back")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/connect/callback/", came
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def page_for(url: str, redirect_uri: str) -> tuple[str, str]:
    """Return where an application sends the browser, and the verifier that it keeps."""
    verifier, challenge = signing_in.new_verifier()
    address = signing_in.authorize_url(
        "sandbox_payroll",
        {"base_url": url},
        redirect_uri=redirect_uri,
        state="state & more",
        code_challenge=challenge,
        scopes=("workforce", "payroll"),
    )
    return address, verifier


def code_from_the_inbox(page: Page) -> str:
    """Follow the link to the inbox, which opens a page of its own, and read the code."""
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Open the inbox").click()
    code = opened.value.locator("code").first.inner_text()
    opened.value.close()
    return code


def test_a_user_with_a_second_factor_allows_a_part_by_the_keyboard_without_scripts(
    url: str, application: tuple[str, list[str]], browser: Chromium
) -> None:
    redirect_uri, came = application
    address, verifier = page_for(url, redirect_uri)
    with browser.context(java_script_enabled=False) as context:
        page = context.new_page()
        breaches: list[str] = []
        page.on("console", lambda line: breaches.append(line.text) if is_breach(line) else None)
        page.goto(address)
        expect(page.get_by_label("User name")).to_be_focused()
        page.keyboard.type("milan")
        page.keyboard.press("Tab")
        page.keyboard.type("wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_have_text("User name or password is wrong. 4 tries are left.")
        expect(page.get_by_label("User name")).to_have_value("milan")
        expect(page.get_by_label("Password")).to_be_focused()
        page.keyboard.type("payroll-milan")
        page.keyboard.press("Enter")
        expect(page.get_by_label("Code")).to_be_focused()
        code = code_from_the_inbox(page)
        page.get_by_label("Code").focus()
        page.keyboard.type(code)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading")).to_have_text("Let Patchbay read your data?")
        page.get_by_label("Payroll").focus()
        page.keyboard.press("Space")
        page.get_by_role("button", name="Allow").focus()
        page.keyboard.press("Enter")
        page.wait_for_url(f"{redirect_uri}?*")
        assert breaches == []

    (path,) = came
    back = parse_qs(urlsplit(path).query)
    assert back.keys() == {"code", "state"}
    assert back["state"] == ["state & more"]
    found = signing_in.exchange(
        "sandbox_payroll", {"base_url": url}, code=back["code"][0], verifier=verifier, redirect_uri=redirect_uri
    )
    assert isinstance(found, SignedIn)
    assert found.scopes == ("workforce",)


def test_a_user_who_will_not_goes_back_without_signing_in(
    url: str, application: tuple[str, list[str]], browser: Chromium
) -> None:
    redirect_uri, came = application
    with browser.context() as context:
        page = context.new_page()
        page.goto(page_for(url, redirect_uri)[0])
        page.get_by_role("button", name="Cancel").click()
        page.wait_for_url(f"{redirect_uri}?*")

    assert parse_qs(urlsplit(came[0]).query)["error"] == ["access_denied"]


def test_a_user_who_may_not_read_payroll_cannot_pass_it_on(
    url: str, application: tuple[str, list[str]], browser: Chromium
) -> None:
    with browser.context() as context:
        page = context.new_page()
        page.goto(page_for(url, application[0])[0])
        page.get_by_label("User name").fill("wanda")
        page.get_by_label("Password").fill("payroll-wanda")
        page.get_by_role("button", name="Sign in").click()

        expect(page.get_by_label("Workforce")).to_be_checked()
        expect(page.get_by_label("Your account may not read this, so you cannot allow it.")).to_be_disabled()


def look(page: Page, axe: Axe) -> None:
    """Check a page for what keeps people out, and that nothing is wider than the window."""
    assert axe.find_in_both_schemes(page) == []
    for size in (*TELEPHONES, DESK):
        page.set_viewport_size(size)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), size


def test_every_page_can_be_read_by_everybody(url: str, application: tuple[str, list[str]], browser: Chromium) -> None:
    axe = Axe(is_mild_told=True)
    # Axe is a script of the test's own, which the pages would not let in.
    with browser.context(viewport=DESK, bypass_csp=True) as context:
        page = context.new_page()
        page.goto(page_for(url, application[0])[0])
        page.get_by_label("User name").fill("milan")
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Sign in").click()
        page.get_by_text("Who can sign in").click()
        look(page, axe)
        page.get_by_label("Password").fill("payroll-milan")
        page.get_by_role("button", name="Sign in").click()
        look(page, axe)
        page.get_by_label("Code").fill(code_from_the_inbox(page))
        page.get_by_role("button", name="Go on").click()
        look(page, axe)
        page.goto(f"{url}/inbox/milan")
        look(page, axe)
        page.goto(f"{url}/oauth/authorize")
        look(page, axe)
        page.goto(f"{url}/access")
        look(page, axe)
