"""How far the people of a connection, or of all connections of its provider, come by stage, and why they stop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count
from django.urls import reverse

from connectors.errors import REGISTRY
from dashboard.formatting import NOT_APPLICABLE, calendar_date, duration, number, percent, width_class
from dashboard.forms.connection_sessions import PERIODS, USUAL
from dashboard.forms.session_criteria import NO_CODE, SessionCriteria, period_start
from dashboard.pages.connection import Subject
from dashboard.pages.session_words import place_of
from sessions_log.funnel import Funnel, Passage, Scope, read_funnel
from sessions_log.models import Session, SessionStatus
from sessions_log.stages import STAGES, Stage

_REASONS = {
    SessionStatus.ABANDONED: ("No word for 15 minutes", "Nothing was refused before"),
    SessionStatus.EXITED: ("Left on purpose", "Nothing was refused before"),
    SessionStatus.FAILED: ("Could go no further", "Without a code"),
    SessionStatus.EXPIRED: ("Link never opened", "Its time is over, or it was withdrawn"),
}
_MOST_REASONS = 6


@dataclass(frozen=True, slots=True)
class Choice:
    """A period or a scope that can be chosen."""

    words: str
    href: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Kpi:
    """One key figure: its name, the figure, and the line under it."""

    name: str
    figure: str
    about: str
    is_bad: bool = False


@dataclass(frozen=True, slots=True)
class StageRow:
    """One stage: who came so far, who left there, as figures, as bars and as links into the list."""

    name: str
    reached: str
    reached_href: str
    left: str
    left_href: str
    on_width: str
    left_width: str
    about: str
    went_on: str
    median: str
    is_worst: bool


@dataclass(frozen=True, slots=True)
class ReasonRow:
    """Why some stopped at the worst stage."""

    name: str
    about: str
    count: str
    href: str


@dataclass(frozen=True, slots=True)
class Progress:
    """All of it. `worst` is a heading for the reasons, empty where nobody left."""

    periods: tuple[Choice, ...]
    scopes: tuple[Choice, ...]
    extent: str
    is_empty: bool
    kpis: tuple[Kpi, ...]
    rows: tuple[StageRow, ...]
    worst: str
    reasons: tuple[ReasonRow, ...]


def progress_of(subject: Subject, asked: Mapping[str, Any]) -> Progress:
    """Return the progress of the time and scope that are `asked` for. Up to eight queries, one for the reasons."""
    connection, period = subject.connection, str(asked.get("period", USUAL))
    chosen = str(asked.get("scope", "provider"))
    is_of_connection = chosen == "connection"
    since = period_start(period, subject.now)
    assert since is not None  # noqa: S101 - no period of this page is without a beginning
    scope = Scope(since, connection=connection.pk) if is_of_connection else Scope(since, provider=connection.provider)
    funnel = read_funnel(scope, subject.now)
    listed = SessionCriteria(
        period=period,
        provider="" if is_of_connection else connection.provider,
        connection=connection if is_of_connection else None,
    )
    worst = funnel.leak.stage if funnel.leak else None
    reasons = tuple(_reasons(worst, scope, listed)) if worst else ()
    return Progress(
        periods=tuple(_choices(subject, asked, "period", PERIODS, period)),
        scopes=tuple(_choices(subject, asked, "scope", _scopes(subject), chosen)),
        extent=f"{calendar_date(since)} to {calendar_date(subject.now)}, in UTC. A session counts once per stage.",
        is_empty=not funnel.everybody.sessions,
        kpis=tuple(_kpis(funnel)),
        rows=tuple(_rows(funnel, listed, worst)),
        worst=f"Why {_sessions(funnel.everybody[worst].left)} stopped {place_of(worst)}" if worst else "",
        reasons=reasons,
    )


def _scopes(subject: Subject) -> Mapping[str, str]:
    return {"connection": "This connection", "provider": f"All {subject.provider.name} connections"}


def _choices(
    subject: Subject, asked: Mapping[str, Any], name: str, options: Mapping[str, str], chosen: str
) -> Iterator[Choice]:
    address = reverse("connections:auth", args=[subject.connection.pk])
    kept = {one: str(asked[one]) for one in ("session", "period", "scope") if one in asked}
    for value, words in options.items():
        yield Choice(words, f"{address}?{urlencode({**kept, name: value})}", value == chosen)


def _kpis(funnel: Funnel) -> Iterator[Kpi]:
    everybody, took = funnel.everybody, funnel.all_took
    waiting = [
        f"{number(count)} {words}"
        for count, words in ((everybody.waiting, "not opened yet"), (everybody.inside, "in it now"))
        if count
    ]
    yield Kpi("Sessions", number(everybody.sessions), ", ".join(waiting) or "all decided")
    yield Kpi(
        "Connected",
        percent(everybody.connected, everybody.opened),
        f"{number(everybody.connected)} of {number(everybody.opened)} who opened",
    )
    yield Kpi(
        "Median time to connect", duration(took.median), f"p90 {duration(took.p90)}" if took.count else "none yet"
    )
    leak = funnel.leak
    figure = str(leak.stage.label) if leak else NOT_APPLICABLE
    about = f"{number(leak.left)} of {number(leak.base)} left" if leak else "nobody left"
    yield Kpi("Biggest drop", figure, about, is_bad=leak is not None)


def _rows(funnel: Funnel, listed: SessionCriteria, worst: Stage | None) -> Iterator[StageRow]:
    everybody = funnel.everybody
    whole = everybody[Stage.OPENED].reached
    for stage in STAGES[1:]:
        passage = everybody[stage]
        yield StageRow(
            name=str(stage.label),
            reached=number(passage.reached),
            reached_href=replace(listed, stage=stage).address() if passage.reached else "",
            left=f"{number(passage.left)} left here" if passage.left else "",
            left_href=replace(listed, left=stage).address() if passage.left else "",
            on_width=width_class(passage.reached - passage.left, whole),
            left_width=width_class(passage.left, whole),
            about=_about(passage, whole),
            went_on=_went_on(passage),
            median=duration(funnel.times[stage].median),
            is_worst=stage == worst,
        )


def _went_on(passage: Passage) -> str:
    """Return the share of those that do not stand there any more who went on; of the last stage nobody can."""
    decided = passage.decided
    return NOT_APPLICABLE if passage.stage == Stage.CONNECTED else percent(decided - passage.left, decided)


def _about(passage: Passage, whole: int) -> str:
    asked = "" if passage.asked is None else f", {number(passage.asked)} were asked"
    return f"{number(passage.reached)} of {number(whole)} sessions{asked}, {number(passage.left)} left here"


def _reasons(stage: Stage, scope: Scope, listed: SessionCriteria) -> Iterator[ReasonRow]:
    """Give why people stopped at a stage, the most frequent first: by code, else by how they left. One query."""
    found = Session.objects.made(scope.since).left_at(stage)
    mine = found.filter(connection=scope.connection) if scope.connection else found.filter(provider=scope.provider)
    groups = mine.order_by().values("error_code", "status").annotate(count=Count("pk"))
    counts: dict[tuple[str, str], int] = {}
    for group in groups:
        code = group["error_code"]
        key = (code, "") if code else ("", group["status"])
        counts[key] = counts.get(key, 0) + group["count"]
    order = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    for (code, status), count in order[:_MOST_REASONS]:
        if code:
            words, about = REGISTRY[code].short if code in REGISTRY else code, code
            href = replace(listed, left=stage, code=code).address()
        else:
            words, about = _REASONS[SessionStatus(status)]
            href = replace(listed, left=stage, status=status, code=NO_CODE).address()
        yield ReasonRow(words, about, number(count), href)


def _sessions(count: int) -> str:
    return f"{number(count)} session{'' if count == 1 else 's'}"
