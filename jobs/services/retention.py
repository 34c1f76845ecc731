"""Keeps the weekly partitions: makes those of the weeks to come, drops those past the retention time."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from jobs.models import Lease
from jobs.partitions import WEEK, bound_of, create_default, create_week, drop_week, existing_weeks, week_of

WEEKS_AHEAD = 4


@transaction.atomic
def keep_partitions() -> None:
    """Make partitions for four weeks ahead; drop weeks that ended before the retention time and hold no live job."""
    now = timezone.now()
    oldest_kept = now - timedelta(days=settings.PATCHBAY_RETENTION_DAYS)
    with connection.cursor() as cursor:
        create_default(cursor)
        for offset in range(WEEKS_AHEAD + 1):
            create_week(cursor, week_of(now) + offset * WEEK)
        for week in existing_weeks(cursor):
            if week + WEEK <= oldest_kept and not _has_live_job(week):
                drop_week(cursor, week)


def _has_live_job(week: datetime) -> bool:
    return Lease.objects.filter(pk__gte=bound_of(week), pk__lt=bound_of(week + WEEK)).exists()
