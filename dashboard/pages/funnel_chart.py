"""The share that connected of those who opened their link, week by week, as a chart of one or two lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil, floor

from dashboard.formatting import weekday_and_day
from dashboard.forms.funnel import FunnelCriteria
from dashboard.forms.session_criteria import NO_PROVIDER
from dashboard.pages.funnel_words import named
from dashboard.pages.insight_charts import HEIGHT, WIDTH, Chart
from sessions_log.funnel import WEEKS, Funnel, Week

# A week with fewer is too few for a point.
LEAST = 10
_STEP = 20
_DATES_EVERY = 4
GRID = f"M0 0H{WIDTH}M0 {HEIGHT // 2}H{WIDTH}M0 {HEIGHT}H{WIDTH}"


@dataclass(frozen=True, slots=True)
class WeekChart:
    """The chart with the names of its lines, the strong one first, and what it says in a sentence."""

    chart: Chart
    grid: str
    names: tuple[str, ...]
    says: str


def week_chart(funnel: Funnel, criteria: FunnelCriteria) -> WeekChart | None:
    """Lay out the weeks of all, and of the provider that leaks most; None where no week has enough sessions."""
    mine = "All" if not criteria.provider else named(_kind(criteria.provider)).name
    lines = [(mine, _shares(funnel, funnel.weeks))]
    if funnel.leak and funnel.leak.provider and not criteria.provider:
        of_provider = [week for week in funnel.weeks if week.provider == funnel.leak.provider]
        lines.append((named(funnel.leak.provider).name, _shares(funnel, of_provider)))
    known = [share for _, shares in lines for share in shares if share is not None]
    if not known:
        return None
    low = min(_STEP * floor(100 * min(known) / _STEP), 100 - _STEP)
    high = max(_STEP * ceil(100 * max(known) / _STEP), low + _STEP)
    says = ". ".join(_course(name, shares) for name, shares in lines if any(one is not None for one in shares))
    chart = Chart(
        label=f"Share connected per week over {WEEKS} weeks. {says}.",
        scale=(f"{high}%", f"{(high + low) / 2:g}%", f"{low}%"),
        words=(*_dates(funnel), "This week"),
        paths=tuple(
            ("ln" if place == 0 else "ln ln--2", _line(shares, low / 100, high / 100))
            for place, (_, shares) in reversed(list(enumerate(lines)))
        ),
    )
    return WeekChart(chart, GRID, tuple(name for name, _ in lines), f"{says}.")


def _kind(provider: str) -> str:
    return "" if provider == NO_PROVIDER else provider


def _shares(funnel: Funnel, weeks: Iterable[Week]) -> list[float | None]:
    """Return the share of each week, None where too few sessions ended in it."""
    opened, connected = [0] * WEEKS, [0] * WEEKS
    for week in weeks:
        place = (week.begin - funnel.first_week.date()).days // 7
        opened[place] += week.opened
        connected[place] += week.connected
    return [part / base if base >= LEAST else None for part, base in zip(connected, opened, strict=True)]


def _course(name: str, shares: Sequence[float | None]) -> str:
    known = [share for share in shares if share is not None]
    first, last = f"{known[0]:.0%}", f"{known[-1]:.0%}"
    if first == last:
        return f"{name}: {last}"
    return f"{name} {'rose' if known[-1] > known[0] else 'fell'} from {first} to {last}"


def _dates(funnel: Funnel) -> list[str]:
    mondays = (funnel.first_week + timedelta(weeks=place) for place in range(0, WEEKS - 1, _DATES_EVERY))
    return [weekday_and_day(monday).partition(" ")[2] for monday in mondays]


def _line(shares: Sequence[float | None], low: float, high: float) -> str:
    """Return a path through the weeks; where one is missing it is broken, and one that stands alone is a dash."""
    step = WIDTH / (len(shares) - 1)
    parts, is_on = [], False
    for place, share in enumerate(shares):
        if share is None:
            is_on = False
            continue
        y = round(HEIGHT * (high - share) / (high - low), 1)
        x = round(place * step, 1)
        is_alone = not is_on and (place + 1 == len(shares) or shares[place + 1] is None)
        start = max(0.0, x - step / 4) if is_alone else x
        parts.append(
            f"L{x} {y}" if is_on else f"M{start:g} {y}" + (f"H{min(WIDTH, x + step / 4):g}" if is_alone else "")
        )
        is_on = True
    return "".join(parts)
