"""How many lines a log has, per step and level, and between which numbers they lie.

An attempt carries the counts of its own lines, written with them in one transaction, so that no page has to count two
hundred thousand rows: `{"extract": {"info": [how many, first number, last number]}}`. They are whole figures, never
differences: written again after a commit whose answer was lost, they say the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

LineCounts = dict[str, dict[str, list[int]]]


@dataclass(frozen=True, slots=True)
class Lines:
    """So many lines, all of them between two numbers; all zero for none."""

    count: int = 0
    first: int = 0
    last: int = 0


@dataclass(frozen=True, slots=True)
class _Group:
    attempt: int
    step: str
    level: str
    lines: Lines


def add_line(counts: LineCounts, *, step: str, level: str, number: int) -> None:
    """Take a line into the counts of its attempt."""
    found = counts.setdefault(step, {}).setdefault(level, [0, number, number])
    found[0] += 1
    found[2] = number


def copy_of(counts: LineCounts) -> LineCounts:
    """Return the counts as they are now, whatever is added later."""
    return {step: {level: list(found) for level, found in levels.items()} for step, levels in counts.items()}


class LogIndex:
    """The counts of a whole log: those of all its attempts."""

    def __init__(self, attempts: Iterable[tuple[int, Mapping[str, Mapping[str, Iterable[int]]]]]) -> None:
        self._groups = [
            _Group(number, step, level, Lines(*found))
            for number, counts in attempts
            for step, levels in counts.items()
            for level, found in levels.items()
        ]

    def lines(self, *, level: str = "", step: str = "", attempt: int | None = None) -> Lines:
        """Return how many lines there are of a level, a step and an attempt (all of those left open), and where."""
        found = [
            group.lines
            for group in self._groups
            if level in {"", group.level} and step in {"", group.step} and attempt in {None, group.attempt}
        ]
        if not found:
            return Lines()
        return Lines(sum(one.count for one in found), min(one.first for one in found), max(one.last for one in found))

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps that wrote lines, in the order in which they began to."""
        groups = sorted((group for group in self._groups if group.step), key=lambda group: group.lines.first)
        return tuple(dict.fromkeys(group.step for group in groups))

    @property
    def attempts(self) -> tuple[int, ...]:
        """The attempts that wrote lines, in their order."""
        return tuple(sorted({group.attempt for group in self._groups}))
