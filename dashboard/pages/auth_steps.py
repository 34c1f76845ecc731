"""How far one person came: each stage done, current, refused or not reached, with its time and attempts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from dashboard.formatting import duration
from dashboard.pages.session_words import PASSED
from jobs.text import counted
from sessions_log.models import LEFT, Session, SessionStatus
from sessions_log.stages import OPTIONAL, STAGES, Stage, number_of
from sessions_log.story import StageStory, Story, is_passed


@dataclass(frozen=True, slots=True)
class Step:
    """One stage of one session. `seen` is the exact message that was last read there, `code` our code for it."""

    number: int
    name: str
    tone: str
    state: str
    at: datetime | None
    took: str
    attempts: str
    seen: str
    code: str
    is_current: bool


def steps_of(session: Session, story: Story) -> tuple[Step, ...]:
    """Return all nine stages of a session."""
    return tuple(_steps(session, story))


def _steps(session: Session, story: Story) -> Iterator[Step]:
    for stage in STAGES:
        known = story.stages.get(stage)
        is_current = stage == story.furthest and story.status != SessionStatus.COMPLETED
        tone, state = _state(stage, known, story, is_current=is_current)
        was_met = known is not None and number_of(stage) <= number_of(story.furthest)
        yield Step(
            number=number_of(stage) + 1,
            name=str(stage.label),
            tone=tone,
            state=state,
            at=session.created_at if stage == Stage.INVITED else known.reached_at if known else None,
            took=duration(known.took) if known and was_met and stage != Stage.CONNECTED else "",
            attempts=", ".join(_attempts(known)) if known else "",
            seen=known.words if known else "",
            code=known.error_code if known else "",
            is_current=is_current,
        )


def _state(stage: Stage, known: StageStory | None, story: Story, *, is_current: bool) -> tuple[str, str]:
    """Return the tone and the word of a stage."""
    if is_current and story.status in LEFT:
        if known and known.refusals:
            return "bad", "Refused, then left"
        return "warn", "Never opened" if story.status == SessionStatus.EXPIRED else "Left here"
    if is_current:
        return ("idle", "Waits to be opened") if story.status == SessionStatus.CREATED else ("run", "Here now")
    if not is_passed(stage, story.furthest, story.status):
        return "", "Not reached"
    if known is None and stage in OPTIONAL:
        return "", "Not asked for"
    return "ok", PASSED.get(stage, "Done")


def _attempts(known: StageStory) -> Iterator[str]:
    if known.refusals:
        yield f"{counted(known.refusals, 'time')} refused"
    if known.exits:
        yield f"left {counted(known.exits, 'time')}"
