"""A job and what hangs on it: attempts, steps, log lines. Partitioned by the job's id in weeks."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from connectors.ids import first_id_at, new_id
from connectors.models import Connection, Entity
from jobs.models.enums import ENDED, SYNC_TYPES, JobStatus, JobType, StepStatus, Trigger

# How far an ID may run ahead of the clock in a crowd, and more.
_ID_SLACK = timedelta(seconds=5)


class JobQuerySet(models.QuerySet["Job"]):
    """Reads of jobs."""

    def newest_first(self) -> JobQuerySet:
        """By id, which is by time, the newest first."""
        return self.order_by("-pk")

    def for_history(self) -> JobQuerySet:
        """What a list of a connection's jobs shows, newest first, without the large columns."""
        whole = self.newest_first().select_related("entity", "actor")
        return whole.defer("tables", "error_detail", "entity__recent_runs")

    def for_list(self) -> JobQuerySet:
        """What a list of all jobs shows, without the large columns. The caller sorts."""
        of_connection = ("credentials", "config", "description", "recent_runs")
        unseen = [f"connection__{name}" for name in of_connection]
        whole = self.select_related("connection", "entity", "actor")
        return whole.defer("tables", "error_detail", "options", "entity__recent_runs", "actor__password", *unseen)

    def for_search(self) -> JobQuerySet:
        """What a hit of the search says of a job, newest first, in one query."""
        own = ("type", "status", "created_at", "ended_at", "error_code")
        of_connection = ("connection__name", "connection__provider", "connection__status", "connection__deleted_at")
        whole = self.newest_first().select_related("connection", "entity")
        return whole.only(*own, *of_connection, "entity__name", "entity__status", "entity__connection")

    def with_ids(self, lowest: UUID, highest: UUID) -> JobQuerySet:
        """Those whose ID is in a range, such as that of all IDs with the same beginning."""
        return self.filter(pk__range=(lowest, highest))

    def made_within(self, since: datetime | None, until: datetime | None) -> JobQuerySet:
        """Those made at or after `since` and before `until`, where set. Weeks that cannot hold one are not touched.

        The ID's time decides, as in the order of lists. It may run two seconds ahead of the clock in a crowd.
        """
        found = self
        if since:
            found = found.filter(pk__gte=first_id_at(since))
        if until:
            found = found.filter(pk__lt=first_id_at(until))
        return found

    def older_than(self, job_id: UUID | None) -> JobQuerySet:
        """Those made before the job `job_id`; all without one."""
        return self.filter(pk__lt=job_id) if job_id else self

    def successes(self) -> JobQuerySet:
        """Data syncs that ended well."""
        return self.filter(type__in=SYNC_TYPES, status=JobStatus.SUCCESS)

    def failures(self, code: str, *, since: datetime) -> JobQuerySet:
        """Those made `since` then that failed with `code`, the oldest first."""
        return self.filter(pk__gte=first_id_at(since), status=JobStatus.FAILED, error_code=code).order_by("pk")

    def failed_by(self, codes: Collection[str], *, since: datetime) -> dict[str, int]:
        """Return how many of those made `since` then failed with each of `codes`; a code without any is left out."""
        failed = self.filter(pk__gte=first_id_at(since), status=JobStatus.FAILED, error_code__in=codes)
        return dict(failed.order_by().values_list("error_code").annotate(models.Count("pk")))

    def for_page(self) -> JobQuerySet:
        """A job with all that its page names."""
        return self.select_related(
            "connection__destination__credentials_set_by",
            "connection__credentials_set_by",
            "connection__owner",
            "entity",
            "actor",
            "lease",
            "lease__cancel_requested_by",
        ).defer("connection__credentials", "connection__destination__credentials")

    def for_run(self) -> JobQuerySet:
        """A job with all that a worker needs of it, credentials included."""
        return self.select_related("connection__destination", "entity").defer("connection__recent_runs")

    def beside(self, job: Job) -> JobQuerySet:
        """Jobs of the same entity, or of the same connection where a job has no entity; without `job` itself."""
        same = {"entity_id": job.entity_id} if job.entity_id else {"connection_id": job.connection_id}
        return self.filter(**same).exclude(pk=job.pk)

    def good_before(self, job: Job, *, of_connection: bool = False) -> JobQuerySet:
        """The jobs of the same kind of work that ended well before `job` was made, the newest first.

        Of the job's entity; of its whole connection where that is asked for, or where a job has no entity.
        """
        is_sync = job.type in SYNC_TYPES
        kinds = SYNC_TYPES if is_sync else (job.type,)
        holder = job.connection if of_connection or job.entity is None else job.entity
        found = self.filter(connection_id=job.connection_id) if of_connection else self.beside(job)
        found = found.filter(pk__lt=job.pk, type__in=kinds, status=JobStatus.SUCCESS).newest_first()
        if not is_sync:
            return found
        if holder.last_success_at is None:
            return found.none()
        # Runs that failed since then, a thousand a day at times, are not looked at.
        return found.filter(pk__lt=first_id_at(holder.last_success_at + _ID_SLACK))

    def before(self, job: Job) -> JobQuerySet:
        """The jobs that came before `job` at its entity, the newest first."""
        return self.beside(job).filter(pk__lt=job.pk).newest_first()

    def after(self, job: Job) -> JobQuerySet:
        """The jobs that came after `job` at its entity, the oldest first."""
        return self.beside(job).filter(pk__gt=job.pk).order_by("pk")

    def for_neighbour(self) -> JobQuerySet:
        """What a link to a job says of it."""
        return self.only("status", "created_at", "started_at", "ended_at")


class Job(models.Model):
    """One unit of background work from its creation to its end; never rewritten after its end."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    type = models.CharField(max_length=24, choices=JobType)
    status = models.CharField(max_length=12, choices=JobStatus, default=JobStatus.PENDING)
    trigger = models.CharField(max_length=12, choices=Trigger)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="jobs")
    entity = models.ForeignKey(Entity, on_delete=models.PROTECT, related_name="jobs", null=True, blank=True)
    slot_at = models.DateTimeField(null=True, blank=True)
    missed_slots = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    attempt = models.PositiveSmallIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField(default=1)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_step = models.CharField(max_length=20, blank=True)
    # The source's own words, secrets removed.
    error_detail = models.TextField(blank=True)
    rows_extracted = models.PositiveBigIntegerField(default=0)
    rows_loaded = models.PositiveBigIntegerField(default=0)
    bytes = models.PositiveBigIntegerField(default=0)
    # One entry per table: {"name", "mode", "estimated", "extracted", "loaded", "bytes", "new"}.
    tables = models.JSONField(default=list, blank=True)
    worker = models.CharField(max_length=120, blank=True)
    # What a re-sync, a purge or a write-back was asked for.
    options = models.JSONField(default=dict, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        indexes = (
            models.Index("connection", "id", name="job_by_connection"),
            models.Index("entity", "id", name="job_by_entity"),
            models.Index("status", "id", name="job_by_status"),
            # What is rare is found by its own index, and costs those that are not nothing. What is common is met soon
            # on the way from the newest job back.
            models.Index("error_code", "id", condition=~Q(error_code=""), name="job_by_code"),
            models.Index("type", "id", condition=~Q(type=JobType.DATA_SYNC), name="job_by_type"),
            models.Index("trigger", "id", condition=~Q(trigger=Trigger.SCHEDULE), name="job_by_trigger"),
        )
        constraints = (
            models.CheckConstraint(condition=Q(status__in=JobStatus.values), name="job_status_known"),
            models.CheckConstraint(condition=Q(type__in=JobType.values), name="job_type_known"),
            models.CheckConstraint(
                condition=Q(status__in=ENDED, ended_at__isnull=False)
                | (~Q(status__in=ENDED) & Q(ended_at__isnull=True)),
                name="job_end_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(status=JobStatus.FAILED) | ~Q(error_code=""), name="job_failure_has_code"
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_type_display()} {self.pk}"

    def get_absolute_url(self) -> str:
        """The address of the job's page."""
        return reverse("jobs:detail", args=[self.pk])

    @property
    def is_over(self) -> bool:
        """Whether the job has ended for good."""
        return self.status in ENDED

    @property
    def duration_ms(self) -> int | None:
        """From the first start to the end in milliseconds, once it has ended."""
        if self.started_at is None or self.ended_at is None:
            return None
        return round((self.ended_at - self.started_at).total_seconds() * 1000)


class AttemptManager(models.Manager["Attempt"]):
    """Attempts without what only a comparison of two runs reads."""

    def get_queryset(self) -> models.QuerySet[Attempt]:
        """Leave the columns of tables out: a page that polls would load them again and again."""
        return super().get_queryset().defer("shapes")

    def of_jobs(self, job_ids: Iterable[UUID]) -> models.QuerySet[Attempt]:
        """Return every attempt of these jobs with all that was recorded, the newest first."""
        return self.get_queryset().defer(None).filter(job__in=list(job_ids)).order_by("-job_id", "-number")


class Attempt(models.Model):
    """One try of a job by one worker. `token` fences its writes."""

    pk = models.CompositePrimaryKey("job_id", "number")
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    token = models.UUIDField()
    worker = models.CharField(max_length=120)
    status = models.CharField(max_length=12, choices=JobStatus, default=JobStatus.RUNNING)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_detail = models.TextField(blank=True)
    # How many log lines it wrote, per step and level: see `jobs.line_counts`.
    line_counts = models.JSONField(default=dict, blank=True)
    # What it ran with, as `jobs.services.start` records it: versions, and when each credential had been set.
    ran_with = models.JSONField(default=dict, blank=True)
    # The columns that each table had at the source: {"orders": {"id": "bigint", …}}, or in place of them a digest.
    shapes = models.JSONField(default=dict, blank=True)

    objects = AttemptManager()

    def __str__(self) -> str:
        return f"Attempt {self.number} of {self.job_id}"


class Step(models.Model):
    """One step of an attempt; `number` counts through the whole job."""

    pk = models.CompositePrimaryKey("job_id", "number")
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="steps")
    number = models.PositiveSmallIntegerField()
    attempt = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=20)
    status = models.CharField(max_length=12, choices=StepStatus, default=StepStatus.PENDING)
    detail = models.CharField(max_length=300, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name} of {self.job_id}"


class LogLine(models.Model):
    """One line of a job's log; `number` counts through the whole job, so a page can ask for what is newer."""

    pk = models.CompositePrimaryKey("job_id", "number")
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="log_lines")
    number = models.PositiveIntegerField()
    attempt = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    level = models.CharField(max_length=8)
    step = models.CharField(max_length=20, blank=True)
    message = models.TextField()

    def __str__(self) -> str:
        return self.message
