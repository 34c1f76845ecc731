"""Pay runs, and what each person earns in one: pure arithmetic in whole cents."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from connectors.sandbox.catalog import Company
from connectors.sandbox.dice import draw, token
from connectors.sandbox.people import FIRST_TODAY, Person, salary_on
from connectors.sandbox.places import PLACES, Levy

RUNS_PER_YEAR = {"monthly": 12, "biweekly": 26}
RUNS_WITH_STATEMENTS = 6

_BIWEEKLY_ANCHOR = date(2020, 1, 6)  # a Monday
_CALCULATED_AT = time(4, 0)
_PAID_AT = time(9, 30)
# Whose pay varies with the hours worked, and by how much at most, in thousandths of the base pay.
_OVERTIME_DEPARTMENTS = frozenset({"Production", "Logistics", "Maintenance"})
_OVERTIME_LIMIT = 140
# How many people in a hundred have each deduction.
_PERCENT_WITH = {"saves": 45, "eats": 30, "union": 18}


@dataclass(frozen=True, slots=True)
class PayRun:
    """One pay period of a company, both days included."""

    id: str
    period_start: date
    period_end: date
    pay_date: date

    def status(self, today: date) -> str:
        """Return `paid` from the pay date on, before that `approved`."""
        return "paid" if self.pay_date <= today else "approved"

    def updated_at(self, today: date) -> datetime:
        """Return when the run last changed as of `today`: calculated the day after its end, then paid."""
        if self.pay_date <= today:
            return datetime.combine(self.pay_date, _PAID_AT, UTC)
        return self.calculated_at

    @property
    def calculated_at(self) -> datetime:
        """When the statements of the run were made."""
        return datetime.combine(self.period_end + timedelta(days=1), _CALCULATED_AT, UTC)


@dataclass(frozen=True, slots=True)
class Deducted:
    """One line of a statement, in cents."""

    code: str
    name: str
    amount: int


@dataclass(frozen=True, slots=True)
class Pay:
    """What a person earns in one run, in cents."""

    gross: int
    taxes: tuple[Deducted, ...]
    deductions: tuple[Deducted, ...]

    @property
    def net(self) -> int:
        """What is left of the gross pay."""
        return self.gross - sum(line.amount for line in self.taxes) - sum(line.amount for line in self.deductions)


def runs_of(company: Company, today: date) -> tuple[PayRun, ...]:
    """Return the pay runs whose period is over by `today`, oldest first.

    They begin a year before FIRST_TODAY (26 or 12 runs by then) and only ever grow, so a sync on a later day finds
    everything that an earlier one found.
    """
    periods = list(_periods(company, today))
    before = sum(1 for _, end in periods if end <= FIRST_TODAY)
    return tuple(_run(company, *period) for period in periods[before - RUNS_PER_YEAR[company.frequency] :])


def runs_with_statements(company: Company, runs: tuple[PayRun, ...]) -> tuple[PayRun, ...]:
    """Return the runs whose statements the API still serves: the last six as of FIRST_TODAY, and all later ones."""
    return runs[RUNS_PER_YEAR[company.frequency] - RUNS_WITH_STATEMENTS :]


def _periods(company: Company, today: date) -> Iterator[tuple[date, date]]:
    start = _BIWEEKLY_ANCHOR if company.frequency == "biweekly" else _BIWEEKLY_ANCHOR.replace(day=1)
    while True:
        following = start + timedelta(days=14)
        if company.frequency == "monthly":
            following = (start + timedelta(days=31)).replace(day=1)
        if following > today + timedelta(days=1):
            return
        yield start, following - timedelta(days=1)
        start = following


def _run(company: Company, start: date, end: date) -> PayRun:
    pay_date = end + timedelta(days=5)
    pay_date -= timedelta(days=max(0, pay_date.weekday() - 4))  # banks are closed on Saturday and Sunday
    return PayRun(f"run_{token(company.id, start)}", start, end, pay_date)


def pay_of(company: Company, person: Person, run: PayRun) -> Pay:
    """Return what `person` earns in `run`: the days employed, overtime, taxes and deductions."""
    salary = salary_on(person, run.period_end)
    base = salary // RUNS_PER_YEAR[company.frequency]
    gross = base * _days_employed(person, run) // ((run.period_end - run.period_start).days + 1)
    if person.department in _OVERTIME_DEPARTMENTS:
        gross += gross * draw(_OVERTIME_LIMIT, person.id, run.id, "overtime") // 1000
    place = PLACES[company.country]
    fifths = max(0, salary // (place.usual_salary * 20) - 2)  # a fifth of the usual salary, in cents
    taxes = tuple(Deducted(levy.code, levy.name, _share(gross, levy, fifths)) for levy in place.taxes)
    return Pay(gross, tuple(line for line in taxes if line.amount), _deductions(person, gross))


def _days_employed(person: Person, run: PayRun) -> int:
    first = max(person.hired_on, run.period_start)
    last = min(person.left_on, run.period_end) if person.left_on else run.period_end
    return (last - first).days + 1


def _share(gross: int, levy: Levy, fifths: int) -> int:
    return gross * (levy.rate + levy.step * min(fifths, 12)) // 10_000


def _deductions(person: Person, gross: int) -> tuple[Deducted, ...]:
    lines = []
    if _has(person, "saves"):
        lines.append(
            Deducted("pension_plan", "Company pension plan", gross * (2 + draw(4, person.id, "saves_how")) // 100)
        )
    if _has(person, "eats"):
        lines.append(Deducted("meals", "Canteen", min(gross // 20, 3000 + 250 * draw(9, person.id, "eats_how"))))
    if _has(person, "union"):
        lines.append(Deducted("union_dues", "Union dues", gross // 100))
    return tuple(lines)


def _has(person: Person, deduction: str) -> bool:
    return draw(100, person.id, deduction) < _PERCENT_WITH[deduction]
