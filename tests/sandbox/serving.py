"""A sandbox inside the test's process, whose clock the test holds, and a person who goes through its pages."""

from __future__ import annotations

import html
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

import requests

from connectors.sandbox.app import create_app
from connectors.sandbox.config import SandboxConfig
from connectors.sandbox.server import SandboxServer
from tests.sandbox.running import ADMIN_KEY, API_KEY

REDIRECT = "http://127.0.0.1:8000/connect/callback/"
# The verifier of RFC 7636, appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
COMPANY = "companies/co_halden_foods"
ASK = {
    "response_type": "code",
    "client_id": "patchbay",
    "redirect_uri": REDIRECT,
    "scope": "workforce payroll",
    "state": "state of the test",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


@dataclass
class Clock:
    """Seconds since 1970 that pass when the test says so, and `step` more with each look."""

    now: float = field(default_factory=time.time)
    step: float = 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@contextmanager
def serving(clock: Clock, **settings: object) -> Iterator[str]:
    """Serve a sandbox over HTTP and give its address."""
    config = SandboxConfig(**{"api_key": API_KEY, "admin_key": ADMIN_KEY, **settings})  # type: ignore[arg-type]
    server = SandboxServer("127.0.0.1", 0, create_app(config, clock))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Visitor:
    """A person with a browser that runs no scripts: opens the page, fills its form, follows no redirect."""

    url: str
    page: requests.Response = field(default_factory=requests.Response)

    def opens(self, changed: Mapping[str, str | None] | None = None) -> requests.Response:
        """Ask as ASK does, with some parameters changed, or left out where they are None."""
        asked = {name: value for name, value in {**ASK, **(changed or {})}.items() if value is not None}
        return self.opens_address(f"{self.url}/oauth/authorize?{urlencode(asked)}")

    def opens_address(self, url: str) -> requests.Response:
        self.page = requests.get(url, timeout=5, allow_redirects=False)
        return self.page

    def sends(self, **typed: str | list[str]) -> requests.Response:
        """Fill in the form of the page and press a button of it."""
        body = {"ticket": self.ticket, **typed}
        self.page = requests.post(f"{self.url}/oauth/authorize", data=body, timeout=5, allow_redirects=False)
        return self.page

    @property
    def ticket(self) -> str:
        found = re.search(r'name="ticket" value="([^"]+)"', self.page.text)
        assert found is not None, self.page.text
        return html.unescape(found[1])

    @property
    def message(self) -> str:
        """What the page says of what was typed."""
        found = re.search(r'role="alert"[^>]*>([^<]*)<', self.page.text)
        return html.unescape(found[1]) if found else ""

    def code_in_inbox(self, user: str) -> str:
        """Look up the newest code that was sent to a user."""
        found = re.search(r"<code>(\d{6})</code>", requests.get(f"{self.url}/inbox/{user}", timeout=5).text)
        assert found is not None
        return found[1]

    def allows(
        self, user: str = "nora", *, scopes: tuple[str, ...] = ("workforce", "payroll"), **changed: str | None
    ) -> dict[str, str]:
        """Go all the way, and return what came back in the address."""
        self.opens(changed)
        self.sends(username=user, password=f"payroll-{user}")
        if 'name="code"' in self.page.text:
            self.sends(code=self.code_in_inbox(user))
        self.sends(decision="allow", scope=list(scopes))
        return self.came_back_with()

    def came_back_with(self) -> dict[str, str]:
        """Return the parameters of the redirect that was answered."""
        assert self.page.status_code == 303, self.page.text
        query = parse_qs(urlsplit(self.page.headers["Location"]).query, strict_parsing=True)
        assert all(len(values) == 1 for values in query.values())
        return {name: values[0] for name, values in query.items()}


def exchange(url: str, code: str, **changed: str) -> requests.Response:
    """Exchange a code as a client does."""
    sent = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
        "client_id": "patchbay",
        **changed,
    }
    return requests.post(f"{url}/oauth/token", data=sent, timeout=5)


def renew(url: str, refresh_token: str, **changed: str) -> requests.Response:
    """Exchange a refresh token as a client does."""
    sent = {"grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": "patchbay", **changed}
    return requests.post(f"{url}/oauth/token", data=sent, timeout=5)


def read(url: str, token: str, path: str = "companies") -> requests.Response:
    """Read something of the API with a token."""
    return requests.get(f"{url}/v1/{path}", headers={"Authorization": f"Bearer {token}"}, timeout=5)


def granted(url: str, user: str = "nora") -> dict[str, str]:
    """Go all the way and return what the token endpoint says."""
    answer = exchange(url, Visitor(url).allows(user)["code"])
    assert answer.status_code == 200, answer.text
    found: dict[str, str] = answer.json()
    return found


def refused(answer: requests.Response) -> tuple[int, str]:
    """Return status and error code of an answer that nobody may keep."""
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status_code, answer.json()["error"]
