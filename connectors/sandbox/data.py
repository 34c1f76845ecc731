"""The sandbox's data: a pure function of (seed, company, day), made when first asked for and then kept."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time
from functools import cached_property
from time import time as seconds_now
from typing import Any, Generic, TypeVar

from connectors.sandbox.benefits import Enrolment, Plan, enrolment_record, first_enrolments, plan_record, plans_of
from connectors.sandbox.catalog import Company, companies
from connectors.sandbox.enrolling import Enrolling
from connectors.sandbox.messages import ApiError, Request
from connectors.sandbox.pay import Pay, PayRun, pay_of, runs_of, runs_with_statements
from connectors.sandbox.people import Person, Record, employee_record, people_of, timestamp, updated_at
from connectors.sandbox.places import PLACES
from connectors.sandbox.tokens import Clock

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows exist for a call: those updated at `since` or later, of these `ids`, that hold all `words`."""

    since: datetime | None = None
    ids: frozenset[str] = frozenset()
    words: tuple[str, ...] = ()


EVERYTHING = Wanted()


@dataclass(frozen=True)
class Collection(Generic[Item]):
    """Rows of one kind in a stable order; a record is only made for the rows of the page asked for.

    `id` and `text` are what rows are picked and found by, where they can be.
    """

    items: Sequence[Item]
    updated_at: Callable[[Item], datetime]
    record: Callable[[Item], Record]
    id: Callable[[Item], str] | None = None
    text: Callable[[Item], str] | None = None

    def page(self, offset: int, limit: int, wanted: Wanted = EVERYTHING) -> tuple[list[Record], int]:
        """Return up to `limit` records from `offset` on, and how many rows there are in all.

        Raises `ApiError` where the collection cannot be asked so.
        """
        items = self._wanted(wanted)
        return [self.record(item) for item in items[offset : offset + limit]], len(items)

    def _wanted(self, wanted: Wanted) -> Sequence[Item]:
        items = self.items
        if wanted.since is not None:
            items = [item for item in items if self.updated_at(item) >= wanted.since]
        if wanted.ids:
            key = _offered(self.id, "ids")
            items = [item for item in items if key(item) in wanted.ids]
        if wanted.words:
            text = _offered(self.text, "q")
            items = [item for item in items if all(word in text(item).casefold() for word in wanted.words)]
        return items


class Account:
    """What there is to see: the companies, and each company's collections."""

    def __init__(self, seed: str, company_count: int, today: date, clock: Clock = seconds_now) -> None:
        """Describe an account; nothing is generated yet. `clock` gives seconds since 1970, for what is added."""
        self.companies = companies(company_count)
        self._ledgers = {company.id: Ledger(seed, company, today, clock) for company in self.companies}

    def ledger(self, company_id: str) -> "Ledger | None":
        """Return the company's data, or None where the account has no such company."""
        return self._ledgers.get(company_id)

    def company_list(self, is_seen: Callable[[str], bool]) -> Collection[Company]:
        """Return the companies of the account that are seen, by their id."""
        seen = [company for company in self.companies if is_seen(company.id)]
        return Collection(seen, _registered_at, _company_record)


class Ledger:
    """One company's employees, pay runs and pay statements, its benefit plans and who is enrolled in them.

    Two threads may make the same cached value at once; both get the same, so neither needs a lock.
    """

    def __init__(self, seed: str, company: Company, today: date, clock: Clock = seconds_now) -> None:
        """Describe the data of `company`; nothing is generated yet."""
        self.company = company
        self._seed = seed
        self._today = today
        self._enrolling = Enrolling(company.id, today, clock)

    def page(self, name: str, offset: int, limit: int, wanted: Wanted = EVERYTHING) -> tuple[list[Record], int]:
        """Return `Collection.page` of the collection of that name in the API; raise KeyError for another name."""
        makers: dict[str, Callable[[], Collection[Any]]] = {
            "employees": self.employees,
            "pay-runs": self.pay_runs,
            "pay-statements": self.pay_statements,
            "benefit-plans": self.benefit_plans,
            "benefit-enrollments": self.benefit_enrolments,
        }
        return makers[name]().page(offset, limit, wanted)

    def employees(self) -> Collection[Person]:
        """Return the employees, by employee number; found by name and number."""
        return Collection(
            self._people, self._person_updated_at, self._employee_record, lambda person: person.id, _person_text
        )

    def pay_runs(self) -> Collection[PayRun]:
        """Return the pay runs, oldest first."""
        return Collection(self._runs, lambda run: run.updated_at(self._today), self._run_record, lambda run: run.id)

    def pay_statements(self) -> Collection[tuple[PayRun, Person]]:
        """Return the statements of the latest runs: one for each person who was employed in the period."""
        return Collection(self._statements, lambda statement: statement[0].calculated_at, self._statement_record)

    def benefit_plans(self) -> Collection[Plan]:
        """Return the benefit plans, which never change."""
        return Collection(
            plans_of(self.company),
            lambda _: _registered_at(self.company),
            lambda plan: plan_record(self.company, plan),
            lambda plan: plan.id,
            lambda plan: plan.name,
        )

    def benefit_enrolments(self) -> Collection[Enrolment]:
        """Return who is and was enrolled; those that were asked for here come last."""
        return Collection(
            [*self._first_enrolments, *self._enrolling.made],
            lambda one: one.changed_at,
            lambda one: enrolment_record(self.company, one),
            lambda one: one.id,
        )

    def enrol(self, request: Request) -> tuple[Record, bool]:
        """Enrol a person; return the record, and whether the same call had been answered before. Raises `ApiError`."""
        made, is_repeated = self._enrolling.enrol(
            request, self._people, plans_of(self.company), lambda: [*self._first_enrolments, *self._enrolling.made]
        )
        return enrolment_record(self.company, made), is_repeated

    @cached_property
    def _people(self) -> tuple[Person, ...]:
        return people_of(self._seed, self.company)

    @cached_property
    def _first_enrolments(self) -> tuple[Enrolment, ...]:
        return first_enrolments(self._seed, self._people, plans_of(self.company), self._today)

    @cached_property
    def _runs(self) -> tuple[PayRun, ...]:
        return runs_of(self.company, self._today)

    @cached_property
    def _statements(self) -> tuple[tuple[PayRun, Person], ...]:
        runs = runs_with_statements(self.company, self._runs)
        return tuple((run, person) for run in runs for person in self._paid_in(run))

    @cached_property
    def _run_records(self) -> dict[str, Record]:
        return {run.id: self._totalled(run) for run in self._runs}

    def _paid_in(self, run: PayRun) -> list[Person]:
        return [person for person in self._people if person.works_between(run.period_start, run.period_end)]

    def _person_updated_at(self, person: Person) -> datetime:
        return updated_at(person, self._today)

    def _employee_record(self, person: Person) -> Record:
        return employee_record(self._seed, self.company, person, self._today)

    def _run_record(self, run: PayRun) -> Record:
        return self._run_records[run.id]

    def _totalled(self, run: PayRun) -> Record:
        pays = [pay_of(self.company, person, run) for person in self._paid_in(run)]
        return {
            "id": run.id,
            "company_id": self.company.id,
            "period_start": run.period_start.isoformat(),
            "period_end": run.period_end.isoformat(),
            "pay_date": run.pay_date.isoformat(),
            "frequency": self.company.frequency,
            "status": run.status(self._today),
            "totals": _totals(pays, PLACES[self.company.country].currency),
            "updated_at": timestamp(run.updated_at(self._today)),
        }

    def _statement_record(self, statement: tuple[PayRun, Person]) -> Record:
        run, person = statement
        pay = pay_of(self.company, person, run)
        return {
            "id": f"stm_{run.id.removeprefix('run_')}_{person.id.removeprefix('emp_')}",
            "company_id": self.company.id,
            "employee_id": person.id,
            "pay_run_id": run.id,
            "pay_date": run.pay_date.isoformat(),
            "currency": PLACES[self.company.country].currency,
            "gross": pay.gross,
            "net": pay.net,
            "taxes": [asdict(line) for line in pay.taxes],
            "deductions": [asdict(line) for line in pay.deductions],
            "updated_at": timestamp(run.calculated_at),
        }


def _offered(how: Callable[[Item], str] | None, name: str) -> Callable[[Item], str]:
    if how is None:
        raise ApiError(400, f"invalid_{name}", f"This collection cannot be asked with {name}.")
    return how


def _person_text(person: Person) -> str:
    return f"{person.first_name} {person.last_name} {person.number}"


def _totals(pays: list[Pay], currency: str) -> Record:
    return {
        "currency": currency,
        "employees": len(pays),
        "gross": sum(pay.gross for pay in pays),
        "taxes": sum(line.amount for pay in pays for line in pay.taxes),
        "deductions": sum(line.amount for pay in pays for line in pay.deductions),
        "net": sum(pay.net for pay in pays),
    }


def _registered_at(company: Company) -> datetime:
    return datetime.combine(company.registered_on, time(), UTC)


def _company_record(company: Company) -> Record:
    return {
        "id": company.id,
        "name": company.name,
        "country": company.country,
        "currency": PLACES[company.country].currency,
        "pay_frequency": company.frequency,
        "employee_count": company.headcount,
        "registered_on": company.registered_on.isoformat(),
        "updated_at": timestamp(_registered_at(company)),
    }
