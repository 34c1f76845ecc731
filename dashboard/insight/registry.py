"""The registry of hints. A new one is a function and its place in this list."""

from __future__ import annotations

from dashboard.insight.failing import at_one_hour, never_good, one_cause, since_credentials
from dashboard.insight.hint import Hint, HintFacts, Rule
from dashboard.insight.pace import nothing_new, outgrown
from dashboard.insight.volume import shrank, slower

HINTS: tuple[Rule, ...] = (
    since_credentials,
    never_good,
    outgrown,
    at_one_hour,
    slower,
    shrank,
    one_cause,
    nothing_new,
)


def hints_of(facts: HintFacts) -> tuple[Hint, ...]:
    """Return all that the facts support, the strongest first."""
    found = [hint for rule in HINTS if (hint := rule(facts))]
    return tuple(sorted(found, key=lambda hint: -hint.weight))
