"""The page of one session: its story in a sentence, its timeline, or every event as it came in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from uuid import UUID

from dashboard.formatting import NOT_APPLICABLE
from dashboard.pages.session_facts import offset_words, pips_of, stage_of, took_words
from dashboard.pages.session_job import FirstJob, first_job_of
from dashboard.pages.session_next import NextStep, next_step, offers_link
from dashboard.pages.session_rows import kind_of, who_of
from dashboard.pages.session_sentence import sentence_of
from dashboard.pages.session_timeline import Timeline, timeline_of, usual_seconds
from dashboard.pages.session_words import provider_name, status_at
from sessions_log.models import LIVE, Session, SessionEvent, SessionStatus
from sessions_log.order import Placed, ordered
from sessions_log.stages import STAGES, Stage
from sessions_log.story import Story, story_of, under_stages

# What a stage usually takes is the middle of so many completed sessions of so many days.
_SAMPLES, _LATELY = 500, timedelta(days=30)


@dataclass(frozen=True, slots=True)
class RawEvent:
    """One event as it is stored. `at` is its time by our clock."""

    pk: UUID
    offset: str
    at: datetime
    received_at: datetime
    source: str
    sequence: str
    name: str
    stage: str
    page: str
    code: str
    words: str
    more: str


@dataclass(frozen=True, slots=True)
class SessionPage:
    """All that is told of one session. `raw` is filled instead of what the timeline needs where that is asked for."""

    pk: UUID
    who: str
    kind: str
    status: str
    status_at: str
    provider: str
    stage_place: str
    pips: tuple[str, ...]
    took: str
    at: datetime
    sentence: str
    timeline: Timeline
    job: FirstJob | None
    had_job: bool
    next: NextStep
    offers_link: bool
    raw: tuple[RawEvent, ...]
    is_raw: bool
    is_live: bool

    @property
    def version(self) -> str:
        """Name its state: it changes with every event, and with the job that follows."""
        told = (self.status, self.sentence, self.timeline.sections, self.job, len(self.raw))
        return blake2b(repr(told).encode(), digest_size=12).hexdigest()


@dataclass(frozen=True, slots=True)
class Read:
    """A session with all that was recorded of it."""

    session: Session
    placed: tuple[Placed, ...]
    story: Story


def read(session: Session) -> Read:
    """Read the events of a session and derive its story. One query."""
    placed = ordered(SessionEvent.objects.of([session.pk]), session.clock_offset_ms)
    return Read(session, tuple(placed), story_of(placed))


def page_of(found: Read, now: datetime, *, is_raw: bool = False) -> SessionPage:
    """Return the page. One query for the usual times, and one for the first job where there is one."""
    session, story = found.session, found.story
    usual = usual_seconds(usual_samples(now))
    timeline, job = timeline_of(session, found.placed, story, usual), first_job_of(session)
    stage = stage_of(session)
    return SessionPage(
        pk=session.pk,
        who=who_of(session),
        kind=kind_of(session),
        status=session.status,
        status_at=status_at(session, stage=stage),
        provider=provider_name(session.provider),
        stage_place=f"Stage {session.furthest + 1} of {len(STAGES)}, {stage.label}",
        pips=pips_of(session),
        took=took_words(session),
        at=session.opened_at or session.created_at,
        sentence=sentence_of(story, timeline.folds),
        timeline=timeline,
        job=job,
        had_job=session.first_job_id is not None,
        next=next_step(session, now),
        offers_link=offers_link(session),
        raw=tuple(_raw(found.placed, story.opened_at or session.created_at)) if is_raw else (),
        is_raw=is_raw,
        is_live=_is_live(session, job, now),
    )


def usual_samples(now: datetime) -> Iterator[dict[str, int]]:
    """Give the milliseconds by stage of the newest completed sessions of the last 30 days. One query."""
    completed = Session.objects.filter(status=SessionStatus.COMPLETED).made(now - _LATELY)
    yield from completed.order_by("-pk").values_list("stage_ms", flat=True)[:_SAMPLES]


def _is_live(session: Session, job: FirstJob | None, now: datetime) -> bool:
    """Whether news are to be expected: a person or its first job is on the way, or a link waits to be opened."""
    if session.status == SessionStatus.CREATED:
        return session.expires_at > now
    return session.status in LIVE or (job is not None and not job.is_over)


def _raw(placed: Sequence[Placed], start: datetime) -> Iterator[RawEvent]:
    for stage, one in under_stages(placed):
        event = one.event
        yield RawEvent(
            pk=event.pk,
            offset=offset_words(one.at - start) if one.at >= start else "",
            at=one.at,
            received_at=event.received_at,
            source=event.source,
            sequence=NOT_APPLICABLE if event.sequence is None else str(event.sequence),
            name=event.name,
            stage=str(Stage(stage).label),
            page=event.page,
            code=event.error_code,
            words=event.words,
            more=", ".join(_more(event)),
        )


def _more(event: SessionEvent) -> Iterator[str]:
    if event.provider:
        yield event.provider
    if event.exit_reason:
        yield event.exit_reason
    for name, value in event.detail.items():
        yield f"{name} {', '.join(map(str, value)) if isinstance(value, list) else value}"
