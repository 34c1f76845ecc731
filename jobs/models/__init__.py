"""What runs, ran and will run: jobs with their attempts, steps and log, and the lease of each live one.

`Job` and its children are partitioned by the job's UUIDv7 in weeks (see the first migration and
`jobs.services.retention`); `Lease` is the small hot table and carries the unique rules that a partitioned table
cannot. Only `jobs.services` changes a status.
"""

from jobs.models.action_line import ActionLine
from jobs.models.bulk import Bulk, BulkAction, BulkItem, BulkItemQuerySet, ItemStatus
from jobs.models.enums import (
    ENDED,
    SYNC_TYPES,
    WRITE_TYPES,
    JobStatus,
    JobType,
    LeaseState,
    LineStatus,
    Queue,
    StepStatus,
    Trigger,
)
from jobs.models.job import Attempt, Job, JobQuerySet, LogLine, Step
from jobs.models.lease import Lease, LeaseQuerySet
from jobs.models.system import AccountBlock, Pulse, Worker

__all__ = (
    "ENDED",
    "SYNC_TYPES",
    "WRITE_TYPES",
    "AccountBlock",
    "ActionLine",
    "Attempt",
    "Bulk",
    "BulkAction",
    "BulkItem",
    "BulkItemQuerySet",
    "ItemStatus",
    "Job",
    "JobQuerySet",
    "JobStatus",
    "JobType",
    "Lease",
    "LeaseQuerySet",
    "LeaseState",
    "LineStatus",
    "LogLine",
    "Pulse",
    "Queue",
    "Step",
    "StepStatus",
    "Trigger",
    "Worker",
)
