"""The question before a retry: how many connections, which ones, and whether it can help."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.urls import reverse

from connectors.errors import entry
from connectors.ids import new_id
from connectors.models import Connection
from connectors.providers import registry as providers
from dashboard import formatting
from dashboard.forms.job_criteria import JobCriteria
from dashboard.forms.job_retry import Asked
from dashboard.pages.job_groups import advice_of, failing
from jobs.models import JobStatus
from jobs.text import counted

_NAMED = 5


@dataclass(frozen=True, slots=True)
class RetryQuestion:
    """The failing connections of a group. `question` is the ID that its answer is stored under, once.

    `changed` says how many fail now, where that is not the number that was shown.
    """

    code: str
    provider: str
    provider_name: str
    ids: tuple[UUID, ...]
    named: str
    words: str
    entities: str
    advice: str
    helps: bool
    changed: str
    question: UUID
    back: str
    query: str

    @property
    def count(self) -> int:
        """How many connections fail."""
        return len(self.ids)


def retry_question(asked: Asked) -> RetryQuestion:
    """Return the question about a group, of no connection where nothing fails so. Two queries."""
    found = failing(code=asked.code, provider=asked.provider).order_by("connection__name", "connection_id")
    entities = list(found.values_list("connection_id", flat=True)) if asked.code else []
    ids = tuple(dict.fromkeys(entities))
    names = dict(Connection.objects.filter(pk__in=ids[:_NAMED]).values_list("pk", "name"))
    more = len(ids) - _NAMED
    known = entry(asked.code) if asked.code else None
    name = providers.manifest(asked.provider).name if asked.provider else ""
    criteria = JobCriteria(JobStatus.FAILED, code=asked.code, provider=asked.provider)
    is_other = asked.expected is not None and asked.expected != len(ids)
    return RetryQuestion(
        code=asked.code,
        provider=asked.provider,
        provider_name=name,
        ids=ids,
        named=", ".join(names[pk] for pk in ids[:_NAMED] if pk in names) + (f" and {more:,} more" if more > 0 else ""),
        words=counted(len(ids), "connection"),
        entities=formatting.number(len(entities)) if len(entities) > len(ids) else "",
        advice=advice_of(known, name) if known else "",
        helps=known is not None and known.is_retryable,
        changed=f"{counted(len(ids), 'connection')} fail now, {asked.expected:,} were shown." if is_other else "",
        question=new_id(),
        back=reverse("jobs:list"),
        query=criteria.query(),
    )
