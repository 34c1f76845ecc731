"""Hints from failures: when they come, what they have in common, what went before them, and who never got through."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from connectors.errors import REGISTRY
from connectors.errors.sign_in import ENTRIES as SIGN_IN
from dashboard.formatting import elapsed_time, exact_time, number
from dashboard.insight.hint import Hint, HintFacts
from dashboard.pages.guidance import who_acts
from jobs.insight import Cell

# Of the last two weeks' days, those with a run in the hour.
MIN_DAYS = 7
# So many of these days fail in it, and so few of all other hours do. With one other hour in ten failing by chance, six
# of seven days in a given hour come about once in 150,000 times; there are 24 hours to choose from.
OFTEN, SELDOM = 0.8, 0.1
# Other hours with a run: without them nobody knows that it works at other times.
MIN_OTHERS = 14
# More hours in a row are no time of the day.
MOST_HOURS = 6
_EVENING, _MORNING = 21, 7
_DAY = 24
# Failures of one week, and the part of them that has the same code.
MIN_FAILURES, ONE_CAUSE = 5, 0.8
# Failures that are fewer than one run in ten are odd ones, which the next run makes good.
NOTABLE = 0.1
# A first failure later than this after the credentials were set has other reasons too.
SOON_AFTER = timedelta(hours=24)
_MOST_NAMES = 3
_SIGN_IN_CODES = frozenset(one.code for one in SIGN_IN)


@dataclass(frozen=True, slots=True)
class _Hour:
    """One hour of the day over two weeks."""

    hour: int
    days: int
    failed_days: int
    last_failed: bool

    @property
    def is_bad(self) -> bool:
        return self.days >= MIN_DAYS and self.failed_days >= OFTEN * self.days and self.last_failed


def at_one_hour(facts: HintFacts) -> Hint | None:
    """It fails at the same hour of most days, and seldom at others.

    Of the last two weeks at least seven days have a run in the hour, four fifths of these fail in it, the last one of
    them too; of all other hours that have a run, fourteen at least, one in ten fails at most. Up to six such hours in a
    row are one time of the day; more are none.
    """
    hours = list(_hours(facts.history.cells))
    span = _span([one.hour for one in hours if one.is_bad])
    if not span:
        return None
    others = [cell for cell in facts.history.cells if cell.hour not in span]
    failed = sum(cell.failed > 0 for cell in others)
    if len(others) < MIN_OTHERS or failed > SELDOM * len(others):
        return None
    worst = [one for one in hours if one.hour in span]
    days, bad = max((one.days, one.failed_days) for one in worst)
    when = "night" if all(hour >= _EVENING or hour < _MORNING for hour in span) else "day"
    often = f"every {when}" if all(one.failed_days == one.days for one in worst) else f"most {when}s"
    clock = f"between {span[0]:02}:00 and {(span[-1] + 1) % _DAY:02}:00"
    return Hint(
        kind="at_one_hour",
        sentence=f"Fails {often} {clock}",
        evidence=(
            f"On {bad} of the last {days} days with a run in that hour; of {number(len(others))} other hours with a "
            f"run, {number(failed) if failed else 'none'} had a failure. A nightly job or a maintenance window at the "
            "source looks like this."
        ),
        weight=60,
        way="schedule",
    )


def one_cause(facts: HintFacts) -> Hint | None:
    """Four fifths of the week's failures, or more, have the same code.

    At least five failures, and one run in ten fails: fewer are odd ones, which the next run makes good.
    """
    recent, clusters = facts.history.recent, facts.history.clusters
    total = sum(one.count for one in clusters)
    if total < MIN_FAILURES or total < NOTABLE * (recent.success + recent.failed):
        return None
    codes: dict[str, int] = {}
    for one in clusters:
        codes[one.code] = codes.get(one.code, 0) + one.count
    code, count = max(codes.items(), key=lambda item: (item[1], item[0]))
    known = REGISTRY.get(code)
    if count < ONE_CAUSE * total or known is None:
        return None
    steps = sorted({one.step for one in clusters if one.code == code and one.step})
    where = f" in the step {steps[0]}" if len(steps) == 1 else ""
    said = "All" if count == total else f"{number(count)} of"
    return Hint(
        kind="one_cause",
        sentence=f"{said} {number(total)} failures of the last 7 days have one cause: {known.short.lower()}",
        evidence=f"Code {code}{where}. {who_acts(code)}",
        weight=40,
        way="failed",
    )


def since_credentials(facts: HintFacts) -> Hint | None:
    """The credentials were set shortly before every run began to fail, with a code of signing in or of permissions.

    The last good run was before, the first failure within a day after. One failure is enough: each run is refused for
    the same reason, and Patchbay may hold further ones back.
    """
    outage, set_at = facts.outage, facts.credentials_at
    if outage is None or set_at is None or outage.code not in _SIGN_IN_CODES:
        return None
    if not outage.success_at < set_at <= outage.first_at <= set_at + SOON_AFTER:
        return None
    by = f" by {facts.credentials_by}" if facts.credentials_by else ""
    return Hint(
        kind="since_credentials",
        sentence=f"The credentials were set {elapsed_time(set_at, outage.first_at)} before the failures began",
        evidence=(
            f"Set on {exact_time(set_at, facts.zone)}{by}. The last run before that went well; the first one after "
            f"failed with {outage.code}, and none has gone well since."
        ),
        weight=90,
        way="credentials",
    )


def never_good(facts: HintFacts) -> Hint | None:
    """Some entities never had a good run, while others of the connection have.

    Each of them failed three times in a row at least, as often as makes it broken. Where none of all ever had one, the
    connection itself does not work, which its banner says.
    """
    names, total = facts.never.names, facts.never.total
    if not names or len(names) >= total:
        return None
    shown = ", ".join(names[:_MOST_NAMES])
    more = f" and {number(len(names) - _MOST_NAMES)} more" if len(names) > _MOST_NAMES else ""
    return Hint(
        kind="never_good",
        sentence=f"{number(len(names))} of {number(total)} entities never had a good run",
        evidence=(f"{shown}{more}: three failures in a row at least, and no success since it was found at the source."),
        weight=80,
        way="entities",
    )


def _hours(cells: tuple[Cell, ...]) -> Iterator[_Hour]:
    for hour in sorted({cell.hour for cell in cells}):
        own = [cell for cell in cells if cell.hour == hour]
        last: dict[date, bool] = {cell.day: cell.failed > 0 for cell in own}
        yield _Hour(hour, len(own), sum(last.values()), last[max(last)])


def _span(bad: list[int]) -> list[int]:
    """Return the longest row of hours, round midnight too; nothing where it is too long to be a time of the day."""
    best: list[int] = []
    for start in bad:
        if (start - 1) % _DAY in bad:
            continue
        row = [start]
        while (row[-1] + 1) % _DAY in bad:
            row.append((row[-1] + 1) % _DAY)
        best = max(best, row, key=len)
    return best if len(best) <= MOST_HOURS else []
