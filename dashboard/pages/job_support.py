"""The text that support pastes into a ticket: IDs, times, versions and the end of the log, without names or secrets.

Secrets never reach the log. Names and addresses may stand in a message, so they are replaced here by what they are.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import version

from django.conf import settings

from connectors.errors import REGISTRY
from connectors.models import Connection
from dashboard.formatting import duration, file_size, number
from dashboard.pages.job_steps import StepRow
from jobs.models import Job, LogLine
from jobs.services.workers import short_name

LOG_LINES = 200
_SHORTEST_NAME = 3
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_ADDRESS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b")
# Settings that name a place or a person; the others are options such as a TLS mode.
_NAMING = frozenset({"host", "hostname", "database", "user", "username", "account", "base_url", "url", "path", "file"})


def text_of(job: Job, steps: Sequence[StepRow], lines: Sequence[LogLine], now: datetime) -> str:
    """Return the whole text for a job; `lines` are its last ones, oldest first. Times are UTC."""
    connection = job.connection
    target = connection.destination.kind if connection.destination else "no destination"
    facts = [
        ("Job", str(job.pk)),
        (
            "",
            f"attempt {job.attempt} of {job.max_attempts}, {job.trigger}, worker {short_name(job.worker) or 'none'}",
        ),
        ("Connection", f"{connection.pk}, {connection.provider} to {target}"),
        *([("Entity", str(job.entity_id))] if job.entity_id else []),
        ("Times (UTC)", _times(job)),
        ("Steps", ", ".join(f"{row.name} {row.status} {row.took}" for row in steps)),
        ("Rows", f"{number(job.rows_extracted)} read, {number(job.rows_loaded)} written, {file_size(job.bytes)}"),
        ("Versions", ", ".join(_versions())),
        ("Taken", _utc(now)),
    ]
    told = [f"{name:<12}{value}" for name, value in facts]
    log = [f"{_utc(line.at)} {line.level.upper():<8}{line.step:<13}{line.message}" for line in lines]
    text = "\n".join([*_head(job), "", *told, "", f"Last {len(log)} log lines", *log])
    return without_names(text, _names(job))


def without_names(text: str, names: Mapping[str, str]) -> str:
    """Return `text` with each of `names` replaced by what it is, and e-mail and IP addresses likewise."""
    text = _EMAIL.sub("<e-mail>", text)
    for name in sorted(names, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", f"<{names[name]}>", text, flags=re.IGNORECASE)
    return _ADDRESS.sub("<address>", text)


def _head(job: Job) -> list[str]:
    what = f"Patchbay: {job.get_type_display().lower()} {job.status}"
    if not job.error_code:
        return [what]
    entry = REGISTRY.get(job.error_code, REGISTRY["unknown_error"])
    retry = "Retrying can help." if entry.is_retryable else "Retrying does not help."
    words = [f"Source said: {job.error_detail}"] if job.error_detail else []
    return [f"{what}, {job.error_code}", f"Who acts: {entry.who.replace('_', ' ')}. {retry}", *words]


def _times(job: Job) -> str:
    moments = (("created", job.created_at), ("started", job.started_at), ("ended", job.ended_at))
    said = [f"{word} {_utc(moment)}" for word, moment in moments if moment]
    took = [f"took {duration(job.duration_ms / 1000)}"] if job.duration_ms is not None else []
    return ", ".join([*said, *took])


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


@lru_cache(maxsize=1)
def _versions() -> tuple[str, ...]:
    packages = ("dlt", "django", "celery", "psycopg")
    return (
        f"patchbay {settings.VERSION}",
        f"python {platform.python_version()}",
        *(f"{name} {version(name)}" for name in packages),
    )


def _names(job: Job) -> dict[str, str]:
    """Everything in the records of this job that names a company, a person or a place."""
    found = {job.connection.name: "connection", **dict(_settings_of(job.connection))}
    if job.entity:
        found |= {job.entity.name: "entity", job.entity.ref: "entity"}
    if job.connection.destination:
        found[job.connection.destination.name] = "destination"
    if job.actor:
        found[job.actor.get_username()] = "actor"
    return {name: kind for name, kind in found.items() if len(name) >= _SHORTEST_NAME}


def _settings_of(connection: Connection) -> Iterable[tuple[str, str]]:
    destination = connection.destination
    for config in (connection.config, destination.config if destination else {}):
        for key, value in config.items():
            if key in _NAMING and isinstance(value, str):
                yield value, key.replace("_", " ")
