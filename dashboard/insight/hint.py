"""What a hint is, and the facts that it is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from statistics import median
from typing import Literal

from jobs.insight import HistoryFacts

# What the button of a hint opens.
Way = Literal["", "schedule", "credentials", "entities", "jobs", "failed"]


@dataclass(frozen=True, slots=True)
class Hint:
    """A sentence that the facts support, what it rests on, and where to act on it.

    `weight` decides which come first. `interval` is the schedule that the hint proposes, in seconds.
    """

    kind: str
    sentence: str
    evidence: str
    weight: int
    way: Way = ""
    interval: int = 0


@dataclass(frozen=True, slots=True)
class NeverGood:
    """The entities that never had a good run although they were tried often enough, of how many that sync."""

    names: tuple[str, ...] = ()
    total: int = 0


@dataclass(frozen=True, slots=True)
class Outage:
    """Since when every run fails: the first failure after the last good run, its code, and what went before."""

    code: str
    first_at: datetime
    success_at: datetime


@dataclass(frozen=True, slots=True)
class HintFacts:
    """All that hints may rest on, of a connection or of one of its entities.

    `interval` is the fixed interval of the schedule in seconds, 0 where it has none. `latest` are the seconds of the
    good ones among the last 30 runs: what was mended since is no hint any more.
    """

    now: datetime
    zone: tzinfo
    history: HistoryFacts = field(default_factory=HistoryFacts)
    interval: int = 0
    latest: tuple[float, ...] = ()
    never: NeverGood = field(default_factory=NeverGood)
    outage: Outage | None = None
    credentials_at: datetime | None = None
    credentials_by: str = ""

    def is_still(self, seconds: float) -> bool:
        """Whether the middle one of the latest good runs took so long, or longer; also where none is known."""
        return not self.latest or median(self.latest) >= seconds


# A pure function of the facts; None where they do not support the hint.
Rule = Callable[[HintFacts], Hint | None]


def times(ratio: float) -> str:
    """Say a ratio: "3 times", "2.8 times"; from ten on without a decimal."""
    shown = f"{ratio:.1f}".removesuffix(".0") if ratio < 10 else f"{ratio:.0f}"  # noqa: PLR2004 - as said
    return f"{shown} times"
