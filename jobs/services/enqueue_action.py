"""Makes jobs that change something at the source: an action of the provider, with a line for each that it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid5

from django.contrib.auth.models import User
from django.db import transaction

from connectors.models import Connection, Entity, Status
from connectors.providers import registry as providers
from connectors.services import activity, facts
from jobs.models import ActionLine, Job, JobType, LineStatus, Queue, Trigger
from jobs.services.enqueue import DEFAULT_ATTEMPTS, CannotSync, new_lease, refuse_deleted
from jobs.services.publish import publish_on_commit


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asked for: the action, the values that all lines share, and the source's id of each line.

    `labels` are names of chosen values, for people; none of them is a person's. `again` is the job whose lines that are
    not done are asked for once more.
    """

    action: str
    values: Mapping[str, str]
    refs: Sequence[str]
    labels: Mapping[str, str] = field(default_factory=dict)
    again: UUID | None = None


@transaction.atomic
def enqueue_action(
    *,
    connection: Connection,
    entity: Entity,
    asked: Asked,
    job_id: UUID,
    actor: User | None,
    trigger: Trigger = Trigger.USER,
) -> Job:
    """Make a pending job that does an action, and publish it on commit. `job_id` is its ID, drawn beforehand.

    Asked a second time with the same `job_id` it gives the job that the first call made. Raises `CannotSync` while the
    connection is paused, deleted or without credentials, and for an entity or an action that is not to be used.
    """
    locked = facts.lock(connection.pk)
    made = Job.objects.filter(pk=job_id, connection=locked).first()
    if made is not None:
        return made
    _refuse_unless_ready(locked, entity, asked)
    job = Job(
        pk=job_id,
        type=JobType(asked.action),
        trigger=trigger,
        actor=actor,
        connection=locked,
        entity=entity,
        max_attempts=DEFAULT_ATTEMPTS,
        options={"values": dict(asked.values), "labels": dict(asked.labels)},
    )
    lease = new_lease(job, locked)
    # A person waits for it, and nothing is written at the destination: no sync is a hindrance.
    lease.queue, lease.exclusive_key, lease.entity = Queue.INTERACTIVE, None, None
    lease.save(force_insert=True)
    job.save(force_insert=True)
    ActionLine.objects.bulk_create(_lines(job, asked))
    note = f"{_label(locked, asked)}: {len(asked.refs)}"
    activity.record("connection.action_started", actor=actor, connection=locked, note=note, job_id=job.pk)
    publish_on_commit([lease])
    return job


def _lines(job: Job, asked: Asked) -> list[ActionLine]:
    """Return the lines. One whose answer is not known keeps its key: should it be done, it is not done again."""
    kept: dict[str, UUID] = {}
    same = Job.objects.filter(connection=job.connection, entity=job.entity, type=job.type)
    before = same.filter(pk=asked.again).first() if asked.again else None
    if before is not None and before.options.get("values") == dict(asked.values):
        waiting = before.action_lines.filter(status=LineStatus.WAITING)
        kept = dict(waiting.values_list("ref", "key"))
    return [
        ActionLine(job=job, number=number, ref=ref, key=kept.get(ref) or uuid5(job.pk, str(number)))
        for number, ref in enumerate(dict.fromkeys(asked.refs), start=1)
    ]


def _label(connection: Connection, asked: Asked) -> str:
    action = providers.manifest(connection.provider).action(asked.action)
    return action.label if action else asked.action


def _refuse_unless_ready(connection: Connection, entity: Entity, asked: Asked) -> None:
    refuse_deleted(connection)
    action = providers.manifest(connection.provider).action(asked.action)
    if action is None or not 0 < len(asked.refs) <= action.most_lines:
        message = f"{connection.name} cannot do this. Nothing was started."
        raise CannotSync("no_action", message)
    if connection.status == Status.PAUSED:
        message = f"{connection.name} is paused, so nothing is changed at its source. Resume it first."
        raise CannotSync("paused", message)
    if not connection.config or not connection.credentials:
        missing = "settings" if not connection.config else "credentials"
        message = f"{connection.name} cannot be used yet: its {missing} are missing. Fill them in first."
        raise CannotSync("incomplete", message)
    if not Entity.objects.selected().filter(pk=entity.pk, connection=connection).exists():
        message = f"{entity.name} is excluded. Include it first."
        raise CannotSync("excluded", message)
