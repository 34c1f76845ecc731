"""Benefit plans of a company, and who was enrolled in them before anybody asked: pure functions of the seed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from connectors.sandbox.catalog import Company
from connectors.sandbox.dice import draw, pick, token
from connectors.sandbox.people import Person, Record, timestamp
from connectors.sandbox.places import PLACES

ALONE, PARTNER, CHILDREN, FAMILY = "employee", "employee_partner", "employee_children", "family"
COVERAGES = (ALONE, PARTNER, CHILDREN, FAMILY)
_MADE_AT = time(7, 0)
_WAIT_DAYS = 30


@dataclass(frozen=True, slots=True)
class Plan:
    """One plan. `lowest` and `highest` bound what an employee pays, in cents per month.

    Who has one plan of a `kind` cannot have a second one. A plan that is not open takes nobody new.
    """

    id: str
    kind: str
    name: str
    coverages: tuple[str, ...]
    lowest: int
    highest: int
    is_open: bool = True


@dataclass(frozen=True, slots=True)
class Enrolment:
    """One person in one plan; `contribution` in cents per month. `changed_at` is when it was made or ended."""

    id: str
    employee_id: str
    plan: Plan
    coverage: str
    starts_on: date
    ends_on: date | None
    contribution: int
    changed_at: datetime


# kind, name, coverages, lowest and highest contribution, open, and which of a hundred people have it.
_PLANS = (
    ("health", "Health Basic", COVERAGES, 0, 25_000, True, range(30)),
    ("health", "Health Plus", COVERAGES, 4_000, 60_000, True, range(30, 45)),
    ("dental", "Dental Plus", COVERAGES, 1_000, 9_000, True, range(22)),
    ("retirement", "Pension", (ALONE,), 2_500, 100_000, True, range(40)),
    ("life", "Life Cover 2019", (ALONE, FAMILY), 500, 5_000, False, range(12)),
)


def plans_of(company: Company) -> tuple[Plan, ...]:
    """Return the company's plans. Their ids do not depend on the seed."""
    return tuple(
        Plan(f"pln_{token(company.id, name)}", kind, name, coverages, lowest, highest, is_open)
        for kind, name, coverages, lowest, highest, is_open, _ in _PLANS
    )


def first_enrolments(seed: str, people: Sequence[Person], plans: Sequence[Plan], today: date) -> tuple[Enrolment, ...]:
    """Return who was enrolled before `today`, in the order of employee numbers; those who left are out again."""
    return tuple(one for person in people for one in _of_person(seed, person, plans, today))


def _of_person(seed: str, person: Person, plans: Sequence[Plan], today: date) -> Iterator[Enrolment]:
    for plan, row in zip(plans, _PLANS, strict=True):
        key = (seed, person.id, plan.name)
        starts_on = _first_of_next_month(person.hired_on + timedelta(days=_WAIT_DAYS))
        left_on = person.left_on if person.left_on and person.left_on <= today else None
        if draw(100, seed, person.id, plan.kind) not in row[-1] or starts_on > today or (left_on or today) < starts_on:
            continue
        contribution = plan.lowest + draw(1 + (plan.highest - plan.lowest) // 500, *key, "contribution") * 500
        day = left_on or starts_on
        yield Enrolment(
            id=f"enr_{token(*key)}",
            employee_id=person.id,
            plan=plan,
            coverage=pick(plan.coverages, *key, "coverage"),
            starts_on=starts_on,
            ends_on=left_on,
            contribution=contribution,
            changed_at=datetime.combine(day, _MADE_AT, UTC) + timedelta(seconds=draw(3600, *key, "changed_at")),
        )


def plan_record(company: Company, plan: Plan) -> Record:
    """Return a plan as the API shows it."""
    return {
        "id": plan.id,
        "company_id": company.id,
        "kind": plan.kind,
        "name": plan.name,
        "coverages": list(plan.coverages),
        "contribution": {"lowest": plan.lowest, "highest": plan.highest, **_money(company)},
        "status": "open" if plan.is_open else "closed",
    }


def enrolment_record(company: Company, one: Enrolment) -> Record:
    """Return an enrolment as the API shows it; the contribution is in cents."""
    return {
        "id": one.id,
        "company_id": company.id,
        "employee_id": one.employee_id,
        "plan_id": one.plan.id,
        "plan_name": one.plan.name,
        "coverage": one.coverage,
        "status": "ended" if one.ends_on else "active",
        "start_date": one.starts_on.isoformat(),
        "end_date": one.ends_on.isoformat() if one.ends_on else None,
        "contribution": {"amount": one.contribution, **_money(company)},
        "updated_at": timestamp(one.changed_at),
    }


def _money(company: Company) -> Record:
    return {"currency": PLACES[company.country].currency, "per": "month"}


def _first_of_next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
