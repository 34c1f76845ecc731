"""E-mail to people outside: a connect link, in plain words and as a plain page, from whoever runs this installation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from email.utils import formataddr, parseaddr
from smtplib import SMTPException

import structlog
from django.conf import settings
from django.core.mail import BadHeaderError, EmailMultiAlternatives
from django.template.loader import render_to_string

from dashboard.connecting.steps import manifest_of
from dashboard.formatting import exact_time
from dashboard.pages.connect_look import Look
from sessions_log.models import Session

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class MailState:
    """Whether mails can be sent. `why_not` says what to set; `folder` is where they are written instead of sent."""

    is_ready: bool
    why_not: str = ""
    folder: str = ""


def mail_state() -> MailState:
    """Return how this installation sends mails."""
    if settings.PATCHBAY_EMAIL_HOST:
        return MailState(is_ready=True)
    if settings.PATCHBAY_EMAIL_DIR:
        return MailState(is_ready=True, folder=settings.PATCHBAY_EMAIL_DIR)
    why = "No mail server is set up. Set PATCHBAY_EMAIL_HOST and PATCHBAY_EMAIL_FROM, and start Patchbay again."
    return MailState(is_ready=False, why_not=why)


def send_link(session: Session, address: str, *, look: Look, zone: tzinfo) -> bool:
    """Send the link at `address` to the session's person, and say whether the server took it. Raises nothing."""
    manifest = manifest_of(session)
    is_assisted = manifest is not None and manifest.is_assisted
    context = {
        "session": session,
        "address": address,
        "look": look,
        "until": exact_time(session.expires_at, zone),
        "is_assisted": is_assisted,
    }
    _, sender = parseaddr(settings.DEFAULT_FROM_EMAIL)
    mail = EmailMultiAlternatives(
        subject=f"{look.name}: {'upload your files' if is_assisted else 'connect your account'}",
        body=render_to_string("mail/connect_link.txt", context),
        from_email=formataddr((look.name, sender)),
        to=[session.end_user_email],
        # What answers mails by itself leaves this one alone (RFC 3834).
        headers={"Auto-Submitted": "auto-generated"},
    )
    mail.attach_alternative(render_to_string("mail/connect_link.html", context), "text/html")
    try:
        return mail.send() == 1
    except (OSError, SMTPException, BadHeaderError, ValueError) as error:
        # Never its text: a server may repeat what it was sent.
        log.warning("a connect link was not sent", session=str(session.pk), why=type(error).__name__)
        return False
