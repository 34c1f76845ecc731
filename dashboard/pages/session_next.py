"""What to do next about a session: one button, why, and what the customer should hear."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse

from dashboard.formatting import elapsed_time
from dashboard.pages.session_facts import entry_of, filled
from dashboard.pages.session_words import manifest_of
from sessions_log.models import LEFT, Session, SessionStatus


@dataclass(frozen=True, slots=True)
class NextStep:
    """What to do: a title, the reason, and the address of a new link with its label, empty where none would help.

    `customer` is what the customer should hear, `actions` what the registry recommends on the code.
    """

    title: str
    why: str
    label: str = ""
    href: str = ""
    customer: str = ""
    actions: tuple[str, ...] = ()


# What helps a connection that exists, not one that is still to be made.
_LATER = frozenset({"sync_now", "test_connection", "resume"})


def next_step(session: Session, now: datetime) -> NextStep:
    """Return what to do next about a session."""
    if session.status == SessionStatus.COMPLETED:
        return NextStep("Nothing to do", "They are connected, and the first sync runs by itself.")
    if session.status == SessionStatus.OPENED:
        return NextStep("Wait", "They are in the flow now. After 15 minutes without a word this page says so.")
    label, href = _new_link(session)
    if session.status == SessionStatus.CREATED:
        return NextStep(
            "Wait, or send the link again",
            f"The link has not been opened for {elapsed_time(session.created_at, now)}. It works once, until its time "
            "is over.",
            label,
            href,
            customer="Your link to connect is ready and waits to be opened.",
        )
    if session.status == SessionStatus.EXPIRED:
        return NextStep("Send a new link", "This one was never opened, and its time is over.", label, href)
    if session.error_code:
        entry = entry_of(session.error_code)
        return NextStep(
            "Help, then send a new link" if entry.who != "nobody" else "Send a new link",
            f"{filled(entry.title, session)}. What they read stands at that stage.",
            label,
            href,
            filled(entry.end_user_text, session),
            tuple(filled(one.title, session) for one in entry.actions if one.kind not in _LATER),
        )
    return NextStep(
        "Ask, then send a new link",
        "Nothing was refused, so only they know why they left.",
        label,
        href,
        customer="You have not finished connecting your account. A new link leads back to where it begins.",
    )


def new_link_address(session: Session) -> str:
    """Return the address where a new link like this session's is made."""
    return _new_link(session)[1]


def offers_link(session: Session) -> bool:
    """Whether a new link makes sense: not while somebody is in it, nor once it has led to a connection."""
    return session.status in {*LEFT, SessionStatus.CREATED}


def _new_link(session: Session) -> tuple[str, str]:
    asked = {"from": str(session.pk)}
    label = "Send reconnect link" if session.connection_id else "Send new link"
    manifest = manifest_of(session.provider)
    if manifest and manifest.is_assisted:
        label = "New upload link"
    return label, f"{reverse('sessions:new')}?{urlencode(asked)}"
