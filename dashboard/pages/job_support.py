"""The text that support pastes into a ticket: verdict, IDs, times, what to do, versions and the end of the log.

Secrets never reach the log. Names and addresses may stand in a message, so they are replaced here by what they are:
a ticket is read by many. Whoever may see more finds it by the IDs, or in the bundle.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from connectors.errors import REGISTRY, ErrorEntry, told
from connectors.models import Connection
from connectors.providers import registry as providers
from connectors.scrub import Scrubber
from connectors.versions import versions_of
from dashboard.formatting import duration, file_size, number, utc_offset
from dashboard.pages.changes import Changes
from dashboard.pages.changes_lines import CHANGED, VERSIONS
from dashboard.pages.guidance import WHO
from dashboard.pages.job_steps import rows_of
from jobs.models import Attempt, Job, JobStatus
from jobs.services.workers import short_name

LOG_LINES = 200
LINE_LENGTH = 1_000
_SHORTEST_NAME = 3
_WIDTH = 12
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_ADDRESS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b")
# Settings that name a place or a person; the others are options such as a TLS mode.
_NAMING = frozenset({"host", "hostname", "database", "user", "username", "account", "base_url", "url", "path", "file"})


@dataclass(frozen=True, slots=True)
class Taken:
    """From where and when a text is taken: the page's address, the time zone of who reads it, the time."""

    address: str
    zone: tzinfo
    now: datetime


@dataclass(frozen=True, slots=True)
class Support:
    """What the page offers to hand on: a text for a ticket, and what the customer should hear (empty for nothing)."""

    text: str
    customer: str


def support_of(job: Job, changes: Changes | None, scrubber: Scrubber, taken: Taken) -> Support:
    """Return what support hands on of a job, secrets and names removed. Three queries."""
    attempts, steps = list(job.attempts.order_by("-number")), list(job.steps.order_by("number"))
    lines = list(job.log_lines.order_by("-number")[:LOG_LINES])[::-1]
    facts = [
        *_ids(job),
        *_times(job, taken.zone),
        ("Steps", ", ".join(f"{row.name} {row.status} {row.took}" for row in rows_of(job, steps, taken.now))),
        ("Rows", f"{number(job.rows_extracted)} read, {number(job.rows_loaded)} written, {file_size(job.bytes)}"),
        *_compared(changes),
        ("Versions", _versions(job, attempts)),
        ("Taken", _utc(taken.now)),
    ]
    # Secrets are taken out before a line is cut: half of one would not be known.
    log = [
        f"{_utc(line.at)} {line.level.upper():<8}{line.step:<13}{cut(scrubber.text(line.message))}" for line in lines
    ]
    names = _names(job)

    def clean(told: Iterable[str]) -> str:
        return without_names(scrubber.text("\n".join(told)), names)

    # Our own address stays whole, whatever else has the same host.
    parts = [clean([*_head(job), "", *_told(facts)]), *_told([("Page", taken.address)]), ""]
    parts.append(without_names("\n".join([f"Last {len(log)} log lines, UTC", *log]), names))
    return Support("\n".join(parts), customer_text(job))


def customer_text(job: Job) -> str:
    """Return what the customer should hear about a job that failed; empty for any other."""
    return say(job, entry_of(job.error_code).end_user_text) if job.status == JobStatus.FAILED else ""


def what_to_do(job: Job, entry: ErrorEntry) -> list[str]:
    """Return the recommended actions, each as a sentence or two."""
    # A job that tries again by itself is no reason to start another one beside it.
    offered = [one for one in entry.actions if job.is_over or one.kind != "sync_now"]
    return [say(job, f"{one.title}. {one.hint}") for one in offered]


def cut(message: str) -> str:
    """Return a line of a log that is fit to be read, and say how much of a longer one is left out."""
    left = len(message) - LINE_LENGTH
    return message if left <= 0 else f"{message[:LINE_LENGTH]} … {left:,} more characters"


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
    entry = entry_of(job.error_code)
    retry = "Retrying can help." if entry.is_retryable else "Retrying does not help."
    return [
        f"{what}, {job.error_code}",
        say(job, f"{entry.title}. {entry.cause}"),
        *([f"Source said: {job.error_detail}"] if job.error_detail else []),
        f"Who acts: {WHO[entry.who]}. {retry}",
        *(f"{number}. {done}" for number, done in enumerate(what_to_do(job, entry), 1)),
        *([f"Tell the customer: {customer_text(job)}"] if customer_text(job) else []),
    ]


def entry_of(code: str) -> ErrorEntry:
    """Return the entry of a stored code; a code that a later version dropped is an unknown error."""
    return REGISTRY.get(code, REGISTRY["unknown_error"])


def say(job: Job, text: str) -> str:
    """Fill the names of a job's source, destination and entity into a text of an entry."""
    connection = job.connection
    return told(
        text,
        source=providers.manifest(connection.provider).name,
        destination=connection.destination.name if connection.destination else "the destination",
        entity=job.entity.name if job.entity else connection.name,
    )


def _ids(job: Job) -> Iterable[tuple[str, str]]:
    connection = job.connection
    target = connection.destination.kind if connection.destination else "no destination"
    tried = f"attempt {job.attempt} of {job.max_attempts}, {job.trigger}, worker {short_name(job.worker) or 'none'}"
    yield "Job", str(job.pk)
    yield "", tried
    yield "Connection", f"{connection.pk}, {connection.provider} to {target}"
    if job.entity_id:
        yield "Entity", str(job.entity_id)


def _times(job: Job, zone: tzinfo) -> Iterable[tuple[str, str]]:
    moments = [("created", job.created_at), ("started", job.started_at), ("ended", job.ended_at)]
    known = [(word, moment) for word, moment in moments if moment]
    took = [f"took {duration(job.duration_ms / 1000)}"] if job.duration_ms is not None else []
    yield "Times (UTC)", ", ".join([*(f"{word} {_utc(moment)}" for word, moment in known), *took])
    offset = utc_offset(job.created_at, zone)
    if offset != "UTC":
        yield f"({offset})", ", ".join(f"{word} {_stamp(moment.astimezone(zone))}" for word, moment in known)


def _compared(changes: Changes | None) -> Iterable[tuple[str, str]]:
    """The last good run, and what is not as it was then. Old and new values may name places, so they are left out."""
    if changes is None:
        return
    if changes.good is None:
        yield "Last good", changes.said
        return
    yield "Last good", f"{changes.good.pk}, started {_utc(changes.good.started_at or changes.good.created_at)}"
    changed = [line for line in changes.lines if line.verdict == CHANGED]
    yield "Changed", "nothing on our side" if changes.is_ours_unchanged else f"{changes.changed} since then"
    for line in changed:
        about = ", ".join(filter(None, (line.note, _utc(line.at) if line.at else "")))
        # In brackets: after a colon, what a credential is said to be would look like its value.
        yield "", f"{line.what} ({about})" if about else line.what


def _versions(job: Job, attempts: Sequence[Attempt]) -> str:
    recorded = next((one.ran_with for one in attempts if one.ran_with), None)
    found = recorded or versions_of(job.connection.provider)
    told = [found[name] if name == "provider" else f"{name} {found[name]}" for name in VERSIONS if name in found]
    return ", ".join(told) + ("" if recorded else " (now; what it ran with was not recorded)")


def _told(facts: Iterable[tuple[str, str]]) -> list[str]:
    return [f"{name:<{_WIDTH}}{value}" for name, value in facts]


def _utc(moment: datetime) -> str:
    return _stamp(moment.astimezone(UTC))


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


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
