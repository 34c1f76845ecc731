"""Charts as plain numbers: what `templates/ui/runs.html` and `templates/ui/durations.html` draw as SVG.

All bars of one colour are one path: a list shows thousands of bars, and the template is what a page costs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median
from typing import TypedDict

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
    """The last runs as paths, one per colour, and the sentence that says the same in words."""

    label: str
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
    return RunsStrip(_label(runs, of, is_running=is_running), **{name: "".join(parts) for name, parts in paths.items()})


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
