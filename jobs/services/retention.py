"""Keeps the weekly partitions: makes those of the weeks to come, drops those past the retention time."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone

from jobs.models import Lease
from jobs.partitions import (
    WEEK,
    bound_of,
    clear_default,
    create_default,
    create_week,
    drop_week,
    existing_weeks,
    week_of,
)

log = structlog.get_logger(__name__)

WEEKS_AHEAD = 4


def keep_partitions() -> None:
    """Make partitions for four weeks ahead; drop weeks that ended before the retention time and hold no live job.

    Each week is a transaction of its own, so that one that cannot be made or dropped now keeps back no other; it is
    told in the log and comes again with the next call.
    """
    now = timezone.now()
    oldest_kept = week_of(now - timedelta(days=settings.PATCHBAY_RETENTION_DAYS))
    for offset in range(WEEKS_AHEAD + 1):
        _make(week_of(now) + offset * WEEK)
    with connection.cursor() as cursor:
        weeks = existing_weeks(cursor)
    for week in weeks:
        if week < oldest_kept:
            _drop(week)
    with transaction.atomic(), connection.cursor() as cursor:
        create_default(cursor)
        clear_default(cursor, oldest_kept)


def _make(week: datetime) -> None:
    """Make a week's partitions, unless jobs of it lie in the default partition: there they stay until they are old.

    That happens when Patchbay was off for so long that no week was made in time. A long read may keep us from its lock.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            create_week(cursor, week)
    except (IntegrityError, OperationalError) as error:
        log.warning("A week could not be made now", week=f"{week:%Y-%m-%d}", reason=str(error).strip())


def _drop(week: datetime) -> None:
    """Drop a week's partitions, unless a job in it is live or a long read keeps us from its lock."""
    if Lease.objects.filter(pk__gte=bound_of(week), pk__lt=bound_of(week + WEEK)).exists():
        return
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            drop_week(cursor, week)
    except OperationalError as error:
        log.warning("An old week could not be dropped now", week=f"{week:%Y-%m-%d}", reason=str(error).strip())
