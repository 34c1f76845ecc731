"""How many jobs were made in each hour or day of a time, by status: one query, which counts no further than it says.

A bar is counted up to a limit, so that a time with millions of jobs costs no more than that. What the limit cut off is
told. Filters that no index answers could still make the database look at every job; it is given a moment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import CharField, Field, QuerySet, UUIDField
from django.db.models.expressions import RawSQL

from connectors.ids import first_id_at
from dashboard.forms.job_criteria import JobCriteria
from dashboard.pages.job_filters import matching
from dashboard.pages.patience import TooLateError, patience
from jobs.models import JobStatus

# No bar is counted further, per status, in few bars and in many. Where rows must be looked at one by one, the newest
# of a bar are, whatever their status.
MOST_OF_FEW, MOST_OF_MANY = 10_000, 5_000
MOST_LOOKED_AT, MOST_LOOKED_AT_OF_MANY = 1_000, 250
_FEW_BARS = 30
_BARS = "SELECT bar.place - 1, counted.status, counted.jobs FROM unnest(%s::uuid[], %s::uuid[]) WITH ORDINALITY "
_BARS += "AS bar (low, high, place) CROSS JOIN "
_BY_STATUS = (
    "unnest(%s::text[]) AS kind (status) CROSS JOIN LATERAL (SELECT kind.status, count(*) AS jobs FROM ({}) AS one) "
)
_OF_NEWEST = "LATERAL (SELECT status, count(*) AS jobs FROM ({}) AS one GROUP BY status) "


@dataclass(frozen=True, slots=True)
class Counts:
    """Jobs per bar and status; `cut` are those that were not counted whole.

    `most` is the limit that cut them and `cut_word` how that is told: of rows that were looked at, a status may have no
    more than were counted. `is_late` says that counting took too long, so that nothing is known.
    """

    of: Mapping[tuple[int, str], int]
    cut: frozenset[tuple[int, str]]
    most: int
    cut_word: str = "more than"
    is_late: bool = False

    def jobs(self, bar: int, status: str) -> int:
        """Return the count of a bar and a status, at most `most`."""
        return self.of.get((bar, status), 0)

    def is_cut(self, bar: int, status: str) -> bool:
        """Whether there are more than the count says."""
        return (bar, status) in self.cut


def count_jobs(criteria: JobCriteria, edges: Sequence[datetime]) -> Counts:
    """Count the jobs that pass the filters of `criteria` between each two `edges`, by status."""
    looks = (criteria.type, criteria.trigger, criteria.code, criteria.provider, criteria.connection, criteria.entity)
    ids = [first_id_at(edge) for edge in edges]
    low, high = _outer("bar.low", UUIDField()), _outer("bar.high", UUIDField())
    found = matching(criteria).filter(pk__gte=low, pk__lt=high)
    is_looked_at, is_few = any(looks), len(edges) <= _FEW_BARS
    if is_looked_at:
        most = MOST_LOOKED_AT if is_few else MOST_LOOKED_AT_OF_MANY
        rows = _counted(_OF_NEWEST, found.order_by("-pk").values_list("status"), most, ids, ())
        totals = Counter[int]()
        for bar, _status, jobs in rows or ():
            totals[bar] += jobs
        cut = frozenset((bar, status.value) for bar, total in totals.items() if total > most for status in JobStatus)
    else:
        most = MOST_OF_FEW if is_few else MOST_OF_MANY
        kinds = [criteria.status] if criteria.status else [status.value for status in JobStatus]
        of_kind = found.filter(status=_outer("kind.status", CharField())).order_by().values_list("status")
        rows = _counted(_BY_STATUS, of_kind, most, ids, (kinds,))
        cut = frozenset((bar, status) for bar, status, jobs in rows or () if jobs > most)
    of = {(bar, status): min(most, jobs) for bar, status, jobs in rows or () if jobs}
    return Counts(of, cut, most, "at least" if is_looked_at else "more than", is_late=rows is None)


def _outer(column: str, field: Field[Any, Any]) -> RawSQL:
    """Return a column of the outer query."""
    return RawSQL(column, (), field)  # noqa: S611 - the names are this module's own


def _counted(
    shape: str, found: QuerySet[Any, Any], most: int, ids: list[Any], kinds: tuple[list[str], ...]
) -> list[tuple[int, str, int]] | None:
    """Return place, status and number of jobs per bar, None when it took too long."""
    try:
        inner, values = found[: most + 1].query.sql_with_params()
        with patience(), connection.cursor() as cursor:
            cursor.execute(f"{_BARS}{shape.format(inner)}AS counted", [ids[:-1], ids[1:], *kinds, *values])
            return list(cursor.fetchall())
    except EmptyResultSet:
        # A provider without any connection has no job.
        return []
    except TooLateError:
        return None
