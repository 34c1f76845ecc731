"""The timeline of a session: its stages in the order in which they were met, with gaps, folded repeats and the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from statistics import median

from dashboard.formatting import duration
from dashboard.pages.session_facts import entry_of, filled, offset_words
from dashboard.pages.session_units import Fold, Unit, folds_of
from dashboard.pages.session_words import PASSED, PLACES, browser_words, event_words, leaving
from dashboard.pages.spoken import times
from sessions_log.events import REFUSALS, EventName
from sessions_log.models import LEFT, Session, SessionStatus
from sessions_log.order import Placed
from sessions_log.stages import STAGES, Stage, number_of
from sessions_log.story import SILENCE, Story, is_passed

_E = EventName
# A pause shorter than this is how long it takes to read a page.
GAP = timedelta(seconds=20)
_TONES: Mapping[str, str] = {
    _E.PAGE_EXITED: "warn",
    _E.TERMS_DECLINED: "warn",
    _E.HELP_OPENED: "warn",
    _E.SESSION_EXITED: "warn",
    _E.SESSION_ABANDONED: "warn",
    _E.SESSION_EXPIRED: "warn",
    _E.ERROR_SHOWN: "bad",
    _E.LINK_CLICKED: "ok",
    _E.TERMS_ACCEPTED: "ok",
    _E.LOGIN_SUCCEEDED: "ok",
    _E.FILE_ACCEPTED: "ok",
    _E.PERMISSIONS_VERIFIED: "ok",
    _E.SESSION_COMPLETED: "ok",
    **dict.fromkeys(REFUSALS, "bad"),
}
# What says by itself how the session ended.
_ENDS = frozenset({_E.SESSION_ABANDONED, _E.SESSION_EXITED, _E.SESSION_EXPIRED, *REFUSALS})


@dataclass(frozen=True, slots=True)
class Row:
    """One line: when (from the opening), its colour, what happened, and what more there is to say.

    `seen` are the words the person saw, `times` those of a folded one, `kind` is "event", "gap" or "drop".
    """

    offset: str
    at: datetime | None
    tone: str
    words: str
    sub: str = ""
    seen: str = ""
    code: str = ""
    action: str = ""
    end: str = ""
    is_before: bool = False
    times: tuple[str, ...] = ()
    kind: str = "event"

    @property
    def count(self) -> int:
        """How often it happened, 0 for once."""
        return len(self.times)


@dataclass(frozen=True, slots=True)
class Section:
    """A stage: its place in the funnel, how it stands, how long it took beside the usual, and its lines."""

    number: int
    name: str
    tone: str
    state: str
    spent: str
    rows: tuple[Row, ...]
    is_again: bool = False


@dataclass(frozen=True, slots=True)
class Timeline:
    """All of it. `not_reached` names the stages that nobody came to."""

    sections: tuple[Section, ...]
    not_reached: tuple[str, ...]
    folds: tuple[Fold, ...]


def timeline_of(session: Session, placed: Sequence[Placed], story: Story, usual: Mapping[str, float]) -> Timeline:
    """Return the timeline of ordered events. `usual` has the usual seconds of each stage, where they are known."""
    folds = folds_of(placed, session.provider)
    teller = _Teller(session, story, usual)
    runs = [(stage, list(group)) for stage, group in groupby(folds, key=lambda fold: fold.first.stage)]
    return Timeline(tuple(teller.sections(runs)), tuple(_not_reached(story)), tuple(folds))


def usual_seconds(samples: Iterable[Mapping[str, int]], fewest: int = 5) -> dict[str, float]:
    """Return the median seconds of each stage, where `fewest` samples know it. A sample has milliseconds by stage."""
    known: dict[str, list[int]] = {}
    for sample in samples:
        for stage, milliseconds in sample.items():
            known.setdefault(stage, []).append(milliseconds)
    return {stage: median(found) / 1000 for stage, found in known.items() if len(found) >= fewest}


def _not_reached(story: Story) -> Iterator[str]:
    if story.status == SessionStatus.COMPLETED:
        return
    for stage in STAGES[number_of(story.furthest) + 1 :]:
        yield str(stage.label)


class _Teller:
    """Turns the folds of one session into sections."""

    def __init__(self, session: Session, story: Story, usual: Mapping[str, float]) -> None:
        self._session, self._story, self._usual = session, story, usual
        self._opened_at = story.opened_at

    def sections(self, runs: Sequence[tuple[Stage, list[Fold]]]) -> Iterator[Section]:
        """Give a section for each run of folds of the same stage."""
        known: set[Stage] = set()
        for place, (stage, folds) in enumerate(runs):
            is_last = place == len(runs) - 1
            after = None if is_last else runs[place + 1][1][0]
            rows = list(self._rows(folds, after))
            if is_last:
                rows = self._ended(rows, folds)
            tone, state = self._state(stage, is_last=is_last)
            is_again = stage in known
            known.add(stage)
            spent = "" if is_again else self._spent(stage)
            yield Section(number_of(stage) + 1, str(stage.label), tone, state, spent, tuple(rows), is_again)

    def _rows(self, folds: Sequence[Fold], after: Fold | None) -> Iterator[Row]:
        for fold, following in zip(folds, [*folds[1:], after], strict=True):
            yield self._row(fold)
            if following and (gap := self._gap(fold, following)):
                yield gap

    def _gap(self, fold: Fold, following: Fold) -> Row | None:
        """Return the pause after a fold, None for none. What the server found in the silence says it by itself."""
        if self._opened_at is None or fold.last.end < self._opened_at or following.first.name in _FOUND:
            return None
        passed = following.first.at - fold.last.end
        if fold.last.name in _FOUND:
            passed += SILENCE
        if passed <= GAP:
            return None
        is_away = passed >= SILENCE or (fold.last.name in {_E.PAGE_EXITED, _E.SESSION_EXITED} and not fold.last.back)
        words = "away" if is_away else "without activity"
        return Row("", None, "", f"{duration(passed)} {words}", kind="gap")

    def _row(self, fold: Fold) -> Row:
        unit, event = fold.first, fold.first.event
        is_before = self._opened_at is None or unit.at < self._opened_at
        code = event.error_code
        return Row(
            offset="" if is_before else offset_words(unit.at - self._start),
            at=unit.at,
            tone=_TONES.get(unit.name, ""),
            words=self._words(unit),
            # What each of several was differs, and stands with its time.
            sub=_sub(unit) if fold.count == 1 else "",
            seen=fold.last.event.words,
            code=code,
            action=self._action(code, unit.provider),
            end=f"over {duration(fold.span)}" if fold.count > 1 else "",
            is_before=is_before,
            times=tuple(self._time(one) for one in fold.units) if fold.count > 1 else (),
        )

    def _words(self, unit: Unit) -> str:
        if unit.is_return:
            return f"Came back to {PLACES[unit.stage]}"
        return event_words(unit.event, unit.stage, unit.provider)

    def _time(self, unit: Unit) -> str:
        shown = offset_words(unit.at - self._start)
        if unit.back:
            return f"{shown}, back after {duration(unit.back.at - unit.at)}"
        return f"{shown} {unit.event.error_code}".rstrip()

    def _action(self, code: str, provider: str) -> str:
        """Return what the registry recommends first."""
        if not code:
            return ""
        action = entry_of(code).actions[0]
        # The hint is for a connection that has credentials; here they are still to be accepted.
        told = action.title if action.kind == "edit_credentials" else f"{action.title}. {action.hint}"
        return filled(told, self._session, provider)

    def _ended(self, rows: list[Row], folds: Sequence[Fold]) -> list[Row]:
        """Mark where it ended without a connection, with the reason; add the line where no event is that."""
        if self._story.status not in LEFT or not rows:
            return rows
        if folds[-1].last.name in _ENDS:
            drop = replace(rows[-1], kind="drop", tone="bad")
            rows = rows[:-1]
        else:
            drop = Row("", self._story.ended_at, "bad", "Could go no further here", kind="drop")
        return [*rows, replace(drop, words=self._last_words(drop), sub=self._reason(drop))]

    def _last_words(self, drop: Row) -> str:
        if self._story.status != SessionStatus.ABANDONED:
            return drop.words
        return "Left and did not come back" if self._story.last_name == _E.PAGE_EXITED else "Fell silent"

    def _reason(self, drop: Row) -> str:
        """Return why it ended, as far as the events say it."""
        story = self._story
        parts = [drop.sub] if drop.sub else []
        if story.status == SessionStatus.ABANDONED:
            parts.append("No word for 15 minutes")
        if story.status == SessionStatus.FAILED and drop.code:
            parts.append("No further try in this session could help")
        elif story.error_code:
            refusals = sum(story.codes.values())
            often = f" {times(refusals)}" if refusals > 1 else ""
            entry = entry_of(story.error_code)
            parts.append(f"Refused{often} before, last with {story.error_code}: {entry.short.lower()}")
        elif story.status == SessionStatus.ABANDONED:
            parts.append("Nothing was refused before that")
        return ". ".join(parts) + ("." if parts else "")

    def _state(self, stage: Stage, *, is_last: bool) -> tuple[str, str]:
        """Return the tone and the word of a stage."""
        story = self._story
        if is_last and story.status in LEFT:
            tone = "bad" if story.status == SessionStatus.FAILED else "warn"
            return tone, "Never opened" if story.status == SessionStatus.EXPIRED else f"{story.status.label} here"
        if is_last and not story.is_over:
            return ("idle", "Not opened yet") if story.status == SessionStatus.CREATED else ("run", "Here now")
        if is_passed(stage, story.furthest, story.status):
            return "ok", PASSED.get(stage, "Done")
        return "idle", "Left"

    def _spent(self, stage: Stage) -> str:
        story = self._story
        if stage == Stage.INVITED:
            made = self._session.created_at
            return f"opened after {duration(self._opened_at - made)}" if self._opened_at else ""
        known = story.stages.get(stage)
        if known is None or stage == Stage.CONNECTED:
            return ""
        verb = "took" if is_passed(stage, story.furthest, story.status) else "spent"
        usual = f"usual time {duration(self._usual[stage])}, " if stage in self._usual else ""
        return f"{usual}{verb} {duration(known.took)}"

    @property
    def _start(self) -> datetime:
        return self._opened_at or self._session.created_at


_FOUND = frozenset({_E.SESSION_ABANDONED, _E.SESSION_EXPIRED})


def _sub(unit: Unit) -> str:
    """Return the second line of an event: the browser, how a link went out, why a page was left, which permission."""
    event, detail = unit.event, unit.event.detail
    if unit.name == _E.LINK_CREATED:
        return {"email": "Sent by e-mail", "copied": "Copied, to be sent by hand"}.get(str(detail.get("sent", "")), "")
    if unit.name == _E.LINK_CLICKED:
        return browser_words(event)
    if unit.name == _E.PERMISSIONS_MISSING:
        return ", ".join(map(str, detail.get("missing", [])))
    return leaving(event) if unit.name in {_E.PAGE_EXITED, _E.SESSION_EXITED} else ""
