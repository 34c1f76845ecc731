"""How sessions are told: their statuses, stages, events and findings in words, in one place for every page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connectors.providers import registry as providers
from connectors.providers.manifest import Manifest
from dashboard.formatting import duration
from jobs.text import counted
from sessions_log.events import EventName
from sessions_log.exits import ExitReason
from sessions_log.findings import KINDS
from sessions_log.models import Session, SessionEvent, SessionStatus
from sessions_log.services.links import WITHDRAWN
from sessions_log.stages import Stage

_E = EventName
# The sign before a count of repeats.
TIMES = "\N{MULTIPLICATION SIGN}"

# What somebody has before him at a stage: "Left the terms", "Saw the terms".
PLACES: dict[Stage, str] = {
    Stage.INVITED: "the link",
    Stage.OPENED: "the first page",
    Stage.TERMS: "the terms",
    Stage.PROVIDER_SELECTION: "the choice of a provider",
    Stage.AUTHENTICATION: "the sign-in",
    Stage.MFA: "the form for the code",
    Stage.ENTITY_SELECTION: "the choice of companies",
    Stage.VERIFICATION: "the check",
    Stage.CONNECTED: "the last page",
}
# Where somebody is or left: "Exited at sign-in".
_AT: dict[Stage, str] = {
    Stage.INVITED: "before opening",
    Stage.OPENED: "at the start",
    Stage.TERMS: "at the terms",
    Stage.PROVIDER_SELECTION: "at the provider",
    Stage.AUTHENTICATION: "at sign-in",
    Stage.MFA: "at MFA",
    Stage.ENTITY_SELECTION: "at the companies",
    Stage.VERIFICATION: "at the check",
    Stage.CONNECTED: "at the end",
}
# What is said of a stage that was passed.
PASSED: dict[Stage, str] = {
    Stage.INVITED: "Opened",
    Stage.TERMS: "Accepted",
    Stage.PROVIDER_SELECTION: "Chosen",
    Stage.AUTHENTICATION: "Signed in",
    Stage.MFA: "Accepted",
    Stage.ENTITY_SELECTION: "Chosen",
    Stage.VERIFICATION: "Passed",
    Stage.CONNECTED: "Connected",
}
# What each status means, beside its count.
STATUS_NOTES: dict[str, str] = {
    SessionStatus.ABANDONED: "fell silent",
    SessionStatus.EXITED: "left on purpose",
    SessionStatus.FAILED: "by an error",
}
_METHODS = {
    "password": "user name and password",
    "api_key": "API key",
    "oauth2": "the provider's own page",
    "credentials_mfa": "user name, password and code",
}
# The page of the hosted flow on which files are delivered in place of a sign-in.
_UPLOAD_PAGE = "upload"
# How a page was left, as the script of the hosted flow says it.
_LEAVINGS = {"hidden": "Switched to another tab or app", "left": "Closed the page or went elsewhere"}


@dataclass(frozen=True, slots=True)
class Told:
    """A finding in words: a sentence, how often (0: not said), and names that are written as code."""

    text: str
    count: int = 0
    names: str = ""
    is_quiet: bool = False


def provider_name(kind: str) -> str:
    """Return the name of a provider; a kind that is gone stays what it is."""
    known = manifest_of(kind)
    return known.name if known else kind


def manifest_of(kind: str) -> Manifest | None:
    """Return what a provider says about itself, None for no provider or one that is gone."""
    return next((one for one in providers.all_manifests() if one.kind == kind), None)


def status_at(session: Session, *, stage: Stage) -> str:
    """Return a status with where: "Exited at sign-in", "Opened, at MFA"; "Completed" needs no place."""
    word = SessionStatus(session.status).label
    if session.status == SessionStatus.OPENED:
        return f"{word}, {_AT[stage]}"
    if session.status in {SessionStatus.EXITED, SessionStatus.ABANDONED, SessionStatus.FAILED}:
        return f"{word} {_AT[stage]}"
    return str(word)


def place_of(stage: Stage) -> str:
    """Return where somebody is at a stage: "at sign-in", "at the terms"."""
    return _AT[stage]


def leaving(event: SessionEvent) -> str:
    """Return how and why a page or the flow was left; a reason of somebody else's front end as it came."""
    seconds = event.detail.get("seconds")
    parts = [
        _LEAVINGS.get(str(event.detail.get("how", "")), ""),
        _reason(event.exit_reason) if event.exit_reason else "",
        f"after {duration(seconds)} on the page" if isinstance(seconds, int) else "",
    ]
    told = ", ".join(filter(None, parts))
    return told[:1].upper() + told[1:]


def _reason(reason: str) -> str:
    if reason in ExitReason.values:
        return f"“{ExitReason(reason).label}”"
    return reason.replace("_", " ")


def browser_words(event: SessionEvent) -> str:
    """Return which browser a link was opened with: "Firefox on Windows"; empty where nobody knows."""
    names = [str(event.detail[name]) for name in ("browser", "system") if event.detail.get(name)]
    return " on ".join(names)


def event_words(event: SessionEvent, stage: Stage, provider: str) -> str:
    """Return what happened, in a few words. `stage` is the one it is told under, `provider` the one chosen then."""
    words = _EVENTS[EventName(event.name)]
    if not isinstance(words, str):
        words = words(event, stage)
    return words.format(source=provider_name(provider) or "the provider")


def _saw(event: SessionEvent, stage: Stage) -> str:
    if event.page == _UPLOAD_PAGE:
        return "Saw the page for files"
    if stage == Stage.AUTHENTICATION:
        return "Saw the sign-in of {source}"
    return f"Saw {PLACES[stage]}"


def _searched(event: SessionEvent, _: Stage) -> str:
    found = event.detail.get("found")
    if found == 0:
        return "Searched for a provider that we do not have"
    return "Searched for a provider" + (f", {found} found" if isinstance(found, int) else "")


def _method(event: SessionEvent, _: Stage) -> str:
    method = _METHODS.get(str(event.detail.get("method", "")), "")
    return f"Chose to sign in by {method}" if method else "Chose how to sign in"


def _companies(verb: str) -> Callable[[SessionEvent, Stage], str]:
    def words(event: SessionEvent, _: Stage) -> str:
        count = event.detail.get("count")
        if not isinstance(count, int):
            return f"{verb} companies"
        return f"{verb} {count:,} compan{'y' if count == 1 else 'ies'}"

    return words


def _file(verb: str, end: str = "") -> Callable[[SessionEvent, Stage], str]:
    def words(event: SessionEvent, _: Stage) -> str:
        name, rows = _plain(event.detail.get("file", "")), event.detail.get("rows")
        many = f", {counted(rows, 'row')}" if isinstance(rows, int) else ""
        return f"{verb} {f'the file “{name}”' if name else 'a file'}{end}{many}"

    return words


def _created(event: SessionEvent, _: Stage) -> str:
    by = _plain(event.detail.get("by", ""))
    return f"Link created by {by}" if by else "Link created"


def _ended(event: SessionEvent, _: Stage) -> str:
    if event.exit_reason != WITHDRAWN:
        return "The link ended without having been opened"
    by = _plain(event.detail.get("by", ""))
    return f"The link was withdrawn by {by}" if by else "The link was withdrawn"


def _plain(name: object) -> str:
    """Return a name that goes through `format`."""
    return str(name).replace("{", "{{").replace("}", "}}")


_EVENTS: Mapping[EventName, str | Callable[[SessionEvent, Stage], str]] = {
    _E.LINK_CREATED: _created,
    _E.LINK_CLICKED: "Opened the link",
    _E.SESSION_OPENED: "Began",
    _E.PAGE_VIEWED: _saw,
    _E.PAGE_EXITED: lambda _, stage: f"Left {PLACES[stage]}",
    _E.TERMS_ACCEPTED: "Accepted the terms",
    _E.TERMS_DECLINED: "Declined the terms",
    _E.PROVIDER_SEARCHED: _searched,
    _E.PROVIDER_SELECTED: "Chose {source}",
    _E.AUTH_METHOD_SELECTED: _method,
    _E.CREDENTIALS_SUBMITTED: "Sent the sign-in to {source}",
    _E.OAUTH_OPENED: "Went to {source} to sign in",
    _E.OAUTH_CLOSED: "Came back from {source}",
    _E.OAUTH_FAILED: "Sign-in at {source} came to nothing",
    _E.LOGIN_SUCCEEDED: "Signed in to {source}",
    _E.LOGIN_FAILED: "Sign-in refused by {source}",
    _E.FILE_SUBMITTED: _file("Uploaded"),
    _E.FILE_ACCEPTED: _file("Delivered"),
    _E.FILE_REFUSED: _file("Had", " refused"),
    _E.MFA_REQUESTED: "Was asked for a code",
    _E.MFA_SUBMITTED: "Sent a code",
    _E.MFA_FAILED: "Code refused by {source}",
    _E.ENTITY_LISTED: _companies("Was shown"),
    _E.ENTITY_SELECTED: _companies("Chose"),
    _E.PERMISSIONS_VERIFIED: "The check passed",
    _E.PERMISSIONS_MISSING: "Permission missing at the check",
    _E.HELP_OPENED: "Opened help",
    _E.ERROR_SHOWN: "Saw an error",
    _E.SESSION_EXITED: "Left on purpose",
    _E.SESSION_RESUMED: "Came back",
    _E.SESSION_ABANDONED: "15 minutes without a word",
    _E.SESSION_COMPLETED: "Connected",
    _E.SESSION_EXPIRED: _ended,
}


def told_findings(session: Session) -> tuple[Told, ...]:
    """Return what stands out in a session, the first word with a capital letter."""
    codes = {str(one.get("code")) for one in session.findings}
    told = [words for one in session.findings if (words := _told(one, codes))]
    return tuple(_capital(told[:1]) + told[1:])


def _capital(told: Sequence[Told]) -> list[Told]:
    return [replace(one, text=one.text[:1].upper() + one.text[1:]) for one in told]


def _told(found: Mapping[str, Any], codes: set[str]) -> Told | None:
    code, count = str(found.get("code", "")), int(found.get("count", 1))
    repeated = count if count > 1 else 0
    if code == "refused_then_silent":
        is_said = codes & {"sign_in_refused", "code_refused", "file_refused"}
        return Told("then silence") if is_said else Told("refused, then silence", repeated)
    if code == "permission_missing":
        return Told("permission missing", repeated, ", ".join(map(str, found.get("missing", []))))
    if code == "came_back":
        return Told(f"came back after {duration(float(found.get('seconds', 0)))}", is_quiet=True)
    if code == "provider_changed":
        return Told("changed the provider", repeated)
    words = _FINDINGS.get(code)
    return Told(words, repeated, is_quiet=code == "never_opened") if words else None


_FINDINGS = {
    "terms_exited": "exited the terms",
    "terms_declined": "declined the terms",
    "sign_in_refused": "sign-in refused",
    "code_refused": "code refused",
    "file_refused": "file refused",
    "account_locked": "account locked",
    "provider_unknown": "searched a provider we do not have",
    "help_opened": "opened help",
    "never_opened": "link never opened",
}


def finding_label(code: str) -> str:
    """Return the name of a kind of finding, as filters have it."""
    return KINDS[code].label if code in KINDS else code


def in_one_line(told: Sequence[Told]) -> str:
    """Return findings as plain text."""
    return ", ".join(_line(told))


def _line(told: Sequence[Told]) -> Iterator[str]:
    for one in told:
        often = f" {TIMES}{one.count}" if one.count else ""
        yield f"{one.text}{often}" + (f": {one.names}" if one.names else "")


def sessions(count: int) -> str:
    """Return a count of sessions: "1 session", "51 sessions"."""
    return counted(count, "session")
