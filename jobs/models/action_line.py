"""The lines of a write-back: what each was about, and what the source made of it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from jobs.models.enums import LineStatus
from jobs.models.job import Job


class ActionLine(models.Model):
    """One line of a job that changes something at the source. It holds ids of the source, and no name or value.

    `key` is what the source knows the line by, so that it is never done twice. Partitioned like the job.
    """

    pk = models.CompositePrimaryKey("job_id", "number")
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="action_lines")
    number = models.PositiveSmallIntegerField()
    # The source's own id of what the line is about.
    ref = models.CharField(max_length=200)
    key = models.UUIDField()
    status = models.CharField(max_length=8, choices=LineStatus, default=LineStatus.WAITING)
    # The source's own id of what was made.
    made_ref = models.CharField(max_length=200, blank=True)
    # One entry per reason: {"field", "code", "words"}; the words are the source's own and may hold values.
    refused = models.JSONField(default=list, blank=True)
    # Whether the source said that it had done the line before: an earlier answer was lost on the way.
    was_repeated = models.BooleanField(default=False)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(status__in=LineStatus.values), name="action_line_status_known"),
        )

    def __str__(self) -> str:
        return f"Line {self.number} of {self.job_id}"
