"""The pulse of each system task: when it last ran, how long that took, and what it found."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.db.models.functions import Now

from jobs.models import Pulse


def beat(name: str, took_ms: int, detail: dict[str, Any] | None = None) -> None:
    """Store that the system task `name` has just ended after `took_ms` milliseconds, by the database's clock."""
    Pulse.objects.bulk_create(
        [Pulse(name=name, at=Now(), took_ms=max(0, took_ms), detail=detail or {})],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["at", "took_ms", "detail"],
    )


def measured(name: str, work: Callable[[], int | None], counted: str = "count") -> int | None:
    """Call `work`, store its pulse with what it counted under the word `counted`, and return what it returned.

    What `work` raises is raised, and no pulse is stored: a task that fails is as silent as one that never came.
    """
    began = time.monotonic()
    count = work()
    beat(name, round((time.monotonic() - began) * 1000), {} if count is None else {counted: count})
    return count
