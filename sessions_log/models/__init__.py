"""What end users did while connecting: sessions and their events; and how the pages look on which they did it.

The session carries the facts that lists show (status, stage, time, findings), so that a list never reads events.
"""

from sessions_log.models.event import MOST_WORDS, SessionEvent, SessionEventQuerySet
from sessions_log.models.ingest_key import IngestKey, IngestKeyQuerySet
from sessions_log.models.look import ConnectLook, ConnectLookQuerySet
from sessions_log.models.session import (
    LEFT,
    LIVE,
    RESUMABLE,
    Origin,
    Session,
    SessionKind,
    SessionQuerySet,
    SessionStatus,
)
from sessions_log.models.tally import FindingTally, SessionTally, TalliedDay, TallyMark, TimeTally

__all__ = (
    "LEFT",
    "LIVE",
    "MOST_WORDS",
    "RESUMABLE",
    "ConnectLook",
    "ConnectLookQuerySet",
    "FindingTally",
    "IngestKey",
    "IngestKeyQuerySet",
    "Origin",
    "Session",
    "SessionEvent",
    "SessionEventQuerySet",
    "SessionKind",
    "SessionQuerySet",
    "SessionStatus",
    "SessionTally",
    "TalliedDay",
    "TallyMark",
    "TimeTally",
)
