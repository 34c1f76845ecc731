"""The demo's end users: a few passes through the hosted flow, made over HTTP against the web that runs.

Each is what a person with a browser would do: he opens his link, presses buttons, types, is refused, gives up. What
the pages of sessions show later is what these visits left.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from html.parser import HTMLParser
from urllib.parse import urljoin

import requests
import structlog
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from connectors.models import Connection, Destination
from sessions_log.models import Session
from sessions_log.services.links import Invitation, create_link

log = structlog.get_logger(__name__)

_TIMEOUT_SECONDS, _WAIT_SECONDS, _BETWEEN_LOOKS = 30, 30, 0.1
_FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"
_SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 26_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/26.1 Mobile/15E148 Safari/604.1"
)
_PAYROLL = "sandbox_payroll"
# Those of the sandbox's users, which are public, and three that are wrong.
_SONJA, _WANDA, _LARS, _WRONG = "payroll-sonja", "payroll-wanda", "payroll-lars", ("spring", "summer", "autumn")
_LINK_WORKS = timedelta(days=7)


class VisitError(Exception):
    """A visit did not get where it was to. The text says where it stood."""


@dataclass(frozen=True, slots=True)
class Guest:
    """An end user: for whom the link is, and with which browser he comes."""

    name: str
    email: str
    reference: str
    browser: str = _FIREFOX


class _Form(HTMLParser):
    """What a page's first form that is sent by POST sends by itself: its hidden fields and its ticked boxes."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: list[tuple[str, str]] = []
        self._is_inside = self._is_over = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a form's beginning, and each field in it that is sent as it stands."""
        known = {name: value or "" for name, value in attrs}
        if tag == "form" and known.get("method") == "post":
            self._is_inside = not self._is_over
        elif tag == "input" and self._is_inside and (known.get("type") == "hidden" or "checked" in known):
            self.fields.append((known.get("name", ""), known.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        """Note the form's end."""
        if tag == "form" and self._is_inside:
            self._is_inside, self._is_over = False, True


class Visitor:
    """A browser without scripts: it keeps cookies, follows redirects and sends the forms that it sees."""

    def __init__(self, root: str, browser: str) -> None:
        self._root, self._session = root, requests.Session()
        self._session.trust_env = False
        self._session.headers["User-Agent"] = browser
        self._page: requests.Response | None = None

    def open(self, address: str) -> None:
        """Open a page, by its address as a link on the current one has it. Raises `VisitError` where there is none."""
        base = self._page.url if self._page is not None else self._root
        self._take(self._session.get(urljoin(base, address), timeout=_TIMEOUT_SECONDS))

    def press(self, **values: str) -> None:
        """Send the page's form with `values`. Raises `VisitError`."""
        page = self._known()
        form = _Form()
        form.feed(page.text)
        sent = [*(one for one in form.fields if one[0] not in values), *values.items()]
        self._take(self._session.post(page.url, data=sent, headers={"Referer": page.url}, timeout=_TIMEOUT_SECONDS))

    def at(self, step: str) -> bool:
        """Whether the page is that of a step."""
        return f"/{step}/" in self._known().url

    def _known(self) -> requests.Response:
        if self._page is None:
            message = "No page is open."
            raise VisitError(message)
        return self._page

    def _take(self, page: requests.Response) -> None:
        # A refusal is a page too, with what to correct.
        if page.status_code not in {requests.codes.ok, requests.codes.unprocessable}:
            message = f"{page.url} answered {page.status_code}."
            raise VisitError(message)
        self._page = page


def ensure_visits(*, root: str, actor: User) -> int:
    """Let the demo's end users go through the flow at `root`, the web's address, unless somebody did before.

    Returns how many did. Where the web does not answer in time nobody does, and a visit that goes wrong is told: none
    of it is worth a start that fails.
    """
    if Session.objects.exists() or not _answers(root):
        return 0
    count = 0
    warehouse = Destination.objects.get(name="Warehouse")
    broken = Connection.objects.filter(name="Webshop staging").first()
    if broken is not None:
        _link(_QUARRY, actor, connection=broken)
    for guest, provider, way in _VISITS:
        try:
            visitor = Visitor(root, guest.browser)
            visitor.open(reverse("connect:start", args=[_link(guest, actor, provider=provider, destination=warehouse)]))
            visitor.press()
            way(visitor)
            count += 1
        except (VisitError, requests.RequestException) as error:
            log.warning("A visit of the demo ended early", guest=guest.name, reason=str(error))
    return count


def _answers(root: str) -> bool:
    until = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < until:
        try:
            if requests.get(urljoin(root, reverse("health")), timeout=_TIMEOUT_SECONDS).ok:
                return True
        except requests.RequestException:
            time.sleep(_BETWEEN_LOOKS)
    return False


def _link(
    guest: Guest,
    actor: User,
    *,
    provider: str = "",
    destination: Destination | None = None,
    connection: Connection | None = None,
) -> str:
    invitation = Invitation(
        expires_at=timezone.now() + _LINK_WORKS,
        connection=connection,
        provider=provider,
        destination=destination,
        end_user_name=guest.name,
        end_user_email=guest.email,
        reference=guest.reference,
    )
    return create_link(invitation=invitation, actor=actor)[1]


def _agree(visitor: Visitor) -> None:
    visitor.press(agree="on")


def _sign_in(visitor: Visitor, username: str, password: str) -> None:
    if not visitor.at("sign-in"):
        message = "The sign-in is not where the visit stands."
        raise VisitError(message)
    visitor.press(action="choose", method="credentials_mfa")
    visitor.press(username=username, password=password)


def _connects(visitor: Visitor) -> None:
    """Goes straight through; the account sees one company, so that there is nothing to choose."""
    _agree(visitor)
    _sign_in(visitor, "sonja", _SONJA)
    visitor.press()


def _is_refused(visitor: Visitor) -> None:
    """Looks for a service that is not there, takes one, changes his mind, guesses three passwords, and falls silent."""
    _agree(visitor)
    visitor.open("?q=Sage")
    visitor.open("./")
    visitor.press(provider="postgres")
    visitor.open("../provider/")
    visitor.press(provider=_PAYROLL)
    first, *others = _WRONG
    _sign_in(visitor, "nora", first)
    for word in others:
        visitor.press(username="nora", password=word)


def _may_not_read(visitor: Visitor) -> None:
    """Signs in with an account that may not read everything, and finds out at the check."""
    _agree(visitor)
    _sign_in(visitor, "wanda", _WANDA)
    visitor.press(action="all")
    visitor.press(action="connect")


def _is_locked(visitor: Visitor) -> None:
    """Has an account that the provider has locked."""
    _agree(visitor)
    _sign_in(visitor, "lars", _LARS)


def _declines(visitor: Visitor) -> None:
    """Reads the terms, and does not agree."""
    visitor.press(action="decline")


_QUARRY = Guest("Quarry Lane Shop, IT", "it@quarry-lane.example", "CUST-0098")
_VISITS: Iterable[tuple[Guest, str, Callable[[Visitor], None]]] = (
    (Guest("Bexley Paper, finance", "finance@bexley.example", "CUST-1204"), "", _declines),
    (Guest("Tideway Marine, office", "office@tideway.example", "CUST-1177", _SAFARI), _PAYROLL, _is_locked),
    (Guest("Brightwater Clinics, IT", "it@brightwater.example", "CUST-1031"), _PAYROLL, _may_not_read),
    (Guest("Fairmont Optics, HR", "hr@fairmont.example", "CUST-0877"), "", _is_refused),
    (Guest("Juniper Bakeries, payroll", "payroll@juniper.example", "CUST-1250", _SAFARI), _PAYROLL, _connects),
)
