"""Tells the session what the server sees, in the order in which it happened."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from connectors.providers.manifest import Manifest
from dashboard.connecting.carried import Refusal
from dashboard.connecting.steps import Step, stage_of
from dashboard.pages.connect_words import refusal_of
from sessions_log.events import EventName
from sessions_log.models import Session
from sessions_log.services.record import NewEvent, in_order, record

# The provider's own trouble says nothing of what was typed, so that no sign-in counts as refused.
_TROUBLE = frozenset({"provider_unavailable", "provider_maintenance", "provider_error", "rate_limited"})


def tell(session: Session, *events: NewEvent, since: datetime | None = None) -> Session:
    """Record events that the server saw; the first one at `since`, where it was earlier. Returns the session then."""
    now = timezone.now()
    first = events[:1] if since else ()
    placed = [*in_order(*first, now=since or now), *in_order(*events[len(first) :], now=now)]
    return record(session, *placed, now=now)


def seen(step: Step) -> NewEvent:
    """A page was shown."""
    return NewEvent(EventName.PAGE_VIEWED, stage=stage_of(step), page=step)


def refused(name: EventName, refusal: Refusal, manifest: Manifest) -> NewEvent:
    """A refusal, in the words that the person sees; trouble of the provider's own is only an error that was shown."""
    step = Step(refusal.page)
    words = refusal_of(refusal.code, manifest, tries_left=refusal.tries_left, missing=refusal.missing).words
    return NewEvent(
        EventName.ERROR_SHOWN if refusal.code in _TROUBLE else name,
        stage=stage_of(step),
        page=step,
        error_code=refusal.code,
        words=words,
        detail={"missing": list(refusal.missing)} if refusal.missing else {},
    )
