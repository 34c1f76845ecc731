"""Who comes back to the hosted flow: after leaving, after a silence, in another tab, to mend a connection."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from connectors.models import Activity, Connection, Status
from dashboard.connecting.steps import Step
from jobs.models import Job, Trigger
from sessions_log.models import SessionEvent, SessionKind, SessionStatus
from sessions_log.services.sweep import sweep
from tests.dashboard.connecting import choose, person, sign_in
from tests.factories import make_entity, make_ready_connection
from tests.sandbox.running import Running

pytestmark = pytest.mark.django_db


def test_leaving_forgets_what_was_accepted_and_coming_back_resumes(sandbox: Running) -> None:
    someone = person().agree()
    sign_in(someone)
    leave = reverse("connect:leave", args=[someone.session.pk])

    assert someone.client.get(leave).status_code == 200
    assert someone.client.post(leave).status_code == 422
    answers = [someone.client.post(leave, {"reason": "not_now"}) for _ in range(2)]

    left = reverse("connect:left", args=[someone.session.pk])
    assert [answer.headers["Location"] for answer in answers] == [left, left]
    assert "Nothing was connected" in someone.client.get(left).content.decode()
    session = someone.now()
    assert (session.status, session.stage, bytes(session.sealed)) == (SessionStatus.EXITED, "entity_selection", b"")
    exited = SessionEvent.objects.get(name="session.exited")
    assert (exited.exit_reason, exited.stage, exited.page) == ("not_now", "entity_selection", "companies")
    # Who comes back signs in again.
    assert someone.see(Step.COMPANIES).headers["Location"] == someone.at(Step.SIGN_IN)
    someone.see(Step.SIGN_IN)
    assert someone.told()[-3:] == ["session.exited", "session.resumed", "page.viewed"]
    assert someone.client.get(left).headers["Location"] == someone.at(Step.SIGN_IN)


def test_return_after_silence_resumes_where_a_sign_in_is_needed_again(sandbox: Running) -> None:
    someone = person().agree()
    sign_in(someone)
    someone.see(Step.COMPANIES)
    sweep(now=timezone.now() + timedelta(minutes=16))
    silent = someone.now()

    answer = someone.client.get(someone.address, follow=True)

    assert (silent.status, silent.stage, bytes(silent.sealed)) == (SessionStatus.ABANDONED, "entity_selection", b"")
    assert answer.redirect_chain == [(someone.at(Step.SIGN_IN), 303)]
    # The silence lies ahead of this test's clock.
    assert sorted(someone.told()[-3:]) == ["page.viewed", "session.abandoned", "session.resumed"]
    assert sign_in(someone).headers["Location"] == someone.at(Step.COMPANIES)


def test_two_tabs_lead_to_what_is_true_now(sandbox: Running) -> None:
    someone = person().agree()
    milan = {"method": "credentials_mfa", "username": "milan", "password": "payroll-milan"}
    assert someone.send(Step.SIGN_IN, **milan).headers["Location"] == someone.at(Step.CODE)
    # In another tab of the same browser, meanwhile.
    sign_in(someone)

    late = [someone.send(Step.CODE, code="123456"), someone.see(Step.CODE)]

    assert {answer.headers["Location"] for answer in late} == {someone.at(Step.COMPANIES)}
    assert "mfa.submitted" not in someone.told()


def test_code_that_was_tried_too_often_leads_back_to_the_sign_in_which_says_why(sandbox: Running) -> None:
    someone = person().agree()
    someone.send(Step.SIGN_IN, method="credentials_mfa", username="milan", password="payroll-milan")

    answers = [someone.send(Step.CODE, code=f"00000{number}") for number in range(3)]
    page = someone.see(Step.SIGN_IN)

    assert [answer.status_code for answer in answers] == [422, 422, 303]
    assert "2 tries are left for this code" in answers[0].content.decode()
    assert answers[2].headers["Location"] == someone.at(Step.SIGN_IN)
    assert "sign in again to get a new one" in page.content.decode()
    assert someone.told()[-1] == "mfa.failed"
    assert [one["code"] for one in someone.now().findings] == ["code_refused"]
    # To look at it once more is a visit.
    someone.see(Step.SIGN_IN)
    assert someone.told()[-1] == "page.viewed"


def test_reconnect_mends_the_connection_and_syncs_what_failed(sandbox: Running) -> None:
    made = person().agree()
    sign_in(made)
    choose(made, 2)
    Job.objects.all().delete()
    connection = Connection.objects.get()
    broken = connection.entities.selected().order_by("pk")[0]
    connection.entities.filter(pk=broken.pk).update(
        last_error_code="invalid_credentials", failure_streak=1, status=Status.BROKEN
    )
    someone = person(connection=connection).agree()

    assert sign_in(someone).headers["Location"] == someone.at(Step.CHECK)
    assert someone.send(Step.CHECK).headers["Location"] == someone.at(Step.DONE)

    session = someone.now()
    assert (session.kind, session.status) == (SessionKind.RECONNECT, SessionStatus.COMPLETED)
    assert Connection.objects.count() == 1
    assert [(job.entity, job.trigger) for job in Job.objects.all()] == [(broken, Trigger.SESSION)]
    assert connection.entities.get(pk=broken.pk).status == Status.ACTIVE
    assert Activity.objects.order_by("-pk")[0].action == "connection.reconnected"
    assert "is connected again" in someone.see(Step.DONE).content.decode()


def test_reconnect_with_a_sign_in_that_sees_none_of_its_companies_is_refused(sandbox: Running) -> None:
    connection = make_ready_connection(provider="sandbox_payroll", config={"base_url": sandbox.url})
    make_entity(connection, ref="somebody-elses")
    someone = person(connection=connection).agree()
    sign_in(someone)

    answer = someone.send(Step.CHECK)

    assert answer.status_code == 422
    assert someone.told()[-1] == "permissions.missing"
    assert (someone.now().status, someone.now().error_code) == (SessionStatus.FAILED, "entity_access_lost")
    connection.refresh_from_db()
    assert "api_key" not in connection.read_credentials()
