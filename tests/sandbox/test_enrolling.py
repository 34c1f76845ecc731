"""Benefits at the sandbox: plans, who is enrolled, and enrolling people once, whatever becomes of the answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import requests

from connectors.sandbox.people import FIRST_TODAY
from tests.sandbox.running import ADMIN_KEY, API_KEY
from tests.sandbox.serving import Clock, Visitor, exchange, serving

COMPANY = "co_halden_nordic"


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def base(clock: Clock) -> Iterator[str]:
    with serving(clock) as address:
        yield address


@pytest.fixture(autouse=True)
def _no_knobs(base: str) -> Iterator[None]:
    yield
    turn(base, {})


def turn(base: str, knobs: dict[str, Any]) -> None:
    headers = {"X-Sandbox-Admin": ADMIN_KEY}
    assert requests.put(f"{base}/_sandbox/knobs", json=knobs, headers=headers, timeout=5).status_code == 200


def read(base: str, collection: str, **query: str) -> list[dict[str, Any]]:
    answer = requests.get(
        f"{base}/v1/companies/{COMPANY}/{collection}",
        params={"limit": "500", **query},
        headers={"Authorization": f"Bearer {API_KEY}"},
        timeout=5,
    )
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def post(base: str, body: Any, key: str = "", token: str = API_KEY) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}", **({"Idempotency-Key": key} if key else {})}
    return requests.post(f"{base}/v1/companies/{COMPANY}/benefit-enrollments", json=body, headers=headers, timeout=5)


def body_for(base: str, place: int, **changed: Any) -> dict[str, Any]:
    """Values that fit for one of the people who work there and have no pension yet."""
    plan = next(one for one in read(base, "benefit-plans") if one["name"] == "Pension")
    have = {one["employee_id"] for one in read(base, "benefit-enrollments") if one["plan_name"] == "Pension"}
    people = [one for one in read(base, "employees") if one["id"] not in have and not one["termination_date"]]
    return {
        "employee_id": people[place]["id"],
        "plan_id": plan["id"],
        "coverage": "employee",
        "start_date": FIRST_TODAY.isoformat(),
        "contribution": 5_000,
        **changed,
    }


def refused(answer: requests.Response) -> list[tuple[str, str]]:
    assert answer.status_code == 422, answer.text
    return [(one["field"], one["code"]) for one in answer.json()["error"]["fields"]]


def test_an_enrolment_is_found_where_syncs_look(base: str) -> None:
    before = read(base, "benefit-enrollments")
    highest = max(one["updated_at"] for one in before)
    body = body_for(base, 0)

    answer = post(base, body, str(uuid4()))

    assert answer.status_code == 201
    made = answer.json()
    assert {name: made[name] for name in ("employee_id", "plan_id", "coverage", "start_date", "status")} == {
        **{name: body[name] for name in ("employee_id", "plan_id", "coverage", "start_date")},
        "status": "active",
    }
    assert made["contribution"] == {"amount": 5_000, "currency": "SEK", "per": "month"}
    assert read(base, "benefit-enrollments", updated_since=highest)[-1] == made
    assert read(base, "benefit-enrollments", ids=made["id"]) == [made]
    assert len(read(base, "benefit-enrollments")) == len(before) + 1


def test_the_same_key_enrols_once_and_tells_so(base: str) -> None:
    body, key = body_for(base, 0), str(uuid4())
    first = post(base, body, key)
    count = len(read(base, "benefit-enrollments"))

    again = post(base, dict(reversed(body.items())), key)

    assert (again.status_code, again.json()) == (201, first.json())
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(read(base, "benefit-enrollments")) == count
    other = post(base, {**body, "contribution": 6_000}, key)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_conflict")


def test_an_answer_that_is_cut_short_does_not_undo_what_was_done(base: str) -> None:
    body, key = body_for(base, 0), str(uuid4())
    count = len(read(base, "benefit-enrollments"))
    turn(base, {COMPANY: {"truncate": True, "writes_only": True, "fail_on_page": 1}})

    with pytest.raises(requests.RequestException):
        post(base, body, key)

    assert len(read(base, "benefit-enrollments")) == count + 1
    assert post(base, body, key).headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"employee_id": "emp_nobody"}, [("employee_id", "not_found")]),
        ({"plan_id": "pln_none"}, [("plan_id", "not_found")]),
        ({"coverage": "family"}, [("coverage", "not_offered")]),
        ({"contribution": 1}, [("contribution", "out_of_range")]),
        ({"contribution": True}, [("contribution", "out_of_range")]),
        ({"contribution": "50.00"}, [("contribution", "out_of_range")]),
        ({"start_date": "2026-13-01"}, [("start_date", "invalid")]),
        ({"start_date": "2036-01-01"}, [("start_date", "out_of_range")]),
        ({"salary": 1}, [("salary", "unknown_field")]),
        (
            {"employee_id": 7, "coverage": None, "start_date": None},
            [("employee_id", "not_found"), ("coverage", "not_offered"), ("start_date", "invalid")],
        ),
    ],
)
def test_values_are_refused_by_field(base: str, changed: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    count = len(read(base, "benefit-enrollments"))

    assert refused(post(base, body_for(base, 0, **changed), str(uuid4()))) == expected
    assert len(read(base, "benefit-enrollments")) == count


def test_nobody_is_enrolled_twice_or_in_a_closed_plan(base: str) -> None:
    plans = {one["name"]: one["id"] for one in read(base, "benefit-plans")}
    body = body_for(base, 0)
    assert post(base, body, str(uuid4())).status_code == 201

    assert refused(post(base, body, str(uuid4()))) == [("employee_id", "already_enrolled")]
    closed = {**body_for(base, 0), "plan_id": plans["Life Cover 2019"], "contribution": 500}
    assert ("plan_id", "closed") in refused(post(base, closed, str(uuid4())))


@pytest.mark.parametrize(("body", "key", "code"), [({}, "", "idempotency_key_required"), ([], "k", "invalid_request")])
def test_a_call_that_is_none_is_refused(base: str, body: object, key: str, code: str) -> None:
    answer = post(base, body, key)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_knobs_of_writes_leave_reads_alone(base: str) -> None:
    body = body_for(base, 0)
    turn(base, {COMPANY: {"fail_status": 500, "writes_only": True, "fail_on_page": 2}})

    first = post(base, body, "knobs-1")
    second = post(base, body_for(base, 0), "knobs-2")

    assert (first.status_code, second.status_code) == (201, 500)
    turn(base, {COMPANY: {"rate_limit": 0.1, "writes_only": True}})
    answers = [post(base, body, "knobs-1") for _ in range(2)]
    assert [one.status_code for one in answers] == [201, 429]
    assert answers[1].headers["Retry-After"] == "10"
    assert read(base, "benefit-plans")


def test_whoever_was_not_granted_benefits_neither_sees_nor_enrols(base: str) -> None:
    code = Visitor(base).allows(scope="workforce payroll benefits", scopes=("workforce", "payroll"))["code"]
    token = exchange(base, code).json()["access_token"]

    answer = post(base, body_for(base, 0), str(uuid4()), token)

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "insufficient_scope")
    granted = Visitor(base).allows(scope="benefits", scopes=("benefits",))["code"]
    assert (
        post(base, body_for(base, 0), str(uuid4()), exchange(base, granted).json()["access_token"]).status_code == 201
    )


def test_people_are_found_by_name_and_number(base: str) -> None:
    everybody = read(base, "employees")
    one = everybody[3]

    found = read(base, "employees", q=f"{one['last_name'].upper()} {one['first_name'][:2]}")

    assert one in found
    assert all(one["last_name"] in person["last_name"] for person in found)
    picked = read(base, "employees", ids=f"{one['id']},{everybody[0]['id']},emp_nobody")
    assert picked == [everybody[0], one]
    headers = {"Authorization": f"Bearer {API_KEY}"}
    pages = requests.get(f"{base}/v1/companies/{COMPANY}/pay-runs?q=x", headers=headers, timeout=5)
    assert (pages.status_code, pages.json()["error"]["code"]) == (400, "invalid_q")
