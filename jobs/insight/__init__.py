"""What the jobs of the last sixty days say about a connection or an entity: trends, patterns, and facts for hints.

Reads only, each aggregated by the database over the index (connection or entity, id), so that what comes back is a few
rows per hour or day however many jobs there are.
"""

from __future__ import annotations

from jobs.insight.facts import BEFORE, RECENT, Cell, Cluster, HistoryFacts, TableRows, Window, history_facts
from jobs.insight.scope import Scope
from jobs.insight.trend import EntityTrend, Failure, Period, Point, Trend, read_trend

__all__ = (
    "BEFORE",
    "RECENT",
    "Cell",
    "Cluster",
    "EntityTrend",
    "Failure",
    "HistoryFacts",
    "Period",
    "Point",
    "Scope",
    "TableRows",
    "Trend",
    "Window",
    "history_facts",
    "read_trend",
)
