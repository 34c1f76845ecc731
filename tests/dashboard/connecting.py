"""Links and the people who follow them: what tests of the hosted flow share."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard.connecting.steps import Step
from sessions_log.models import Session
from sessions_log.services.links import Invitation, create_link
from tests.factories import make_destination
from tests.sandbox.running import API_KEY

BEYOND = "https://elsewhere.example"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:150.0) Gecko/20100101 Firefox/150.0"


def make_link(**values: Any) -> tuple[Session, str]:
    """Store a link for Halden Foods to the sandbox, and return its session with the address."""
    defaults: dict[str, Any] = {
        "expires_at": timezone.now() + timedelta(hours=24),
        "provider": "sandbox_payroll",
        "end_user_name": "Halden Foods",
    }
    if "connection" not in values and "destination" not in values:
        defaults["destination"] = make_destination()
    session, secret = create_link(invitation=Invitation(**{**defaults, **values}), actor=None)
    return session, reverse("connect:start", args=[secret])


class Person:
    """Somebody with a browser of his own who follows a link, without scripts."""

    def __init__(self, session: Session, address: str) -> None:
        self.client = Client(headers={"user-agent": FIREFOX})
        self.session, self.address = session, address

    def begin(self) -> Person:
        """Open the link and press on."""
        self.client.get(self.address)
        self.client.post(self.address)
        return self

    def agree(self) -> Person:
        """Begin, and agree to the terms."""
        self.begin().send(Step.TERMS, agree="on")
        return self

    def at(self, step: Step) -> str:
        return reverse("connect:step", args=[self.session.pk, step.value])

    def see(self, step: Step, **query: str) -> Any:
        return self.client.get(self.at(step), query)

    def send(self, step: Step, **answer: Any) -> Any:
        return self.client.post(self.at(step), answer)

    def press(self, step: Step, **query: str) -> str:
        """Return the name of the press that the page was rendered with."""
        found = re.search(r'name="press" value="([0-9a-f]+)"', self.see(step, **query).content.decode())
        assert found is not None
        return found[1]

    def now(self) -> Session:
        """Return the session as it is now."""
        return Session.objects.get(pk=self.session.pk)

    def told(self) -> list[str]:
        """Return the names of the events, in the order in which they happened."""
        return [str(one.name) for one in self.now().events.order_by("occurred_at", "pk")]


def person(**values: Any) -> Person:
    """Return somebody who got a link."""
    return Person(*make_link(**values))


def sign_in(someone: Person, key: str = API_KEY, **also: str) -> Any:
    """Sign in with an API key."""
    return someone.send(Step.SIGN_IN, method="api_key", api_key=key, **also)


def choose(someone: Person, count: int) -> Any:
    """Tick the first so many companies, and connect."""
    shown = someone.see(Step.COMPANIES).context["companies"].shown
    return someone.send(Step.COMPANIES, action="connect", refs=[one.ref for one in shown[:count]])
