"""What is changed at the payroll API: people are enrolled in benefit plans, each under a key of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import requests

from connectors.plan import Endpoint, SyncError
from connectors.providers.actions import Answer, Found, Option, Refused
from connectors.providers.sandbox_payroll.answers import object_of, said_by
from connectors.providers.sandbox_payroll.client import Client, Pause
from connectors.providers.sandbox_payroll.manifest import ENROL

_ENROLMENTS, _PLANS = "benefit-enrollments", "benefit-plans"
# So many are shown to choose from; a search finds the others.
_MOST_SHOWN = 20
_LONGEST_WORDS, _LONGEST_NAME = 300, 60


def find(endpoint: Endpoint, entity_ref: str, offers: str, *, text: str = "", refs: Sequence[str] = ()) -> Found:
    """Return employees or plans of a company: all of `refs` where there are any, else what fits `text`."""
    filters = {"ids": ",".join(refs)} if refs else {"q": text} if text.strip() else {}
    with Client(endpoint) as client:
        limit = len(refs) or _MOST_SHOWN
        page = next(client.pages(f"companies/{entity_ref}/{offers}", limit=limit, filters=filters))
    options = tuple(_OPTIONS[offers](record) for record in page.records)
    return Found(options, page.total > len(options))


@contextmanager
def open_writer(endpoint: Endpoint, entity_ref: str, action: str, pause: Pause) -> Iterator[_Enroller]:
    """Open a session to enrol people of a company. Raises `SyncError` for an action that is none of ours."""
    if action != ENROL.name:
        raise SyncError("misconfigured", f"Sandbox Payroll has no action “{action}”.")
    with Client(endpoint, pause) as client:
        yield _Enroller(client, f"companies/{entity_ref}")


class _Enroller:
    """Enrols people of one company."""

    def __init__(self, client: Client, company: str) -> None:
        self._client = client
        self._company = company

    def check(self) -> None:
        """Ask for a plan: whoever may see plans may enrol."""
        next(self._client.pages(f"{self._company}/{_PLANS}", limit=1))

    def send(self, values: Mapping[str, str], key: str) -> Answer:
        """Enrol one person; the contribution is in cents."""
        body = {**values, "contribution": int(values["contribution"])}
        answer = self._client.write(f"{self._company}/{_ENROLMENTS}", body, key)
        if answer.status_code != HTTPStatus.CREATED:
            return Answer(refused=tuple(_refusals(answer)))
        ref = object_of(answer).get("id")
        if not isinstance(ref, str) or not ref:
            raise SyncError("bad_record", "The source did not say what it made.")
        return Answer(ref, is_repeated=answer.headers.get("Idempotency-Replayed") == "true")

    def missing(self, refs: Sequence[str]) -> frozenset[str]:
        """Ask for the enrolments again."""
        filters = {"ids": ",".join(refs)}
        pages = self._client.pages(f"{self._company}/{_ENROLMENTS}", filters=filters)
        return frozenset(refs) - {str(record.get("id")) for page in pages for record in page.records}


def _refusals(answer: requests.Response) -> Iterator[Refused]:
    error = object_of(answer).get("error")
    fields = error.get("fields") if isinstance(error, dict) else None
    for one in fields if isinstance(fields, list) else ():
        if isinstance(one, dict):
            name, code = (str(one.get(part, ""))[:_LONGEST_NAME] for part in ("field", "code"))
            yield Refused(name, code, str(one.get("message", ""))[:_LONGEST_WORDS])
    if not fields:
        said = said_by(answer)
        yield Refused("", said.code or str(answer.status_code), said.words)


def _employee(record: Mapping[str, Any]) -> Option:
    name = f"{record.get('first_name', '')} {record.get('last_name', '')}".strip()
    left = f", left on {record['termination_date']}" if record.get("termination_date") else ""
    note = f"No. {record.get('employee_number', '')}, {record.get('title', '')}, {record.get('department', '')}{left}"
    return Option(str(record["id"]), name or str(record["id"]), note)


def _plan(record: Mapping[str, Any]) -> Option:
    bounds = record.get("contribution") or {}
    low, high = (f"{bounds.get(side, 0) / 100:,.2f}" for side in ("lowest", "highest"))
    covers = ", ".join(str(one).replace("_", " and ") for one in record.get("coverages", ()))
    closed = "takes nobody new; " if record.get("status") == "closed" else ""
    note = f"{closed}{low} to {high} {bounds.get('currency', '')} a month; {covers}"
    return Option(str(record["id"]), str(record.get("name") or record["id"]), note)


_OPTIONS: dict[str, Callable[[Mapping[str, Any]], Option]] = {"employees": _employee, _PLANS: _plan}
