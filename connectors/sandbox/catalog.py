"""The companies of the sandbox, their departments and jobs. What differs between countries is in `places`."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from connectors.sandbox.dice import draw, pick, pick_weighted

Frequency = Literal["monthly", "biweekly"]


@dataclass(frozen=True, slots=True)
class Company:
    """One legal entity of the account; `headcount` includes those who have left."""

    id: str
    name: str
    country: str
    headcount: int
    frequency: Frequency
    domain: str
    registered_on: date


def _company(  # one row of the table below; a dict per row would say every name twelve times
    slug: str, name: str, country: str, headcount: int, frequency: Frequency, registered_on: date
) -> Company:
    # ".example" is reserved (RFC 2606), so no made-up address can reach a person.
    return Company(
        f"co_{slug}", name, country, headcount, frequency, f"{slug.replace('_', '-')}.example", registered_on
    )


# Ids do not depend on the seed: DEMO_KNOBS and people's notes can name a company.
COMPANIES = (
    _company("halden_foods", "Halden Foods SE", "DE", 214, "monthly", date(1998, 4, 1)),
    _company("halden_bakeries", "Halden Bakeries GmbH", "DE", 812, "monthly", date(1974, 9, 16)),
    _company("halden_logistics", "Halden Foods Logistics GmbH", "DE", 386, "monthly", date(2003, 1, 7)),
    _company("halden_dairy", "Halden Dairy BV", "NL", 143, "monthly", date(2009, 6, 22)),
    _company("halden_uk", "Halden Foods UK Ltd", "GB", 268, "monthly", date(2001, 11, 5)),
    _company("halden_ireland", "Halden Foods Ireland Ltd", "IE", 57, "biweekly", date(2014, 2, 10)),
    _company("halden_france", "Halden Foods France SAS", "FR", 176, "monthly", date(2006, 3, 1)),
    _company("halden_iberia", "Halden Foods Iberia SL", "ES", 121, "monthly", date(2011, 10, 3)),
    _company("halden_nordic", "Halden Foods Nordic AB", "SE", 15, "monthly", date(2021, 8, 30)),
    _company("halden_cold_chain", "Halden Cold Chain Sp. z o.o.", "PL", 239, "monthly", date(2016, 5, 9)),
    _company("prairie_oven", "Prairie Oven Bread Co.", "US", 452, "biweekly", date(1987, 7, 20)),
    _company("maple_street", "Maple Street Kitchens Inc.", "CA", 88, "biweekly", date(2012, 1, 16)),
)

_WORDS = (
    "Alder", "Beacon", "Cobalt", "Drumlin", "Elmwood", "Fathom", "Granary", "Hazel", "Ironside", "Juniper", "Kestrel",
    "Lantern", "Millrace", "Northgate", "Orchard", "Pennant", "Quarry", "Rowan", "Sable", "Thistle", "Umber", "Willow",
)  # fmt: skip
_TRADES = (
    "Bakery",
    "Catering",
    "Dairy",
    "Foods",
    "Freight",
    "Kitchens",
    "Milling",
    "Packaging",
    "Provisions",
    "Retail",
)
_LEGAL_FORMS = {
    "DE": "GmbH", "NL": "BV", "GB": "Ltd", "IE": "Ltd", "FR": "SAS", "ES": "SL", "SE": "AB", "PL": "Sp. z o.o.",
    "US": "LLC", "CA": "Inc.",
}  # fmt: skip
_BIWEEKLY_COUNTRIES = frozenset({"US", "CA", "IE"})
_LARGEST_GENERATED = 400


def companies(count: int) -> tuple[Company, ...]:
    """Return the first `count` companies: the hand-written ones, then as many generated ones as it takes."""
    return COMPANIES[:count] + tuple(_generated(number) for number in range(len(COMPANIES) + 1, count + 1))


def _generated(number: int) -> Company:
    country = pick(tuple(_LEGAL_FORMS), "company", number, "country")
    word, trade = pick(_WORDS, "company", number, "word"), pick(_TRADES, "company", number, "trade")
    # The smaller of two draws: many small companies, few large ones.
    size = min(draw(_LARGEST_GENERATED - 15, "company", number, "size", throw) for throw in range(2))
    return Company(
        id=f"co_{word.lower()}_{trade.lower()}_{number}",
        name=f"{word} {trade} {number} {_LEGAL_FORMS[country]}",
        country=country,
        headcount=15 + size,
        frequency="biweekly" if country in _BIWEEKLY_COUNTRIES else "monthly",
        domain=f"{word.lower()}-{trade.lower()}-{number}.example",
        registered_on=date(1990 + draw(30, "company", number, "year"), 1 + draw(12, "company", number, "month"), 1),
    )


@dataclass(frozen=True, slots=True)
class Position:
    """A job: its title and its pay in percent of the country's usual salary."""

    title: str
    pay_percent: int


# department: (how often, ((how often, position), …))
_DEPARTMENTS: dict[str, tuple[int, tuple[tuple[int, Position], ...]]] = {
    "Production": (40, ((9, Position("Line Operator", 82)), (7, Position("Baker", 90)),
                        (2, Position("Shift Lead", 116)), (1, Position("Production Manager", 185)))),
    "Logistics": (18, ((8, Position("Driver", 84)), (6, Position("Warehouse Associate", 78)),
                       (2, Position("Dispatcher", 102)), (1, Position("Fleet Manager", 160)))),
    "Retail": (15, ((9, Position("Shop Assistant", 74)), (2, Position("Shop Manager", 112)),
                    (1, Position("Area Manager", 165)))),
    "Quality": (7, ((4, Position("Quality Inspector", 104)), (2, Position("Food Technologist", 128)))),
    "Maintenance": (6, ((4, Position("Maintenance Technician", 106)), (1, Position("Plant Engineer", 148)))),
    "Sales": (6, ((4, Position("Account Manager", 130)), (1, Position("Head of Sales", 235)))),
    "Finance": (4, ((3, Position("Accountant", 122)), (1, Position("Controller", 168)))),
    "People": (2, ((2, Position("HR Partner", 120)), (1, Position("Payroll Specialist", 112)))),
    "Technology": (2, ((3, Position("Software Engineer", 172)), (1, Position("Systems Administrator", 138)))),
}  # fmt: skip


def position_of(*key: object) -> tuple[str, Position]:
    """Return the department and the position that belong to `key`, the common ones more often."""
    weights = tuple((weight, name) for name, (weight, _) in _DEPARTMENTS.items())
    department = pick_weighted(weights, *key, "department")
    return department, pick_weighted(_DEPARTMENTS[department][1], *key, "position")
