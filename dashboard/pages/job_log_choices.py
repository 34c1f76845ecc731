"""The choices of the log's filter that are lists: the steps, and the attempts where there are several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.forms.jobs import LogCriteria
from dashboard.pages.job_steps import StepRow, label_of
from jobs.models import Attempt


@dataclass(frozen=True, slots=True)
class Option:
    """One entry of a list; `value` is what the address carries."""

    value: str
    label: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """A list of the filter."""

    name: str
    label: str
    options: tuple[Option, ...]


def choices_of(steps: Sequence[StepRow], attempts: Sequence[Attempt], criteria: LogCriteria) -> tuple[Choice, ...]:
    """Return the lists that help with this job: none for a single step and a single attempt."""
    written = {step for attempt in attempts for step in attempt.line_counts if step}
    # A step that has no line yet may write one while the page is open.
    names = [*(row.name for row in steps), *sorted(written - {row.name for row in steps})]
    numbers = sorted(attempt.number for attempt in attempts)
    of_steps = [(name, label_of(name)) for name in names]
    of_attempts = [(str(number), f"Attempt {number}") for number in numbers]
    found = (
        _choice("step", "Step", "All steps", of_steps, criteria.step),
        _choice("attempt", "Attempt", "All attempts", of_attempts, str(criteria.attempt or "")),
    )
    return tuple(choice for choice in found if choice)


def _choice(name: str, label: str, whole: str, values: list[tuple[str, str]], chosen: str) -> Choice | None:
    if len(values) <= 1 and not chosen:
        return None
    options = [("", whole), *values]
    if chosen not in dict(options):
        options.append((chosen, chosen))
    return Choice(name, label, tuple(Option(value, text, value == chosen) for value, text in options))
