"""What stands out in a session: facts that a reader would look for, each with a code to filter by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sessions_log.events import EventName
from sessions_log.models.session import SessionStatus
from sessions_log.stages import Stage
from sessions_log.story import Story

# From so many on it is no slip of the finger any more.
SEVERAL = 3
_AWAY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact: its code, how often, and what else it names (providers, permissions, seconds); never typed words."""

    code: str
    count: int = 1
    detail: dict[str, Any] = field(default_factory=dict)

    def stored(self) -> dict[str, Any]:
        """Return it as the session keeps it."""
        return {"code": self.code, "count": self.count, **self.detail}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of finding: its name as a filter, and the rule that makes it."""

    code: str
    label: str
    rule: Callable[[Story], Finding | None]


def findings_of(story: Story) -> list[Finding]:
    """Return what stands out in a story, in the order of `KINDS`."""
    return [found for kind in KINDS.values() if (found := kind.rule(story))]


def _several(kind: str, count: int, at_least: int, **detail: Any) -> Finding | None:
    return Finding(kind, count, detail) if count >= at_least else None


def _exits(story: Story, stage: Stage) -> int:
    return story.stages[stage].exits if stage in story.stages else 0


def _terms_exited(story: Story) -> Finding | None:
    came_back = story.stages[Stage.TERMS].returns if Stage.TERMS in story.stages else 0
    return _several("terms_exited", _exits(story, Stage.TERMS), 2, returns=came_back)


def _terms_declined(story: Story) -> Finding | None:
    return _several("terms_declined", story.counts[EventName.TERMS_DECLINED], 1)


def _sign_in_refused(story: Story) -> Finding | None:
    refused = story.counts[EventName.LOGIN_FAILED]
    return _several("sign_in_refused", refused, SEVERAL, error_code=_code_at(story, Stage.AUTHENTICATION))


def _refused_then_silent(story: Story) -> Finding | None:
    """Three refusals and nothing after them: nobody who was let in counts."""
    refused = sum(story.counts[name] for name in (EventName.LOGIN_FAILED, EventName.MFA_FAILED, EventName.FILE_REFUSED))
    was_left = story.status == SessionStatus.ABANDONED and story.error_code
    return _several("refused_then_silent", refused, SEVERAL) if was_left else None


def _code_refused(story: Story) -> Finding | None:
    return _several("code_refused", story.counts[EventName.MFA_FAILED], SEVERAL)


def _file_refused(story: Story) -> Finding | None:
    return _several("file_refused", story.counts[EventName.FILE_REFUSED], SEVERAL)


def _account_locked(story: Story) -> Finding | None:
    return _several("account_locked", story.codes["account_locked"], 1)


def _permission_missing(story: Story) -> Finding | None:
    refused = story.counts[EventName.PERMISSIONS_MISSING]
    return _several("permission_missing", refused, 1, missing=story.missing)


def _provider_changed(story: Story) -> Finding | None:
    return _several("provider_changed", len(story.providers) - 1, 1, providers=story.providers)


def _provider_unknown(story: Story) -> Finding | None:
    return _several("provider_unknown", story.unknown_searches, 1)


def _help_opened(story: Story) -> Finding | None:
    return _several("help_opened", story.counts[EventName.HELP_OPENED], 1)


def _came_back(story: Story) -> Finding | None:
    if story.longest_away < _AWAY:
        return None
    return Finding("came_back", 1, {"seconds": round(story.longest_away.total_seconds())})


def _never_opened(story: Story) -> Finding | None:
    is_unused = story.status == SessionStatus.EXPIRED and story.opened_at is None
    return Finding("never_opened") if is_unused else None


def _code_at(story: Story, stage: Stage) -> str:
    return story.stages[stage].error_code if stage in story.stages else ""


_ALL = (
    Kind("terms_exited", "Exited the terms and came back", _terms_exited),
    Kind("terms_declined", "Declined the terms", _terms_declined),
    Kind("sign_in_refused", "Sign-in refused 3 times or more", _sign_in_refused),
    Kind("code_refused", "Code refused 3 times or more", _code_refused),
    Kind("file_refused", "File refused 3 times or more", _file_refused),
    Kind("refused_then_silent", "Refused 3 times, then silence", _refused_then_silent),
    Kind("account_locked", "Account locked", _account_locked),
    Kind("permission_missing", "Permission missing at the check", _permission_missing),
    Kind("provider_changed", "Changed the provider", _provider_changed),
    Kind("provider_unknown", "Searched a provider we do not have", _provider_unknown),
    Kind("help_opened", "Opened help", _help_opened),
    Kind("came_back", "Came back after an hour or more", _came_back),
    Kind("never_opened", "Link never opened", _never_opened),
)
KINDS: dict[str, Kind] = {kind.code: kind for kind in _ALL}
