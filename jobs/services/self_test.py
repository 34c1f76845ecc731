"""Tests by itself each connection that has not synced for long, so that a lost access shows before it is needed."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from connectors.ids import first_id_at
from connectors.models import Connection, Status
from connectors.services.review import sign_in_codes
from jobs.models import Job, JobType, Lease, Trigger
from jobs.services.clock import database_now
from jobs.services.enqueue import CannotSync
from jobs.services.enqueue_test import enqueue_test

# As many as one pass asks for; the next pass goes on with the others.
BATCH = 20


def self_test() -> int:
    """Make a test of each connection that neither synced nor was tested for `PATCHBAY_SELF_TEST_HOURS` (0: never).

    Left out are those that are paused or not set up, those whose sign-in was refused (another try could lock the
    account), and those with a live job. Returns how many tests were made.
    """
    if not settings.PATCHBAY_SELF_TEST_HOURS:
        return 0
    made = 0
    for connection in silent_connections()[:BATCH]:
        try:
            enqueue_test(connection=connection, actor=None, trigger=Trigger.SYSTEM)
        except CannotSync:
            continue  # changed since we looked
        made += 1
    return made


def silent_connections() -> QuerySet[Connection]:
    """Return the connections that are to be tested by themselves now, the longest silent first."""
    since = database_now() - timedelta(hours=settings.PATCHBAY_SELF_TEST_HOURS)
    tested = Job.objects.filter(connection=OuterRef("pk"), type=JobType.TEST_CONNECTION, pk__gte=first_id_at(since))
    return (
        Connection.objects.filter(status__in=[Status.ACTIVE, Status.BROKEN])
        .exclude(status=Status.BROKEN, status_reason__in=sign_in_codes())
        .filter(Q(last_success_at__lt=since) | Q(last_success_at__isnull=True))
        .filter(Q(tested_at__lt=since) | Q(tested_at__isnull=True))
        .exclude(Exists(Lease.objects.filter(connection=OuterRef("pk"))))
        .exclude(Exists(tested))
        .order_by(F("last_success_at").asc(nulls_first=True), "pk")
    )
