"""The records of a bundle as plain values: what each of them is made of, and never a credential."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from connectors import schedules
from connectors.destinations import registry as destinations
from connectors.models import Activity, Connection, Destination, Entity
from connectors.providers import registry as providers
from connectors.providers.manifest import SIGN_IN, Field
from connectors.scrub import Scrubber, is_secret_name
from dashboard.pages.activity import words_of
from dashboard.pages.changes import Changes
from dashboard.pages.job_support import customer_text, entry_of, say, what_to_do
from jobs.models import Attempt, Job, Step

NOT_SHOWN = "not shown"

Facts = dict[str, Any]


def moment(at: datetime | None) -> str | None:
    """Return a time in UTC to the millisecond, None for none."""
    return None if at is None else at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def of_job(job: Job, address: str) -> Facts:
    """Return a job with the meaning of its error code."""
    return {
        "id": str(job.pk),
        "page": address,
        "type": job.type,
        "status": job.status,
        "trigger": job.trigger,
        "by": job.actor.get_username() if job.actor else None,
        "asked_for": job.options,
        "created_at": moment(job.created_at),
        "started_at": moment(job.started_at),
        "ended_at": moment(job.ended_at),
        "duration_ms": job.duration_ms,
        "attempt": job.attempt,
        "max_attempts": job.max_attempts,
        "missed_slots": job.missed_slots,
        "worker": job.worker,
        "rows_read": job.rows_extracted,
        "rows_written": job.rows_loaded,
        "bytes_read": job.bytes,
        "error": _error(job) if job.error_code else None,
    }


def _error(job: Job) -> Facts:
    entry = entry_of(job.error_code)
    return {
        "code": job.error_code,
        "step": job.error_step,
        "title": say(job, entry.title),
        "cause": say(job, entry.cause),
        "source_said": job.error_detail,
        "who_must_act": entry.who,
        "does_retrying_help": entry.is_retryable,
        "what_to_do": what_to_do(job, entry),
        "what_the_customer_should_hear": customer_text(job),
    }


def of_attempt(attempt: Attempt) -> Facts:
    """Return one try of a job; of the credentials it ran with only when they had been set."""
    return {
        "number": attempt.number,
        "status": attempt.status,
        "worker": attempt.worker,
        "started_at": moment(attempt.started_at),
        "ended_at": moment(attempt.ended_at),
        "error_code": attempt.error_code,
        "source_said": attempt.error_detail,
        "ran_with": {_plainly(name): value for name, value in attempt.ran_with.items()},
    }


def _plainly(name: str) -> str:
    return f"{name.removesuffix('_credentials')}_sign_in_set_at" if name.endswith("_credentials") else name


def of_step(step: Step) -> Facts:
    """Return one step of a try."""
    return {
        "attempt": step.attempt,
        "name": step.name,
        "status": step.status,
        "said": step.detail,
        "started_at": moment(step.started_at),
        "ended_at": moment(step.ended_at),
    }


def of_tables(changes: Changes, attempts: Sequence[Attempt]) -> list[Facts]:
    """Return each table of the job with its rows in the last good run, and its columns as the job found them."""
    shapes: Mapping[str, Any] = next((one.shapes for one in attempts if one.shapes), {})
    then = {table["name"]: table for table in changes.good.tables} if changes.good else {}
    return [
        {**table, "rows_read_by_last_good_run": then.get(name, {}).get("extracted"), "columns": shapes.get(name)}
        for table in changes.job.tables
        for name in [table["name"]]
    ]


def of_good(good: Job) -> Facts:
    """Return the run that a job is compared with."""
    return {
        "id": str(good.pk),
        "type": good.type,
        "entity": str(good.entity_id) if good.entity_id else None,
        "started_at": moment(good.started_at),
        "ended_at": moment(good.ended_at),
        "rows_read": good.rows_extracted,
    }


def of_act(act: Activity, scrubber: Scrubber) -> Facts:
    """Return who did what, and each changed field before and after, unless its name is that of a secret."""
    return {
        "id": str(act.pk),
        "at": moment(act.at),
        "who": act.actor_name or "Patchbay",
        "what": words_of(act.action).sentence.format(subject=act.subject),
        "note": act.note,
        "job": str(act.job_id) if act.job_id else None,
        "changes": [_change(change, scrubber) for change in act.changes],
    }


def _change(change: Mapping[str, Any], scrubber: Scrubber) -> Facts:
    name = str(change.get("field", ""))
    sides = {side: change.get(side) for side in ("before", "after")}
    shown = {side: None if value is None else scrubber.named(name, str(value)) for side, value in sides.items()}
    return {"field": name, **shown}


def of_connection(job: Job) -> Facts:
    """Return connection, entity and destination with the settings that their manifests declare as no secret."""
    connection, entity = job.connection, job.entity
    manifest = providers.manifest(connection.provider)
    return {
        "id": str(connection.pk),
        "name": connection.name,
        "provider": {"kind": manifest.kind, "name": manifest.name, "version": manifest.version},
        **_standing(connection),
        "created_at": moment(connection.created_at),
        "deleted_at": moment(connection.deleted_at),
        "schedule": schedules.in_words(connection),
        "time_zone": connection.time_zone,
        "settings": settings_of(connection.config, manifest.fields),
        "sign_in": _sign_in(connection),
        "tested_at": moment(connection.tested_at),
        "dataset": connection.dataset,
        "entity": _entity(entity) if entity else None,
        "destination": _destination(connection.destination),
    }


def _entity(entity: Entity) -> Facts:
    return {"id": str(entity.pk), "name": entity.name, "ref": entity.ref, **_standing(entity)}


def _standing(record: Connection | Entity) -> Facts:
    return {
        "status": record.status,
        "reason": record.status_reason,
        "since": moment(record.status_since),
        "last_success_at": moment(record.last_success_at),
        "next_run_at": moment(record.next_run_at),
        "failures_in_a_row": record.failure_streak,
    }


def _destination(destination: Destination | None) -> Facts | None:
    if destination is None:
        return None
    return {
        "id": str(destination.pk),
        "name": destination.name,
        "kind": destination.kind,
        "settings": settings_of(destination.config, destinations.manifest(destination.kind).fields),
        "sign_in": _sign_in(destination),
        "checked_at": moment(destination.checked_at),
    }


def _sign_in(owner: Connection | Destination) -> Facts:
    by = owner.credentials_set_by
    return {"set_at": moment(owner.credentials_set_at), "set_by": by.get_username() if by else None}


def settings_of(config: Mapping[str, Any], fields: Iterable[Field]) -> Facts:
    """Return settings by name: the value of what is declared as no secret, of anything else that there is one."""
    plain = {SIGN_IN, *(field.name for field in fields if not field.is_secret)}
    return {name: value if name in plain and not is_secret_name(name) else NOT_SHOWN for name, value in config.items()}
