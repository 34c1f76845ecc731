"""Hints: what the facts of a connection or an entity support, in a sentence with its evidence."""

from __future__ import annotations

from dashboard.insight.hint import Hint, HintFacts
from dashboard.insight.registry import HINTS, hints_of

__all__ = ("HINTS", "Hint", "HintFacts", "hints_of")
