"""Changing something at a source from its page: what is asked, what is reviewed, what is started, who may."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from connectors import secrets
from connectors.ids import new_id
from connectors.models import Connection, Entity, Status
from dashboard.forms import write_back as forms
from jobs.models import Job, LineStatus
from jobs.services.enqueue_action import Asked, enqueue_action
from tests.conftest import member
from tests.dashboard.pages import flat
from tests.factories import make_connection, make_entity, make_job
from tests.sandbox.running import API_KEY, Running

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

COMPANY = "co_halden_foods"
JOB_QUERIES = 21


@pytest.fixture
def entity(sandbox: Running, db: None) -> Entity:
    """The only company of a connection to the sandbox."""
    del db
    connection = make_connection(
        name="Halden Payroll",
        provider="sandbox_payroll",
        config={"base_url": sandbox.url},
        credentials_set_at=timezone.now(),
    )
    connection.credentials = secrets.seal({"api_key": API_KEY}, owner=f"connection:{connection.pk}")
    connection.save(update_fields=["credentials"])
    return make_entity(connection, ref=COMPANY, name="Halden Foods SE")


def address(entity: Entity) -> str:
    return reverse("connections:action", args=[entity.connection_id, "enroll_benefits"])


def people_of(sandbox: Running) -> list[dict[str, Any]]:
    found = sandbox.rows(f"/v1/companies/{COMPANY}/employees")
    return [one for one in found if not one["termination_date"]]


def answer(sandbox: Running, *refs: str, **changed: str) -> dict[str, Any]:
    plan = next(one for one in sandbox.rows(f"/v1/companies/{COMPANY}/benefit-plans") if one["name"] == "Dental Plus")
    return {
        "employee_id": list(refs),
        "plan_id": plan["id"],
        "coverage": "family",
        "start_date": (timezone.now() + timedelta(days=40)).date().isoformat(),
        "contribution": "25.50",
        **changed,
    }


def ticket_in(response: Response) -> str:
    found = re.search(r'name="ticket" value="([^"]+)"', response.content.decode())
    assert found is not None, flat(response)
    return found[1]


def made(entity: Entity, *refs: str) -> Job:
    """A job that enrols these people, as a page makes it."""
    values = {"plan_id": "pln_1", "coverage": "family", "start_date": "2027-01-01", "contribution": "2550"}
    return enqueue_action(
        connection=entity.connection,
        entity=entity,
        asked=Asked("enroll_benefits", values, refs, {"plan_id": "Dental Plus"}),
        job_id=new_id(),
        actor=member("operator"),
    )


def test_menu_offers_what_the_provider_declares_to_whom_it_may(
    viewer: Client, operator: Client, entity: Entity
) -> None:
    link = f'href="{address(entity)}"'

    assert link in flat(operator.get(reverse("connections:actions", args=[entity.connection_id])))
    assert viewer.get(address(entity)).status_code == 403
    assert viewer.post(address(entity), {"step": "send"}).status_code == 403
    shop = make_connection()
    assert "/actions/enroll" not in flat(operator.get(reverse("connections:actions", args=[shop.pk])))


def test_nothing_is_asked_at_the_source_before_a_press(operator: Client, entity: Entity, sandbox: Running) -> None:
    sandbox.turn_knobs({COMPANY: {"fail_status": 500}})
    try:
        shown = operator.get(address(entity))
    finally:
        sandbox.turn_knobs({})

    assert (shown.status_code, shown.headers["Cache-Control"]) == (200, "private, no-store")
    assert "Look at the source" in flat(shown)
    assert 'value="review"' not in flat(shown)


def test_company_is_asked_for_where_there_are_several(operator: Client, entity: Entity) -> None:
    other = make_entity(entity.connection, ref="co_halden_uk", name="Halden Foods UK Ltd")
    make_entity(entity.connection, name="Left out", is_selected=False)

    shown = flat(operator.get(address(entity)))
    assert "At which company?" in shown
    assert "Left out" not in shown
    chosen = flat(operator.get(address(entity), {"entity": str(other.pk)}))
    assert 'Here at <span class="ink-2 medium">Halden Foods UK Ltd</span>' in chosen


def test_search_finds_people_and_keeps_what_was_ticked(operator: Client, entity: Entity, sandbox: Running) -> None:
    first, second = people_of(sandbox)[:2]

    shown = flat(
        operator.post(
            address(entity),
            {**answer(sandbox, first["id"]), "step": "find", "q": f"{second['first_name']} {second['last_name']}"},
        )
    )

    assert re.search(rf'value="{first["id"]}" checked', shown)
    assert f"{first['first_name']} {first['last_name']}" in shown
    assert re.search(rf'value="{second["id"]}">', shown)
    assert "1 chosen" in shown
    assert "Dental Plus" in shown
    assert 'value="25.50"' in shown


def test_review_says_in_a_sentence_what_will_be_done(operator: Client, entity: Entity, sandbox: Running) -> None:
    people = people_of(sandbox)[:3]

    shown = operator.post(
        address(entity),
        {**answer(sandbox, *(one["id"] for one in people), start_date="2027-01-01"), "step": "review"},
    )

    text = flat(shown)
    assert "<h1>3 people will be enrolled in Dental Plus at Halden Foods SE from 1 Jan 2027</h1>" in text
    assert all(f"{one['first_name']} {one['last_name']}" in text for one in people)
    assert "Enrol 3 people</button>" in text
    assert "cannot take an enrolment back" in text
    assert not Job.objects.exists()


def test_what_was_reviewed_is_done_once_however_often_it_is_pressed(
    operator: Client, entity: Entity, sandbox: Running
) -> None:
    (person,) = people_of(sandbox)[:1]
    review = operator.post(address(entity), {**answer(sandbox, person["id"]), "step": "review"})
    # What else is posted with it changes nothing.
    sent = {"step": "send", "ticket": ticket_in(review), "employee_id": ["emp_other"], "contribution": "9999"}

    pressed = [operator.post(address(entity), sent) for _ in range(2)]

    job = Job.objects.get()
    assert [one.headers["Location"] for one in pressed] == [job.get_absolute_url()] * 2
    assert list(job.action_lines.values_list("ref", "status")) == [(person["id"], LineStatus.WAITING)]
    assert (job.options["values"]["contribution"], job.options["labels"]) == ("2550", {"plan_id": "Dental Plus"})
    assert person["last_name"] not in str(job.options)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"employee_id": []}, "Choose at least one person."),
        ({"employee_id": ["emp_nobody"]}, "The source does not show this person now."),
        ({"plan_id": ""}, "Choose a plan."),
        ({"coverage": ""}, "Fill in “Covers”."),
        ({"start_date": "soon"}, "Type a day such as 2026-12-31."),
        ({"contribution": "a lot"}, "Type an amount such as 25.50."),
        ({"employee_id": [f"emp_{number}" for number in range(101)]}, "Choose 100 people at most"),
    ],
)
def test_what_cannot_be_used_is_said_beside_the_field(
    operator: Client, entity: Entity, sandbox: Running, changed: dict[str, Any], said: str
) -> None:
    person = people_of(sandbox)[0]["id"]

    shown = operator.post(address(entity), {**answer(sandbox, person), **changed, "step": "review"})

    assert shown.status_code == 422
    assert said in flat(shown)
    assert not Job.objects.exists()


def test_source_that_refuses_is_told_and_what_was_typed_stays(
    operator: Client, entity: Entity, sandbox: Running
) -> None:
    filled = answer(sandbox, "emp_one")
    sandbox.turn_knobs({COMPANY: {"fail_status": 403, "fail_code": "insufficient_scope"}})
    try:
        shown = operator.post(address(entity), {**filled, "step": "review", "q": "Anna"})
    finally:
        sandbox.turn_knobs({})

    assert shown.status_code == 422
    text = flat(shown)
    assert "Nothing was changed, and what you filled in is kept" in text
    assert 'value="Anna"' in text
    assert re.search(r'value="emp_one" checked', text)


def test_ticket_of_another_time_person_or_place_starts_nothing(
    operator: Client, admin: Client, entity: Entity, sandbox: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    (person,) = people_of(sandbox)[:1]
    ticket = ticket_in(operator.post(address(entity), {**answer(sandbox, person["id"]), "step": "review"}))
    other = make_entity(entity.connection, ref="co_halden_uk")

    answers = [
        admin.post(address(entity) + f"?entity={entity.pk}", {"step": "send", "ticket": ticket}),
        operator.post(address(entity) + f"?entity={other.pk}", {"step": "send", "ticket": ticket}),
        operator.post(address(entity) + f"?entity={entity.pk}", {"step": "send", "ticket": ticket + "x"}),
    ]
    monkeypatch.setattr(forms, "REVIEW_SECONDS", -1)
    answers.append(operator.post(address(entity) + f"?entity={entity.pk}", {"step": "send", "ticket": ticket}))

    assert [one.status_code for one in answers] == [422] * 4
    assert "too old, so nothing was started" in flat(answers[-1])
    assert not Job.objects.exists()


def test_paused_connection_is_refused_with_what_helps(operator: Client, entity: Entity, sandbox: Running) -> None:
    (person,) = people_of(sandbox)[:1]
    ticket = ticket_in(operator.post(address(entity), {**answer(sandbox, person["id"]), "step": "review"}))
    Connection.objects.update(status=Status.PAUSED)

    refused = operator.post(address(entity), {"step": "send", "ticket": ticket})

    assert refused.status_code == 409
    assert "is paused, so nothing is changed at its source" in flat(refused)


def test_job_says_of_each_line_what_became_of_it(viewer: Client, operator: Client, entity: Entity) -> None:
    job = made(entity, "emp_a", "emp_b", "emp_c")
    job.action_lines.filter(number=1).update(status=LineStatus.DONE, made_ref="enr_1", was_repeated=True)
    reason = {"field": "coverage", "code": "not_offered", "words": "The plan covers employee."}
    job.action_lines.filter(number=2).update(status=LineStatus.REFUSED, refused=[reason])
    job.lease.delete()
    Job.objects.update(
        status="failed", error_code="lines_refused", error_step="submit", ended_at=timezone.now(), attempt=1
    )

    shown = flat(operator.get(job.get_absolute_url()))
    assert "1 enrolled, 1 refused, 1 not sent or not answered" in shown
    assert "enr_1" in shown
    assert "The plan covers employee." in shown
    assert "<dt>Employee pays a month</dt><dd> 25.50 </dd>" in shown
    assert "<dt>Plan</dt><dd> Dental Plus </dd>" in shown
    again = f"{address(entity)}?entity={entity.pk}&amp;again={job.pk}"
    assert shown.count(again) == 2

    seen = flat(viewer.get(job.get_absolute_url()))
    assert "not_offered" in seen
    assert "emp_b" in seen
    assert "The plan covers employee." not in seen
    assert "Employee pays" not in seen
    assert again not in seen


def test_lines_that_are_not_done_can_be_corrected(operator: Client, entity: Entity) -> None:
    job = made(entity, "emp_a", "emp_b")
    job.action_lines.filter(number=1).update(status=LineStatus.DONE)

    shown = flat(operator.get(address(entity), {"entity": str(entity.pk), "again": str(job.pk)}))

    assert re.search(r'value="emp_b" checked', shown)
    assert "emp_a" not in shown
    assert flat(operator.get(address(entity), {"entity": str(entity.pk), "again": str(make_job(entity.connection).pk)}))


@pytest.mark.parametrize("count", [1, 30])
def test_job_with_lines_takes_as_many_queries_whatever_it_has(
    viewer: Client, entity: Entity, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    job = made(entity, *(f"emp_{number}" for number in range(count)))

    with django_assert_num_queries(JOB_QUERIES):
        viewer.get(job.get_absolute_url())
