"""What a bulk action does at one connection: the same services as a person's single click, and the same refusals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from connectors.models import Connection, Status
from connectors.services import facts
from connectors.services.pause import AlreadyPausedError, NotPausedError
from connectors.services.tagging import add_tag, remove_tag
from jobs.models import Bulk, BulkAction, ItemStatus
from jobs.services.deleting import delete_connection
from jobs.services.enqueue import CannotSync, enqueue_retry, enqueue_sync, refuse_deleted
from jobs.services.enqueue_test import enqueue_test
from jobs.services.pausing import pause_connection, resume_connection


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one connection. `job_id` is the job that was made, or the one in the way."""

    status: ItemStatus
    code: str = ""
    told: str = ""
    job_id: UUID | None = None


DONE = Outcome(ItemStatus.DONE)


def act(bulk: Bulk, connection: Connection) -> Outcome:
    """Do what `bulk` asks for at one connection, whole or not at all, and return what became of it."""
    try:
        with transaction.atomic():
            return _ACTS[BulkAction(bulk.action)](bulk, connection)
    except CannotSync as refusal:
        is_unfinished = refusal.reason == "incomplete" and connection.status == Status.INCOMPLETE
        code = connection.status_reason if is_unfinished else refusal.reason
        return Outcome(ItemStatus.REFUSED, code, str(refusal), refusal.job_id)
    except AlreadyPausedError as refusal:
        return Outcome(ItemStatus.REFUSED, "already_paused", str(refusal))
    except NotPausedError as refusal:
        return Outcome(ItemStatus.REFUSED, "not_stopped", str(refusal))


def _sync(bulk: Bulk, connection: Connection) -> Outcome:
    jobs = enqueue_sync(connection=connection, actor=bulk.actor)
    if not jobs:
        raise CannotSync("nothing_selected", f"{connection.name} has nothing selected to sync.")
    return Outcome(ItemStatus.DONE, job_id=jobs[0].pk)


def _retry(bulk: Bulk, connection: Connection) -> Outcome:
    jobs = enqueue_retry(connection=connection, code=bulk.options["code"], actor=bulk.actor)
    return Outcome(ItemStatus.DONE, job_id=jobs[0].pk)


def _test(bulk: Bulk, connection: Connection) -> Outcome:
    return Outcome(ItemStatus.DONE, job_id=enqueue_test(connection=connection, actor=bulk.actor).pk)


def _pause(bulk: Bulk, connection: Connection) -> Outcome:
    until = bulk.options.get("until")
    pause_connection(
        connection=connection,
        reason=bulk.options["reason"],
        actor=bulk.actor,
        until=datetime.fromisoformat(until) if until else None,
        cancels_running=bulk.options.get("cancels_running", False),
    )
    return DONE


def _resume(bulk: Bulk, connection: Connection) -> Outcome:
    resume_connection(connection=connection, actor=bulk.actor)
    return DONE


def _tag(bulk: Bulk, connection: Connection) -> Outcome:
    return _change_tag(bulk, connection, add_tag, "tagged_already", "has this tag already")


def _untag(bulk: Bulk, connection: Connection) -> Outcome:
    return _change_tag(bulk, connection, remove_tag, "not_tagged", "does not have this tag")


def _change_tag(bulk: Bulk, connection: Connection, change: Callable[..., bool], code: str, otherwise: str) -> Outcome:
    refuse_deleted(facts.lock(connection.pk))
    if change(connection=connection, name=bulk.options["tag"], actor=bulk.actor):
        return DONE
    return Outcome(ItemStatus.REFUSED, code, f"{connection.name} {otherwise}. Nothing was changed.")


def _delete(bulk: Bulk, connection: Connection) -> Outcome:
    delete_connection(connection=connection, actor=bulk.actor)
    return DONE


_ACTS: dict[BulkAction, Callable[[Bulk, Connection], Outcome]] = {
    BulkAction.SYNC: _sync,
    BulkAction.TEST: _test,
    BulkAction.PAUSE: _pause,
    BulkAction.RESUME: _resume,
    BulkAction.TAG: _tag,
    BulkAction.UNTAG: _untag,
    BulkAction.DELETE: _delete,
    BulkAction.RETRY: _retry,
}
