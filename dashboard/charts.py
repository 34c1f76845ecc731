"""Charts as plain numbers: what `templates/ui/runs.html` and `templates/ui/durations.html` draw as SVG.

All bars of one colour are one path: a list shows thousands of bars, and the template is what a page costs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import takewhile
from math import ceil
from statistics import median
from typing import TypedDict
from uuid import UUID

from dashboard import formatting

SLOTS = 30
# Geometry of the runs strip, in its view box of 119 x 28: bars stand on the line at 22, failures hang below it.
_PITCH, _BAR, _LINE = 4, 3, 22
_LOWEST, _HIGHEST = 4, 19
_TICK_TOP, _TICK = 24, 4

WORDS = {"success": "success", "failed": "failed", "cancelled": "cancelled", "running": "in progress"}


class Run(TypedDict):
    """One entry of `recent_runs`: the job's id, its final status, its duration in milliseconds."""

    id: str
    status: str
    ms: int | None


@dataclass(frozen=True, slots=True)
class RunsStrip:
    """The last runs as paths, one per colour, and the sentences that say the same in words."""

    label: str
    detail: str = ""
    success: str = ""
    failed: str = ""
    cancelled: str = ""
    running: str = ""
    none: str = ""


def runs_strip(recent_runs: Sequence[Run], *, of: str = "", is_running: bool = False) -> RunsStrip:
    """Lay out `recent_runs` (oldest first; the last 30 count) as a strip; height is duration.

    `of` names whose runs they are, for speech; `is_running` adds a dashed bar for the run that goes on now.
    """
    runs = list(recent_runs)[-(SLOTS - is_running) :]
    longest = max((run["ms"] or 0 for run in runs), default=0)
    paths: dict[str, list[str]] = {status: [] for status in (*WORDS, "none")}
    for slot, run in enumerate(runs):
        paths[run["status"]].append(_bar(slot, run["status"], _height(run["ms"] or 0, longest)))
    if is_running:
        paths["running"].append(_bar(len(runs), "running", (_LOWEST + _HIGHEST) // 2))
    first_empty = len(runs) + is_running
    paths["none"] = [f"M{slot * _PITCH}.5 20h2v2h-2z" for slot in range(first_empty, SLOTS)]
    drawn = {name: "".join(parts) for name, parts in paths.items()}
    return RunsStrip(_label(runs, of, is_running=is_running), _detail(runs), **drawn)


def _height(milliseconds: int, longest: int) -> int:
    share = milliseconds / longest if longest else 0
    return round(_LOWEST + (_HIGHEST - _LOWEST) * share)


def _bar(slot: int, status: str, height: int) -> str:
    x, top = slot * _PITCH, _LINE - height
    if status in {"cancelled", "running"}:
        # Hollow: the line is drawn inside the bar's place.
        return f"M{x}.5 {top}.5h2v{height - 1}h-2z"
    bar = f"M{x} {top}h{_BAR}v{height}h-{_BAR}z"
    return f"{bar}M{x} {_TICK_TOP}h{_BAR}v{_TICK}h-{_BAR}z" if status == "failed" else bar


def _label(runs: Sequence[Run], of: str, *, is_running: bool) -> str:
    total = len(runs) + is_running
    whose = f" of {of}" if of else ""
    if not total:
        return f"No runs{whose} yet"
    counts = Counter(run["status"] for run in runs)
    counts["running"] += is_running
    parts = ", ".join(f"{counts[status]} {word}" for status, word in WORDS.items() if counts[status])
    return f"Last {total} runs{whose}: {parts}" if total > 1 else f"Last run{whose}: {parts}"


def _detail(runs: Sequence[Run]) -> str:
    """Return how long the last run took and the longest one, and how many failed in a row; empty without a run."""
    if not runs:
        return ""
    last, longest = (formatting.duration((ms or 0) / 1000) for ms in (runs[-1]["ms"], max(r["ms"] or 0 for r in runs)))
    failed = len(list(takewhile(lambda run: run["status"] == "failed", reversed(runs))))
    row = f" The last {failed} failed." if failed > 1 else ""
    return f"The last one took {last}, the longest {longest}.{row}" if len(runs) > 1 else f"It took {last}."


# Geometry of the duration chart, in its view box of 488 x 132.
_LEFT, _RIGHT, _TOP, _BASE = 44, 488, 12, 104
_WIDTH = 9
_STEPS = 4
# Seconds between two lines of the grid; the first that lets the longest run fit into four is taken.
_NICE = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400)
_DATE_EVERY = 8
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_UUID_RANDOM_BITS = 80


@dataclass(frozen=True, slots=True)
class RunFigures:
    """Key figures of the last runs. Durations are in seconds, of the successful ones; None without any."""

    runs: int
    success: int
    failed: int
    median_seconds: float | None
    p95_seconds: float | None

    @property
    def ended(self) -> int:
        """The runs that the success rate counts: a cancelled one is neither good nor bad."""
        return self.success + self.failed


def run_figures(recent_runs: Sequence[Run]) -> RunFigures:
    """Return the key figures of the last 30 of `recent_runs`."""
    runs = list(recent_runs)[-SLOTS:]
    spans = sorted((run["ms"] or 0) / 1000 for run in runs if run["status"] == "success")
    return RunFigures(
        runs=len(runs),
        success=len(spans),
        failed=sum(run["status"] == "failed" for run in runs),
        median_seconds=median(spans) if spans else None,
        p95_seconds=spans[ceil(0.95 * len(spans)) - 1] if spans else None,
    )


@dataclass(frozen=True, slots=True)
class Mark:
    """A line of the grid with its label, or a label under the bars."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class DurationChart:
    """The durations of the last runs as paths, with the grid, the dates and the sentence that says the same."""

    label: str
    grid: tuple[Mark, ...]
    dates: tuple[Mark, ...]
    success: str
    failed: str
    crosses: str
    cancelled: str
    median_at: float | None


def duration_chart(recent_runs: Sequence[Run], zone: tzinfo) -> DurationChart | None:
    """Lay out the durations of the last 30 runs, dates in `zone`; None when nothing ran yet."""
    runs = list(recent_runs)[-SLOTS:]
    if not runs:
        return None
    figures = run_figures(runs)
    step = grid_step(max((run["ms"] or 0) for run in runs) / 1000)
    scale = (_BASE - _TOP) / (step * _STEPS)
    paths: dict[str, list[str]] = {"success": [], "failed": [], "cancelled": [], "crosses": []}
    for slot, run in enumerate(runs):
        x, height = _slot_x(slot), max(1.0, round((run["ms"] or 0) / 1000 * scale, 1))
        paths[run["status"]].append(f"M{x} {_BASE}v-{height}h{_WIDTH}v{height}z")
        if run["status"] == "failed":
            paths["crosses"].append(f"M{x + 1.5:.1f} 109l6 6m0-6l-6 6")
    median_seconds = figures.median_seconds
    return DurationChart(
        label=_duration_label(runs, figures),
        grid=tuple(Mark(round(_BASE - n * step * scale, 1), axis_text(n * step)) for n in range(_STEPS + 1)),
        dates=tuple(_dates(runs, zone)),
        median_at=None if median_seconds is None else round(_BASE - median_seconds * scale, 1),
        **{name: "".join(parts) for name, parts in paths.items()},
    )


def run_time(run: Run) -> datetime:
    """Return when a run's job was made, which its UUIDv7 says (RFC 9562, 5.7)."""
    return datetime.fromtimestamp((UUID(run["id"]).int >> _UUID_RANDOM_BITS) / 1000, tz=UTC)


def _slot_x(slot: int) -> float:
    return round(_LEFT + 3 + slot * (_RIGHT - _LEFT) / SLOTS, 1)


def grid_step(longest: float, *, steps: int = _STEPS) -> float:
    """Return the seconds between two of `steps` lines of a grid that has room for `longest`."""
    return next((step for step in _NICE if step * steps >= longest), ceil(longest / steps / _DAY) * _DAY)


def axis_text(seconds: float) -> str:
    """A duration in its largest whole unit: "0", "250 ms", "30 s", "2 m", "1 h"."""
    if not seconds:
        return "0"
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    if seconds >= _HOUR:
        return f"{seconds / _HOUR:g} h"
    return f"{seconds / _MINUTE:g} m" if seconds >= _MINUTE else f"{seconds:g} s"


def _dates(runs: Sequence[Run], zone: tzinfo) -> Iterator[Mark]:
    """Days under every eighth bar, or the time of day when all runs lie within one day."""
    is_short = run_time(runs[-1]) - run_time(runs[0]) < timedelta(days=1)
    last = ""
    for slot in range(0, len(runs), _DATE_EVERY):
        day, _, clock = formatting.short_time(run_time(runs[slot]), zone).partition(", ")
        text = clock if is_short else day
        if text != last:
            yield Mark(_slot_x(slot), text)
        last = text


def _duration_label(runs: Sequence[Run], figures: RunFigures) -> str:
    parts = [f"Duration of the last {len(runs)} runs." if len(runs) > 1 else "Duration of the last run."]
    if figures.median_seconds is not None:
        parts.append(f"Median {formatting.duration(figures.median_seconds)}.")
    failed = len(list(takewhile(lambda run: run["status"] == "failed", reversed(runs))))
    if failed:
        parts.append(f"The last {failed} runs failed." if failed > 1 else "The last run failed.")
    return " ".join(parts)
