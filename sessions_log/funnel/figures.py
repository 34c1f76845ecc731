"""What the rows say together: who reached each stage, who left there, who is still there.

Whoever is still on the way (a link that waits, a person inside) is no loss and no success: shares are of those of whom
it is decided.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sessions_log.funnel.reads import Met, Outcome
from sessions_log.models import LIVE, SessionStatus
from sessions_log.stages import OPTIONAL, STAGES, Stage, number_of

# From so many on a share is told in percent, and compared.
BASE = 30


@dataclass(frozen=True, slots=True)
class Passage:
    """One stage: who came so far, who ended there without a connection, who is there now.

    `asked` are those whom an optional stage met; of any other it is None.
    """

    stage: Stage
    reached: int
    left: int
    here: int
    asked: int | None = None

    @property
    def decided(self) -> int:
        """Those who either left there or went on; of an optional stage only those whom it met."""
        return (self.reached if self.asked is None else self.asked) - self.here


@dataclass(frozen=True, slots=True)
class Passages:
    """All nine stages of some sessions, and how many of them connected."""

    stages: tuple[Passage, ...]

    def __getitem__(self, stage: Stage) -> Passage:
        """The passage of a stage."""
        return self.stages[number_of(stage)]

    @property
    def sessions(self) -> int:
        """All of them."""
        return self.stages[0].reached

    @property
    def connected(self) -> int:
        """Those who came through."""
        return self.stages[-1].reached

    @property
    def opened(self) -> int:
        """Those who opened their link and are not under way any more: the base of who connected."""
        return self[Stage.OPENED].reached - sum(one.here for one in self.stages[1:])

    @property
    def waiting(self) -> int:
        """Links that nobody has opened yet."""
        return self.stages[0].here

    @property
    def inside(self) -> int:
        """People who are in it now."""
        return sum(one.here for one in self.stages[1:])

    def of_all(self, stage: Stage) -> tuple[int, int]:
        """Return who reached a stage, and of how many that is decided."""
        number = number_of(stage)
        return self.stages[number].reached, self.sessions - sum(one.here for one in self.stages[:number])

    def of_previous(self, stage: Stage) -> tuple[int, int]:
        """Return who reached a stage, and how many of those at the one before it are not there any more."""
        number = number_of(stage)
        before = self.stages[max(0, number - 1)]
        return self.stages[number].reached, before.reached - (before.here if number else 0)


def passages_of(outcomes: Iterable[Outcome]) -> Passages:
    """Return the stages of these outcomes."""
    at, left, here = Counter[int](), Counter[int](), Counter[int]()
    asked = Counter[Stage]()
    for one in outcomes:
        # A connection that was made is the last stage, whatever the events say that came before it.
        furthest = len(STAGES) - 1 if one.status == SessionStatus.COMPLETED else one.furthest
        at[furthest] += one.sessions
        asked[Stage.MFA] += one.asked_mfa
        asked[Stage.ENTITY_SELECTION] += one.asked_entities
        if one.status in LIVE:
            here[furthest] += one.sessions
        elif one.status != SessionStatus.COMPLETED:
            left[furthest] += one.sessions
    return Passages(
        tuple(
            Passage(
                stage=stage,
                reached=sum(at[further] for further in range(number, len(STAGES))),
                left=left[number],
                here=here[number],
                asked=asked[stage] if stage in OPTIONAL else None,
            )
            for number, stage in enumerate(STAGES)
        )
    )


def by_provider(outcomes: Sequence[Outcome]) -> dict[str, Passages]:
    """Return the stages of each provider's sessions, most sessions first; those without one come last, under ""."""
    found: dict[str, list[Outcome]] = defaultdict(list)
    for one in outcomes:
        found[one.provider].append(one)
    passages = {provider: passages_of(some) for provider, some in found.items()}
    order = sorted(passages, key=lambda name: (not name, -passages[name][Stage.OPENED].reached, name))
    return {name: passages[name] for name in order}


@dataclass(frozen=True, slots=True)
class Finding:
    """What stood out in so many sessions, how many of these connected all the same, and the provider it was mostly."""

    code: str
    sessions: int
    connected: int
    provider: str
    of_provider: int


def findings_of(met: Iterable[Met]) -> list[Finding]:
    """Return what stood out, the most frequent first."""
    found: dict[str, list[Met]] = defaultdict(list)
    for one in met:
        found[one.code].append(one)
    findings = [_finding(code, some) for code, some in found.items()]
    return sorted(findings, key=lambda one: (-one.sessions, one.code))


def _finding(code: str, some: Sequence[Met]) -> Finding:
    most = max(some, key=lambda one: (bool(one.provider), one.sessions, one.provider))
    return Finding(
        code, sum(one.sessions for one in some), sum(one.connected for one in some), most.provider, most.sessions
    )


@dataclass(frozen=True, slots=True)
class Leak:
    """Where most is lost.

    With a `provider` it is worse there than with the others, of whom `others_left` of `others` left at that stage;
    `would_connect` more would have connected at their rate. `all_left` left at the stage with any provider.
    """

    stage: Stage
    left: int
    base: int
    all_left: int
    provider: str = ""
    others_left: int = 0
    others: int = 0
    would_connect: int = 0


# What can be compared between providers: whoever left earlier may not have chosen one.
_COMPARED = (Stage.AUTHENTICATION, Stage.MFA, Stage.ENTITY_SELECTION, Stage.VERIFICATION)
_INSIDE = STAGES[1:-1]


def leak_of(everybody: Passages, providers: Mapping[str, Passages]) -> Leak | None:
    """Return the biggest leak.

    It is the stage of a provider that costs most connections beside the other providers, where both bases bear a
    comparison; else the stage inside the flow at which most left. None where nobody did.
    """
    compared = [
        leak
        for provider, passages in providers.items()
        for stage in _COMPARED
        if provider and (leak := _beside_others(stage, provider, passages, everybody, providers))
    ]
    worst = max(compared, key=lambda leak: (leak.would_connect, leak.left), default=None)
    if worst and worst.would_connect:
        return worst
    stage = max(_INSIDE, key=lambda stage: everybody[stage].left)
    passage = everybody[stage]
    return Leak(stage, passage.left, passage.decided, passage.left) if passage.left else None


def _beside_others(
    stage: Stage, provider: str, passages: Passages, everybody: Passages, providers: Mapping[str, Passages]
) -> Leak | None:
    mine = passages[stage]
    rest = [one[stage] for name, one in providers.items() if name and name != provider]
    others, others_left = sum(one.decided for one in rest), sum(one.left for one in rest)
    if mine.decided < BASE or others < BASE:
        return None
    more = mine.left - mine.decided * others_left / others
    went_on = mine.decided - mine.left
    # Not all who pass a stage connect in the end.
    share = _connected_of(passages, stage) if went_on else 1.0
    return Leak(
        stage, mine.left, mine.decided, everybody[stage].left, provider, others_left, others, max(0, int(more * share))
    )


def _connected_of(passages: Passages, stage: Stage) -> float:
    """Return the share of those who went on after a stage, and of whom it is decided, that connected."""
    after = passages.stages[number_of(stage) + 1 :]
    decided = after[0].reached - sum(one.here for one in after)
    return passages.connected / decided if decided else 1.0
