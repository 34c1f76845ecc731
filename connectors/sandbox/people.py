"""The employees of a company: who they are, and what they earn on a given day."""

import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeAlias

from connectors.sandbox.catalog import Company, position_of
from connectors.sandbox.dice import draw, pick, pick_weighted, token
from connectors.sandbox.places import PLACES

Record: TypeAlias = dict[str, object]

# The day on which the made-up companies are as large as the catalogue says. A later day adds pay runs and raises.
FIRST_TODAY = date(2026, 11, 15)

_LONGEST_SERVICE_DAYS = 9 * 365
_LEFT_PERCENT = 8
_RAISE_PERCENT = 3
_EMPLOYMENT_TYPES = ((80, "full_time"), (14, "part_time"), (4, "fixed_term"), (2, "apprentice"))
_PAY_PERCENT = {"full_time": 100, "part_time": 55, "fixed_term": 92, "apprentice": 34}
# Letters that do not fall apart into a base letter and an accent.
_ASCII = str.maketrans({"ß": "ss", "ł": "l", "Ł": "l", "ø": "o", "æ": "ae", "\u0131": "i", "'": ""})


@dataclass(frozen=True, slots=True)
class Person:
    """One employee. `first_salary` is the yearly pay on the hire date, in cents."""

    id: str
    number: int
    first_name: str
    last_name: str
    department: str
    title: str
    employment_type: str
    hired_on: date
    left_on: date | None
    first_salary: int

    def works_between(self, start: date, end: date) -> bool:
        """Tell whether the person is employed on at least one day from `start` to `end`, both included."""
        return self.hired_on <= end and (self.left_on is None or self.left_on >= start)


def people_of(seed: str, company: Company) -> tuple[Person, ...]:
    """Return the company's employees, those who left included, in the order of their employee numbers."""
    return tuple(_person(seed, company, number) for number in range(1, company.headcount + 1))


def _person(seed: str, company: Company, number: int) -> Person:
    key = (seed, company.id, number)
    place = PLACES[company.country]
    department, position = position_of(*key)
    employment_type = pick_weighted(_EMPLOYMENT_TYPES, *key, "employment_type")
    hired_on, left_on = _service(company, key)
    spread = 90 + draw(21, *key, "salary")  # percent
    units = place.usual_salary * position.pay_percent * _PAY_PERCENT[employment_type] * spread // 100**3
    return Person(
        id=f"emp_{token(*key)}",
        number=number,
        first_name=pick(place.first_names, *key, "first_name"),
        last_name=pick(place.last_names, *key, "last_name"),
        department=department,
        title=position.title,
        employment_type=employment_type,
        hired_on=hired_on,
        left_on=left_on,
        first_salary=units // 100 * 100 * 100,  # a round hundred, in cents
    )


def _service(company: Company, key: tuple[object, ...]) -> tuple[date, date | None]:
    """Return the hire date and, for a few, the last day; nobody is older in service than the company."""
    longest = min(_LONGEST_SERVICE_DAYS, (FIRST_TODAY - company.registered_on).days)
    # The smaller of two draws: more people came lately than long ago.
    served = 1 + min(draw(longest, *key, "service", throw) for throw in range(2))
    hired_on = FIRST_TODAY - timedelta(days=served)
    if draw(100, *key, "left") >= _LEFT_PERCENT:
        return hired_on, None
    return hired_on, hired_on + timedelta(days=draw(served, *key, "last_day"))


def salary_on(person: Person, day: date) -> int:
    """Return the yearly pay in cents on `day`: it grows by a raise on each anniversary of the hire."""
    salary = person.first_salary
    for _ in range(_years_served(person, day)):
        salary += salary * _RAISE_PERCENT // 100
    return salary


def updated_at(person: Person, today: date) -> datetime:
    """Return when the person's record last changed as of `today`: hired, raised or left, whichever came last."""
    day = _anniversary(person, _years_served(person, today))
    if person.left_on is not None and person.left_on <= today:
        day = max(day, person.left_on)
    seconds = 7 * 3600 + draw(10 * 3600, person.id, "updated_at")  # in office hours
    return datetime.combine(day, time(), UTC) + timedelta(seconds=seconds)


def employee_record(seed: str, company: Company, person: Person, today: date) -> Record:
    """Return the person as the API shows them; the salary is in cents per year."""
    return {
        "id": person.id,
        "company_id": company.id,
        "employee_number": person.number,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "email": _email(company, person),
        "department": person.department,
        "title": person.title,
        "employment_type": person.employment_type,
        "hire_date": person.hired_on.isoformat(),
        "termination_date": person.left_on.isoformat() if person.left_on else None,
        "salary": {"amount": salary_on(person, today), "currency": PLACES[company.country].currency, "per": "year"},
        "address": _address(seed, company, person),
        "updated_at": timestamp(updated_at(person, today)),
    }


def timestamp(moment: datetime) -> str:
    """Return `moment` (UTC) as the API writes it, in whole seconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _years_served(person: Person, day: date) -> int:
    last = min(day, person.left_on) if person.left_on else day
    years = last.year - person.hired_on.year
    return max(0, years - 1 if _anniversary(person, years) > last else years)


def _anniversary(person: Person, years: int) -> date:
    hired_on = person.hired_on
    # Whoever came on 29 February celebrates on the 28th.
    day = 28 if (hired_on.month, hired_on.day) == (2, 29) and years else hired_on.day
    return date(hired_on.year + years, hired_on.month, day)


def _email(company: Company, person: Person) -> str:
    # The number keeps two people of one name apart.
    return f"{_ascii(person.first_name)}.{_ascii(person.last_name)}.{person.number}@{company.domain}"


def _ascii(name: str) -> str:
    return unicodedata.normalize("NFKD", name.lower().translate(_ASCII)).encode("ascii", "ignore").decode()


def _address(seed: str, company: Company, person: Person) -> Record:
    key = (seed, person.id, "address")
    place = PLACES[company.country]
    city, region, pattern = pick(place.cities, *key, "city")
    street, number = pick(place.streets, *key, "street"), 1 + draw(180, *key, "number")
    postcode = "".join(
        str(draw(10, *key, "postcode", at)) if letter == "#" else letter for at, letter in enumerate(pattern)
    )
    return {
        "line1": f"{number} {street}" if place.number_first else f"{street} {number}",
        "line2": f"Flat {1 + draw(24, *key, 'flat')}" if draw(5, *key, "has_flat") == 0 else None,
        "city": city,
        "region": region,
        "postal_code": postcode,
        "country": company.country,
    }
