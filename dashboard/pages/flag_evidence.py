"""Why a connection has its flags: which entities, since when, and how many others of the provider."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q
from django.urls import reverse

from connectors.models import OUTAGE_CODES, Connection, Outcome, Status
from connectors.schedules import in_words
from dashboard import formatting
from dashboard.pages.connection import Subject
from dashboard.pages.flags import FLAGS, flags_set
from jobs.models import Job, Lease, LeaseState
from jobs.text import counted

# So many names stand in a sentence.
_MOST_NAMES = 3


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag with its evidence: a sentence, since when, and where to look; `look` is the status it looks like."""

    name: str
    label: str
    look: str
    text: str
    since: datetime | None = None
    href: str = ""
    link: str = ""


def flags_of(subject: Subject) -> tuple[Flag, ...]:
    """Return the flags that a connection has, each with its evidence: one query, and two per flag at most."""
    return tuple(_EVIDENCE[name](subject) for name in flags_set(subject.connection, subject.now))


def _syncing(subject: Subject) -> Flag:
    rows = formatting.number(sum(one.rows for one in subject.live.values() if one.is_running))
    return _alive(subject, "syncing", "running", LeaseState.RUNNING, f"{rows} rows read so far.")


def _queued(subject: Subject) -> Flag:
    why = subject.reason.sentence if subject.reason else ""
    return _alive(subject, "queued", "pending", LeaseState.PENDING, why)


def _alive(subject: Subject, name: str, look: str, state: LeaseState, more: str) -> Flag:
    """Tell of the live syncs in `state`, from the one that began first."""
    leases = Lease.objects.syncs().filter(connection=subject.connection, state=state).order_by("job_id")
    named = leases.values_list("entity__name", "job__started_at", "job__created_at")[:_MOST_NAMES]
    found = list(named)
    count = sum(one.is_running == (state == LeaseState.RUNNING) for one in subject.live.values())
    verb = {"syncing": ("syncs now", "sync now"), "queued": ("waits", "wait")}[name]
    text = f"{_whose(subject, count, [row[0] for row in found], verb)} {more}".strip()
    moments = [started or created for _, started, created in found]
    return Flag(name, FLAGS[name], look, text, min(moments, default=None), *_those(subject, Outcome(look)))


def _partial(subject: Subject) -> Flag:
    broken = subject.connection.entities.selected().filter(status=Status.BROKEN).order_by("status_since", "pk")
    found = list(broken.values_list("name", "status_since")[:_MOST_NAMES])
    text = _whose(subject, subject.totals["broken"], [name for name, _ in found], ("is broken", "are broken"))
    since = found[0][1] if found else None
    return Flag("partial", FLAGS["partial"], "warning", text, since, *_those(subject, Outcome.FAILED))


def _stale(subject: Subject) -> Flag:
    connection = subject.connection
    twice = formatting.duration(2 * connection.interval_seconds)
    seen = "Nothing succeeded" if connection.last_success_at else "It is active and nothing succeeded yet,"
    text = f"{seen} for longer than twice the interval ({in_words(connection).lower()}, so {twice})."
    since = connection.last_success_at or connection.status_since
    return Flag("stale", FLAGS["stale"], "warning", text, since)


def _expiring_soon(subject: Subject) -> Flag:
    """Tell when the credentials end; after that day the source refuses them."""
    connection = subject.connection
    last = connection.credentials_end_on
    assert last  # noqa: S101 - for the type checker: the flag is set by it
    left = (last - subject.now.date()).days
    days = f"in {left} days" if left > 0 else f"{-left} days ago"
    when = {0: "today", 1: "tomorrow", -1: "yesterday"}.get(left, days)
    verb = "end" if left >= 0 else "ended"
    text = f"The credentials {verb} {when}, on {last:%-d %b %Y}. After that day the source refuses every sync."
    href = f"{reverse('connections:setup', args=[connection.pk])}#source"
    return Flag("expiring_soon", FLAGS["expiring_soon"], "warning", text, None, href, "Renew them")


def _provider_outage(subject: Subject) -> Flag:
    """Tell how far the outage reaches, and when it began here: two queries."""
    connection, provider = subject.connection, subject.provider.name
    mine = Connection.objects.filter(provider=connection.provider)
    tried = Q(status__in=(Status.ACTIVE, Status.BROKEN))
    of_all, failing = mine.aggregate(tried=Count("pk", filter=tried))["tried"], mine.in_outage().count()
    first = Job.objects.filter(connection=connection).failures(
        connection.last_error_code, since=connection.last_success_at or connection.created_at
    )
    since = first.values_list("started_at", flat=True).first() or connection.last_run_at
    fail = "fails" if failing == 1 else "fail"
    text = (
        f"{provider} says that it is down or in maintenance: {failing} of its {counted(of_all, 'connection')} {fail} "
        f"with {' or '.join(OUTAGE_CODES)}. They go on by themselves when it is back."
    )
    href = f"{reverse('connections:list')}?provider={connection.provider}&flag=provider_outage"
    return Flag("provider_outage", FLAGS["provider_outage"], "warning", text, since, href, "Show them")


_EVIDENCE: dict[str, Callable[[Subject], Flag]] = {
    "syncing": _syncing,
    "queued": _queued,
    "partial": _partial,
    "stale": _stale,
    "expiring_soon": _expiring_soon,
    "provider_outage": _provider_outage,
}


def _whose(subject: Subject, count: int, names: Iterable[str], verb: tuple[str, str]) -> str:
    """Say how many entities it is true of, and name the first: "3 of 40 entities are broken: A, B, C."""
    if not subject.has_entities:
        return f"It {verb[0]}."
    named = list(names)
    others = f" and {count - len(named)} more" if count > len(named) else ""
    total = subject.totals["total"]
    # A company's name may end with a full stop of its own.
    return f"{count} of {total} entities {verb[count != 1]}: {', '.join(named)}{others}".removesuffix(".") + "."


def _those(subject: Subject, outcome: Outcome) -> tuple[str, str]:
    """Return where the entities are listed that it is true of; nowhere for a connection without such a list."""
    if not subject.has_entities:
        return "", ""
    return f"{reverse('connections:jobs', args=[subject.connection.pk])}?outcome={outcome.value}", "Show them"
