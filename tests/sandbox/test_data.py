"""The sandbox's data: repeatable, consistent with itself, and growing with the day."""

import hashlib
import json
from datetime import date, timedelta
from typing import Any

import pytest

from connectors.sandbox.catalog import Company, companies
from connectors.sandbox.data import Account
from connectors.sandbox.people import FIRST_TODAY

COLLECTIONS = ("employees", "pay-runs", "pay-statements", "benefit-plans", "benefit-enrollments")
# Changes only when the data is meant to change; the same on every Python version.
DIGEST = "35b6d0a2394f9851"


def rows(company_id: str, collection: str, today: date = FIRST_TODAY, seed: str = "patchbay") -> list[dict[str, Any]]:
    ledger = Account(seed, 12, today).ledger(company_id)
    assert ledger is not None
    return ledger.page(collection, 0, 1_000_000)[0]


def test_data_is_the_same_everywhere() -> None:
    ids = ("co_halden_cold_chain", "co_halden_ireland", "co_maple_street")
    text = json.dumps([rows(company_id, name) for company_id in ids for name in COLLECTIONS])

    assert hashlib.sha256(text.encode()).hexdigest()[:16] == DIGEST


@pytest.mark.parametrize("company", companies(12), ids=lambda company: company.id)
def test_company_has_its_people_and_runs(company: Company) -> None:
    runs = rows(company.id, "pay-runs")
    people = rows(company.id, "employees")

    assert len(people) == company.headcount
    assert len(runs) == {"monthly": 12, "biweekly": 26}[company.frequency]
    assert all(run["period_end"] <= FIRST_TODAY.isoformat() for run in runs)
    assert len({person["email"] for person in people}) == len(people)
    assert all(person["email"].isascii() for person in people)


def test_largest_company_has_thousands_of_statements() -> None:
    assert 4000 <= len(rows("co_halden_bakeries", "pay-statements")) <= 5000


def test_statement_adds_up_and_belongs_to_a_person_and_a_run() -> None:
    people = {person["id"] for person in rows("co_prairie_oven", "employees")}
    runs = [run["id"] for run in rows("co_prairie_oven", "pay-runs")]
    statements = rows("co_prairie_oven", "pay-statements")

    for statement in statements:
        taken = sum(line["amount"] for line in statement["taxes"] + statement["deductions"])
        assert statement["net"] == statement["gross"] - taken > 0
    assert {statement["employee_id"] for statement in statements} <= people
    assert {statement["pay_run_id"] for statement in statements} == set(runs[-6:])


def test_run_totals_are_the_sum_of_its_statements() -> None:
    statements = rows("co_halden_france", "pay-statements")

    for run in rows("co_halden_france", "pay-runs")[-6:]:
        own = [statement for statement in statements if statement["pay_run_id"] == run["id"]]
        assert run["totals"]["employees"] == len(own)
        assert run["totals"]["gross"] == sum(statement["gross"] for statement in own)
        assert run["totals"]["net"] == sum(statement["net"] for statement in own)


@pytest.mark.parametrize("company_id", ["co_halden_ireland", "co_halden_dairy"])
def test_later_day_only_adds_statements(company_id: str) -> None:
    earlier = rows(company_id, "pay-statements")
    later = rows(company_id, "pay-statements", FIRST_TODAY + timedelta(days=90))

    assert later[: len(earlier)] == earlier
    assert len(later) > len(earlier)


def test_later_day_changes_the_people_it_says_it_changed() -> None:
    earlier = {person["id"]: person for person in rows("co_halden_dairy", "employees")}
    later = rows("co_halden_dairy", "employees", FIRST_TODAY + timedelta(days=90))
    since = (FIRST_TODAY + timedelta(days=1)).isoformat()

    changed = {person["id"] for person in later if person != earlier[person["id"]]}

    assert changed == {person["id"] for person in later if person["updated_at"] >= since}
    assert 0 < len(changed) < len(later)


def test_generated_companies_follow_the_written_ones() -> None:
    many = companies(300)

    assert many[:12] == companies(12)
    assert len({company.id for company in many}) == len({company.name for company in many}) == 300
    assert all(15 <= company.headcount <= 812 for company in many)
