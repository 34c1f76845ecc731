"""Times as histograms with buckets of equal ratio, so that those of many days are added up without their sessions.

Each bucket is 5 % wider than the one before it, so what a quantile says is at most 2.5 % off, whatever its size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil

RATIO = 1.05
# The bucket of a number of milliseconds, as the database computes it.
_BUCKET_OF = "floor(ln(greatest({ms}, 1)::float8) / ln(1.05::float8))::int"
# The time at each stage of those who got past it, and under an empty name the whole one of those who connected.
TIMES_OF = f"""
SELECT provider, kind, one.key AS stage, {_BUCKET_OF.format(ms="one.value::bigint")} AS bucket
FROM {{sessions}}, jsonb_each_text(stage_ms) AS one
WHERE {{condition}} AND (status = 'completed' OR array_position(%(stages)s::text[], one.key) <= furthest)
    AND status NOT IN ('created', 'opened') AND one.key <> 'connected'
UNION ALL
SELECT provider, kind, '', {_BUCKET_OF.format(ms="took_ms")}
FROM {{sessions}} WHERE {{condition}} AND status = 'completed' AND took_ms IS NOT NULL
"""  # noqa: S608 - every part is a text of ours
_MILLISECONDS = 1000


@dataclass(frozen=True, slots=True)
class Times:
    """How many times lie in each bucket."""

    counts: Mapping[int, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many times there are."""
        return sum(self.counts.values())

    @property
    def median(self) -> float | None:
        """The middle one in seconds, None without any."""
        return self.quantile(0.5)

    @property
    def p90(self) -> float | None:
        """The time in seconds that nine of ten do not exceed, None without any."""
        return self.quantile(0.9)

    def quantile(self, share: float) -> float | None:
        """Return the time in seconds that this share does not exceed, None without any."""
        rank, seen = ceil(share * self.count), 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= rank:
                # The middle of the bucket, by ratio. What is under a millisecond is none.
                return RATIO ** (bucket + 0.5) / _MILLISECONDS if bucket else 0.0
        return None
