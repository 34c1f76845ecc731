"""What end users did while connecting: sessions and their events.

The session carries the facts that lists show (status, stage, time, findings), so that a list never reads events.
"""

from sessions_log.models.event import MOST_WORDS, SessionEvent, SessionEventQuerySet
from sessions_log.models.session import (
    LIVE,
    RESUMABLE,
    Origin,
    Session,
    SessionKind,
    SessionQuerySet,
    SessionStatus,
)

__all__ = (
    "LIVE",
    "MOST_WORDS",
    "RESUMABLE",
    "Origin",
    "Session",
    "SessionEvent",
    "SessionEventQuerySet",
    "SessionKind",
    "SessionQuerySet",
    "SessionStatus",
)
