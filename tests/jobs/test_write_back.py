"""Write-back from the press to its end, against a real payroll sandbox: each line once, whatever goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone
from pytest_django import Settings

from connectors import secrets
from connectors.ids import new_id
from connectors.models import Activity, Connection, Entity, Status
from jobs.models import AccountBlock, Job, JobStatus, JobType, Lease, LineStatus, Queue, StepStatus
from jobs.runner import run_job
from jobs.services.cancel import request_cancel
from jobs.services.enqueue import CannotSync
from jobs.services.enqueue_action import Asked, enqueue_action
from jobs.services.reap import reap
from tests.conftest import member
from tests.factories import make_connection, make_entity
from tests.jobs.chain import assert_consistent, make_available, published, together, waiting_job
from tests.jobs.processes import wait_for_line, worker
from tests.sandbox.running import API_KEY, Running, start_sandbox_process

pytestmark = pytest.mark.django_db(transaction=True)

COMPANY = "co_halden_dairy"


@pytest.fixture(scope="module")
def payroll() -> Iterator[Running]:
    """A payroll sandbox for all tests of the module."""
    running = start_sandbox_process()
    yield running
    running.session.close()
    running.process.kill()
    running.process.communicate()


@pytest.fixture
def sandbox(payroll: Running) -> Iterator[Running]:
    """The sandbox, its knobs turned back afterwards."""
    yield payroll
    payroll.turn_knobs({})


@pytest.fixture
def entity(settings: Settings, sandbox: Running) -> Entity:
    """A company of a connection to the sandbox."""
    settings.PATCHBAY_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    connection = make_connection(
        provider="sandbox_payroll", config={"base_url": sandbox.url}, credentials_set_at=timezone.now()
    )
    connection.credentials = secrets.seal({"api_key": API_KEY}, owner=f"connection:{connection.pk}")
    connection.save(update_fields=["credentials"])
    return make_entity(connection, ref=COMPANY, name="Halden Dairy BV")


def enrolments(sandbox: Running) -> list[dict[str, Any]]:
    return sandbox.rows(f"/v1/companies/{COMPANY}/benefit-enrollments")


def free_people(sandbox: Running, count: int) -> list[str]:
    """People who work there and have no pension."""
    have = {one["employee_id"] for one in enrolments(sandbox) if one["plan_name"] == "Pension"}
    people = sandbox.rows(f"/v1/companies/{COMPANY}/employees")
    return [one["id"] for one in people if one["id"] not in have and not one["termination_date"]][:count]


def asked(sandbox: Running, *refs: str, again: UUID | None = None, **changed: str) -> Asked:
    plan = next(one for one in sandbox.rows(f"/v1/companies/{COMPANY}/benefit-plans") if one["name"] == "Pension")
    start = (timezone.now() + timedelta(days=30)).date().isoformat()
    values = {"plan_id": plan["id"], "coverage": "employee", "start_date": start, "contribution": "5000", **changed}
    return Asked("enroll_benefits", values, refs, {"plan_id": "Pension"}, again)


def enqueue(entity: Entity, what: Asked, job_id: UUID | None = None) -> Job:
    return enqueue_action(
        connection=entity.connection, entity=entity, asked=what, job_id=job_id or new_id(), actor=member("operator")
    )


def ran(job: Job) -> Job:
    make_available(job)
    run_job(job.pk)
    assert_consistent(job)
    return Job.objects.get(pk=job.pk)


def lines_of(job: Job) -> list[tuple[str, str]]:
    return list(job.action_lines.order_by("number").values_list("ref", "status"))


def made_since(sandbox: Running, before: list[dict[str, Any]]) -> list[str]:
    """Who was enrolled since then: one entry for each time."""
    return sorted(one["employee_id"] for one in enrolments(sandbox)[len(before) :])


def logged(job: Job) -> str:
    return "\n".join(job.log_lines.order_by("number").values_list("message", flat=True))


def test_people_are_enrolled_and_the_job_says_whom(entity: Entity, sandbox: Running) -> None:
    people, before = free_people(sandbox, 2), enrolments(sandbox)
    waiting = enqueue(entity, asked(sandbox, *people))
    lease = Lease.objects.get(pk=waiting.pk)

    job = ran(waiting)

    assert (lease.queue, lease.entity_id, lease.exclusive_key) == (Queue.INTERACTIVE, None, None)
    assert [str(job.pk)] in published("interactive")
    assert (job.status, job.type) == (JobStatus.SUCCESS, JobType.ENROLL_BENEFITS)
    assert lines_of(job) == [(ref, LineStatus.DONE) for ref in people]
    assert made_since(sandbox, before) == sorted(people)
    assert set(job.action_lines.values_list("made_ref", flat=True)) == {
        one["id"] for one in enrolments(sandbox)[len(before) :]
    }
    steps = list(job.steps.order_by("number").values_list("name", "status", "detail"))
    assert steps[1:] == [
        ("submit", StepStatus.SUCCESS, "2 people enrolled"),
        ("confirm", StepStatus.SUCCESS, "2 people enrolled, confirmed by the source"),
    ]
    act = Activity.objects.get(action="connection.action_started")
    assert (act.note, act.job_id) == ("Enrol in benefits: 2", job.pk)
    # It is no run: lists show when data last moved.
    entity.refresh_from_db()
    assert entity.last_run_at is None


def test_no_name_or_amount_is_kept_or_logged(entity: Entity, sandbox: Running) -> None:
    (person,) = free_people(sandbox, 1)
    record = next(one for one in sandbox.rows(f"/v1/companies/{COMPANY}/employees") if one["id"] == person)

    job = ran(enqueue(entity, asked(sandbox, person)))

    kept = str([*job.action_lines.values(), job.options])
    assert not any(record[name] in kept for name in ("first_name", "last_name", "email"))
    assert person in logged(job)
    assert not any(record[name] in logged(job) for name in ("first_name", "last_name", "email"))
    assert "5000" not in logged(job)


def test_worker_that_is_killed_after_the_answer_enrols_once(entity: Entity, sandbox: Running) -> None:
    """The key makes the second attempt a repetition: with a new one the source refuses it, or enrols twice."""
    people, before = free_people(sandbox, 2), enrolments(sandbox)
    job = enqueue(entity, asked(sandbox, *people))
    make_available(job)

    with worker("write", job.pk, PATCHBAY_ALLOWED_NETWORKS="127.0.0.0/8") as process:
        wait_for_line(process, "answered")
        process.wait()
    assert made_since(sandbox, before) == people[:1]
    assert lines_of(job) == [(ref, LineStatus.WAITING) for ref in people]
    Lease.objects.filter(pk=job.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert reap() == 1

    done = ran(job)

    assert (done.status, done.attempt) == (JobStatus.SUCCESS, 2)
    assert made_since(sandbox, before) == sorted(people)
    assert list(job.action_lines.order_by("number").values_list("was_repeated", flat=True)) == [True, False]


def test_answer_that_is_lost_on_the_way_is_asked_for_again(entity: Entity, sandbox: Running) -> None:
    people, before = free_people(sandbox, 2), enrolments(sandbox)
    sandbox.turn_knobs({COMPANY: {"truncate": True, "writes_only": True, "fail_on_page": 2}})
    job = enqueue(entity, asked(sandbox, *people))

    first = ran(job)

    assert (first.status, first.error_code, first.error_step) == (JobStatus.PENDING, "provider_error", "submit")
    assert [status for _, status in lines_of(job)] == [LineStatus.DONE, LineStatus.WAITING]
    assert ran(job).status == JobStatus.SUCCESS
    assert made_since(sandbox, before) == sorted(people)


def test_source_that_fails_or_is_busy_is_tried_again(entity: Entity, sandbox: Running) -> None:
    people, before = free_people(sandbox, 1), enrolments(sandbox)
    job = enqueue(entity, asked(sandbox, *people))
    sandbox.turn_knobs({COMPANY: {"fail_status": 500, "writes_only": True}})
    assert (ran(job).error_code, made_since(sandbox, before)) == ("provider_error", [])

    sandbox.turn_knobs({COMPANY: {"fail_status": 429, "no_retry_after": True, "writes_only": True}})
    limited = ran(job)
    assert (limited.status, limited.error_code) == (JobStatus.PENDING, "rate_limited")
    AccountBlock.objects.update(until=timezone.now() - timedelta(seconds=1))

    sandbox.turn_knobs({})
    assert ran(job).status == JobStatus.SUCCESS
    assert made_since(sandbox, before) == people


def test_refused_lines_are_named_and_the_others_are_done(entity: Entity, sandbox: Running) -> None:
    (person,), before = free_people(sandbox, 1), enrolments(sandbox)
    there = next(one["employee_id"] for one in before if one["plan_name"] == "Pension" and one["status"] == "active")

    job = ran(enqueue(entity, asked(sandbox, there, person, "emp_nobody")))

    assert (job.status, job.error_code, job.error_step) == (JobStatus.FAILED, "lines_refused", "submit")
    assert job.error_detail == (
        f"2 of 3 people refused: {there} (employee_id already_enrolled), emp_nobody (employee_id not_found)"
    )
    assert lines_of(job) == [
        (there, LineStatus.REFUSED),
        (person, LineStatus.DONE),
        ("emp_nobody", LineStatus.REFUSED),
    ]
    assert made_since(sandbox, before) == [person]
    steps = list(job.steps.order_by("number").values_list("name", "status"))
    assert steps == [
        ("check_access", StepStatus.SUCCESS),
        ("submit", StepStatus.FAILED),
        ("confirm", StepStatus.SUCCESS),
    ]


def test_line_without_an_answer_keeps_its_key_when_it_is_asked_for_again(entity: Entity, sandbox: Running) -> None:
    (person,), before = free_people(sandbox, 1), enrolments(sandbox)
    sandbox.turn_knobs({COMPANY: {"truncate": True, "writes_only": True}})
    job = enqueue(entity, asked(sandbox, person))
    ran(job)
    request_cancel(job=job, actor=member("operator"))
    sandbox.turn_knobs({})

    again = ran(enqueue(entity, asked(sandbox, person, again=job.pk)))

    assert again.status == JobStatus.SUCCESS
    assert made_since(sandbox, before) == [person]
    changed = enqueue(entity, asked(sandbox, person, again=job.pk, contribution="6000"))
    assert changed.action_lines.get().key != job.action_lines.get().key


def test_sign_in_that_was_not_granted_benefits_is_told(entity: Entity, sandbox: Running) -> None:
    before, what = enrolments(sandbox), asked(sandbox, "emp_somebody")
    sandbox.turn_knobs({COMPANY: {"fail_status": 403, "fail_code": "insufficient_scope"}})

    job = ran(enqueue(entity, what))

    assert (job.status, job.error_code, job.error_step) == (JobStatus.FAILED, "insufficient_scope", "check_access")
    sandbox.turn_knobs({})
    assert enrolments(sandbox) == before


def test_two_presses_at_once_make_one_job(entity: Entity, sandbox: Running) -> None:
    what, job_id = asked(sandbox, "emp_one", "emp_one", "emp_two"), new_id()

    results = together(*[partial(enqueue, entity, what, job_id)] * 3)

    assert [one.pk for one in results if isinstance(one, Job)] == [job_id] * 3
    assert lines_of(Job.objects.get()) == [("emp_one", LineStatus.WAITING), ("emp_two", LineStatus.WAITING)]
    assert Activity.objects.filter(action="connection.action_started").count() == 1


def test_waiting_sync_of_the_company_is_not_touched_by_a_try_that_failed(entity: Entity, sandbox: Running) -> None:
    sync = waiting_job(entity)
    sandbox.turn_knobs({COMPANY: {"fail_status": 500, "writes_only": True}})

    job = ran(enqueue(entity, asked(sandbox, *free_people(sandbox, 1))))

    assert job.status == JobStatus.PENDING
    sync.refresh_from_db()
    assert sync.status == JobStatus.PENDING


def test_what_cannot_be_done_is_refused(entity: Entity, sandbox: Running) -> None:
    what = asked(sandbox, "emp_one")

    def code(**changed: Any) -> str:
        with pytest.raises(CannotSync) as caught:
            enqueue(entity, changed.get("what", what))
        return caught.value.reason

    assert code(what=asked(sandbox)) == "no_action"
    assert code(what=Asked("enroll_benefits", what.values, [f"emp_{n}" for n in range(101)])) == "no_action"
    Entity.objects.update(is_selected=False)
    assert code() == "excluded"
    Connection.objects.update(credentials=b"")
    assert code() == "incomplete"
    Connection.objects.update(status=Status.PAUSED)
    assert code() == "paused"
    assert not Job.objects.exists()
