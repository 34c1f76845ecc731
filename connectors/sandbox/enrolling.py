"""Enrols people: `POST /v1/companies/<id>/benefit-enrollments`, once for each Idempotency-Key.

The same key with the same body gets the first answer again, also when that was never received; with another body it is
refused. What was refused for its values is not kept under its key. A restart forgets who was enrolled here and by which
keys.
"""

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

from connectors.sandbox.benefits import Enrolment, Plan
from connectors.sandbox.dice import token
from connectors.sandbox.messages import ApiError, Request
from connectors.sandbox.people import Person, Record
from connectors.sandbox.tokens import Clock

FIELDS = ("employee_id", "plan_id", "coverage", "start_date", "contribution")
_LONGEST_KEY = 255
# Beyond so many the oldest key is forgotten.
_MOST_KEYS = 10_000
_BACK, _AHEAD = timedelta(days=31), timedelta(days=366)

Errors = Iterator[tuple[str, str, str]]


class Enrolling:
    """The enrolments of one company that were asked for since the start; safe to use from several threads."""

    def __init__(self, company_id: str, today: date, clock: Clock) -> None:
        """Enrol from now on; `today` is the day that the data is as of, `clock` gives seconds since 1970."""
        self.made: list[Enrolment] = []
        self._company_id = company_id
        self._today = today
        self._clock = clock
        self._answers: OrderedDict[str, tuple[str, Enrolment]] = OrderedDict()
        self._lock = threading.Lock()

    def enrol(
        self, request: Request, people: Sequence[Person], plans: Sequence[Plan], there: Callable[[], list[Enrolment]]
    ) -> tuple[Enrolment, bool]:
        """Return the enrolment, and whether an earlier call with the same key had made it. Raises `ApiError`.

        `there` gives all enrolments that the company has.
        """
        key = request.headers.get("idempotency-key", "").strip()
        if not 0 < len(key) <= _LONGEST_KEY:
            message = f"Send a header Idempotency-Key of 1 to {_LONGEST_KEY} characters."
            raise ApiError(400, "idempotency_key_required", message)
        sent = _sent(request)
        digest = hashlib.sha256(json.dumps(sent, sort_keys=True).encode()).hexdigest()
        with self._lock:
            if known := self._answers.get(key):
                if known[0] != digest:
                    raise ApiError(409, "idempotency_conflict", "This Idempotency-Key came with another body before.")
                return known[1], True
            errors = list(self._errors(sent, {one.id: one for one in people}, plans, there()))
            if errors:
                fields = [{"field": name, "code": code, "message": words} for name, code, words in errors]
                raise ApiError(422, "validation_failed", "Some values cannot be used.", fields=fields)
            made = self._made(sent, key, plans)
            self.made.append(made)
            self._answers[key] = digest, made
            if len(self._answers) > _MOST_KEYS:
                self._answers.popitem(last=False)
        return made, False

    def _made(self, sent: Mapping[str, object], key: str, plans: Sequence[Plan]) -> Enrolment:
        # Later than all that was there at the start, so that whoever asks for changes since then finds it.
        earliest = datetime.combine(self._today, time(23, 59, 59), UTC)
        now = datetime.fromtimestamp(self._clock(), UTC).replace(microsecond=0)
        return Enrolment(
            id=f"enr_{token(self._company_id, key, len(self.made))}",
            employee_id=str(sent["employee_id"]),
            plan=next(one for one in plans if one.id == sent["plan_id"]),
            coverage=str(sent["coverage"]),
            starts_on=date.fromisoformat(str(sent["start_date"])),
            ends_on=None,
            contribution=int(str(sent["contribution"])),
            changed_at=max(now, earliest),
        )

    def _errors(
        self,
        sent: Mapping[str, object],
        people: Mapping[str, Person],
        plans: Sequence[Plan],
        there: Sequence[Enrolment],
    ) -> Errors:
        for name in sent.keys() - set(FIELDS):
            yield name, "unknown_field", "There is no such field."
        person = people.get(str(sent.get("employee_id")))
        plan = next((one for one in plans if one.id == sent.get("plan_id")), None)
        starts_on = _date(sent.get("start_date"))
        yield from self._errors_of_person(person, plan, starts_on, there)
        yield from self._errors_of_plan(sent, plan)
        yield from self._errors_of_start(person, starts_on)

    def _errors_of_person(
        self, person: Person | None, plan: Plan | None, starts_on: date | None, there: Sequence[Enrolment]
    ) -> Errors:
        if person is None:
            yield "employee_id", "not_found", "The company has no such employee."
        elif person.left_on and person.left_on < (starts_on or self._today):
            yield "employee_id", "not_employed", "The employee does not work here on that day."
        elif plan and any(_is_same(one, person, plan) for one in there):
            yield "employee_id", "already_enrolled", f"The employee has a plan of the kind {plan.kind} already."

    def _errors_of_plan(self, sent: Mapping[str, object], plan: Plan | None) -> Errors:
        if plan is None:
            yield "plan_id", "not_found", "The company has no such plan."
            return
        if not plan.is_open:
            yield "plan_id", "closed", "The plan takes nobody new."
        if sent.get("coverage") not in plan.coverages:
            yield "coverage", "not_offered", f"The plan covers {', '.join(plan.coverages)}."
        amount = sent.get("contribution")
        is_whole = isinstance(amount, int) and not isinstance(amount, bool)
        if not is_whole or not plan.lowest <= int(str(amount)) <= plan.highest:
            yield "contribution", "out_of_range", f"It must be from {plan.lowest} to {plan.highest} cents a month."

    def _errors_of_start(self, person: Person | None, starts_on: date | None) -> Errors:
        # The data is as of one day, and whoever asks may live on another.
        days = (self._today, datetime.fromtimestamp(self._clock(), UTC).date())
        if starts_on is None:
            yield "start_date", "invalid", "It must be a day such as 2026-12-31."
        elif not min(days) - _BACK <= starts_on <= max(days) + _AHEAD:
            yield "start_date", "out_of_range", "It must lie between a month ago and a year from now."
        elif person and starts_on < person.hired_on:
            yield "start_date", "before_hire", "The employee does not work here yet on that day."


def _is_same(one: Enrolment, person: Person, plan: Plan) -> bool:
    return one.employee_id == person.id and one.plan.kind == plan.kind and one.ends_on is None


def _sent(request: Request) -> Record:
    try:
        found = json.loads(request.body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ApiError(400, "invalid_request", "Send a JSON object.")
    return found


def _date(value: object) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
