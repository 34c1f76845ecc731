"""The story of a session: what its events say, derived by one function and never told anywhere else.

The status follows from the events alone. Silence is found by the server and is an event too, so that a session can be
told again at any time with the same result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sessions_log.events import REFUSALS, SILENT, STAGE_OF, TOLD_UNDER, EventName
from sessions_log.models.session import SessionStatus
from sessions_log.order import Placed
from sessions_log.stages import STAGES, Stage, number_of

# After so long without a word the person is gone (PRODUCT, “Session”).
SILENCE = timedelta(minutes=15)
# What no further try in this session can help.
FINAL_CODES = frozenset(
    {"account_locked", "insufficient_permissions", "entity_access_lost", "consent_revoked", "misconfigured"}
)
_PASSES = frozenset({EventName.LOGIN_SUCCEEDED, EventName.FILE_ACCEPTED, EventName.PERMISSIONS_VERIFIED})
_ENDS = {
    EventName.SESSION_EXITED: SessionStatus.EXITED,
    EventName.SESSION_ABANDONED: SessionStatus.ABANDONED,
    EventName.SESSION_EXPIRED: SessionStatus.EXPIRED,
    EventName.SESSION_COMPLETED: SessionStatus.COMPLETED,
}


@dataclass(slots=True)
class StageStory:
    """What happened at one stage: when it was reached first, how long somebody was there, and the refusals there."""

    stage: Stage
    reached_at: datetime
    took: timedelta = timedelta()
    exits: int = 0
    returns: int = 0
    refusals: int = 0
    error_code: str = ""
    words: str = ""


@dataclass(slots=True)
class Story:
    """All that the events of one session say together."""

    status: SessionStatus = SessionStatus.CREATED
    stage: Stage = Stage.INVITED
    furthest: Stage = Stage.INVITED
    provider: str = ""
    opened_at: datetime | None = None
    last_at: datetime | None = None
    ended_at: datetime | None = None
    took: timedelta | None = None
    # The last refusal that no success followed.
    error_code: str = ""
    words: str = ""
    # What the last thing was that the person did: it says how a silent one left.
    last_name: str = ""
    stages: dict[Stage, StageStory] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    # Different providers that were chosen, in order; and the names of permissions that were missing.
    providers: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unknown_searches: int = 0
    longest_away: timedelta = timedelta()

    @property
    def is_over(self) -> bool:
        """Whether nothing more is expected of the person."""
        return self.status not in {SessionStatus.CREATED, SessionStatus.OPENED}


def told_under(placed: Placed, before: Stage) -> Stage:
    """Return the stage that an event is told under; `before` is where the person was."""
    event = placed.event
    if event.name == EventName.LOGIN_SUCCEEDED and before == Stage.MFA:
        # The code was the last of it.
        return Stage.MFA
    if event.name in TOLD_UNDER:
        return TOLD_UNDER[event.name]
    if event.stage:
        return Stage(event.stage)
    return STAGE_OF.get(event.name, before)


def story_of(placed: Sequence[Placed]) -> Story:
    """Return the story that ordered events tell."""
    story = Story()
    for one in placed:
        _take(story, one)
    return story


def under_stages(placed: Iterable[Placed]) -> list[tuple[Stage, Placed]]:
    """Return each event with the stage that it is told under; a silence that was none is left out."""
    story, told = Story(), []
    for one in placed:
        if not _was_heard(story, one):
            told.append((told_under(one, story.stage), one))
        _take(story, one)
    return told


def _take(story: Story, placed: Placed) -> None:
    """Go on with the story by one event."""
    event, name, at = placed.event, EventName(placed.event.name), placed.at
    if _was_heard(story, placed):
        return
    if name in SILENT:
        story.counts[name] += 1
        _end(story, name, at)
        return
    _spend(story, at)
    _move(story, placed)
    story.counts[name] += 1
    story.last_name, story.last_at = name, at
    if event.provider:
        _choose(story, event.provider, is_choice=name == EventName.PROVIDER_SELECTED)
    if name == EventName.PROVIDER_SEARCHED and event.detail.get("found") == 0:
        story.unknown_searches += 1
    if name == EventName.PAGE_EXITED:
        story.stages[story.stage].exits += 1
    if name in REFUSALS or event.error_code:
        _refuse(story, placed)
    elif name in _PASSES or name == EventName.SESSION_COMPLETED:
        story.error_code = story.words = ""
    _settle(story, name, at)


def _was_heard(story: Story, placed: Placed) -> bool:
    """Whether this is a silence that somebody's front end disproved later: the person did something meanwhile."""
    is_silence = placed.event.name == EventName.SESSION_ABANDONED
    return is_silence and story.last_at is not None and placed.at - story.last_at < SILENCE


def _spend(story: Story, at: datetime) -> None:
    """Count the time since the last event for the stage at which it was spent, unless the person was away."""
    if story.opened_at is None or story.last_at is None:
        return
    passed = max(at - story.last_at, timedelta())
    if passed >= SILENCE:
        story.longest_away = max(story.longest_away, passed)
        return
    story.took = (story.took or timedelta()) + passed
    if story.stage in story.stages:
        story.stages[story.stage].took += passed


def _move(story: Story, placed: Placed) -> None:
    """Go to the stage that the event names or leads to. Only a page that is seen leads back."""
    event = placed.event
    name = EventName(event.name)
    stage = STAGE_OF.get(name) or (Stage(event.stage) if event.stage else story.stage)
    is_back = number_of(stage) < number_of(story.stage)
    if not is_back or name == EventName.PAGE_VIEWED:
        if name == EventName.PAGE_VIEWED and stage == story.stage and story.last_name == EventName.PAGE_EXITED:
            story.stages[stage].returns += 1
        story.stage = stage
    story.stages.setdefault(story.stage, StageStory(story.stage, placed.at))
    story.furthest = max(story.furthest, story.stage, key=number_of)


def _choose(story: Story, provider: str, *, is_choice: bool) -> None:
    story.provider = provider
    if is_choice and story.providers[-1:] != [provider]:
        story.providers.append(provider)


def _refuse(story: Story, placed: Placed) -> None:
    event = placed.event
    story.error_code, story.words = event.error_code or "unknown_error", event.words
    story.codes[story.error_code] += 1
    at = story.stages[story.stage]
    at.refusals += 1
    at.error_code, at.words = story.error_code, event.words
    story.missing += [str(one) for one in event.detail.get("missing", []) if str(one) not in story.missing]


def _settle(story: Story, name: EventName, at: datetime) -> None:
    """Set the status that the person's own doing leads to."""
    if story.status == SessionStatus.COMPLETED:
        return
    if name in _ENDS:
        _end(story, name, at)
    elif story.error_code in FINAL_CODES and name in {*REFUSALS, EventName.ERROR_SHOWN, EventName.PAGE_EXITED}:
        story.status, story.ended_at = SessionStatus.FAILED, at
    else:
        story.status, story.ended_at = SessionStatus.OPENED, None
        story.opened_at = story.opened_at or at


def _end(story: Story, name: EventName, at: datetime) -> None:
    if name not in _ENDS or story.status == SessionStatus.COMPLETED:
        return
    # What failed stays failed, however long nobody speaks afterwards.
    if story.status == SessionStatus.FAILED and name in SILENT:
        return
    story.status, story.ended_at = _ENDS[name], at
    if name == EventName.SESSION_COMPLETED:
        story.stage = story.furthest = Stage.CONNECTED
        story.opened_at = story.opened_at or at


def is_passed(stage: Stage, furthest: Stage, status: str) -> bool:
    """Whether somebody who came as far as `furthest` is past `stage`; an optional one that was not asked for is."""
    return number_of(furthest) > number_of(stage) or status == SessionStatus.COMPLETED


def numbers_from(stage: Stage) -> range:
    """Return the numbers of `stage` and of those after it."""
    return range(number_of(stage), len(STAGES))
