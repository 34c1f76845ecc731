"""The steps of the hosted flow against the real sandbox: what each stores, tells and leads to, and what it refuses."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from connectors.models import Activity, Connection, Status
from dashboard.connecting.steps import Step
from jobs.models import Job, JobType, Trigger
from sessions_log.models import Session, SessionEvent, SessionStatus
from tests.dashboard.connecting import choose, person, sign_in
from tests.sandbox.running import API_KEY, Running

pytestmark = pytest.mark.django_db
OPENED = ["link.created", "link.clicked", "session.opened"]


def test_flow_makes_a_connection_that_syncs_what_was_allowed(sandbox: Running) -> None:
    someone = person().agree()

    assert sign_in(someone).headers["Location"] == someone.at(Step.COMPANIES)
    assert choose(someone, 2).headers["Location"] == someone.at(Step.DONE)

    session, connection = someone.now(), Connection.objects.get()
    assert (session.status, session.connection, session.error_code) == (SessionStatus.COMPLETED, connection, "")
    assert (connection.name, connection.status) == ("Halden Foods · Sandbox Payroll", Status.ACTIVE)
    assert connection.read_credentials() == {"api_key": API_KEY}
    assert connection.destination == session.destination
    assert connection.entities.selected().count() == 2
    assert connection.entities.count() > 2
    jobs = list(Job.objects.order_by("pk"))
    assert [(job.type, job.trigger) for job in jobs] == [(JobType.DATA_SYNC, Trigger.SESSION)] * 2
    assert session.first_job_id == jobs[0].pk
    assert bytes(session.sealed) == b""
    assert [act.action for act in Activity.objects.order_by("pk")] == ["link.created", "connection.connected"]
    assert someone.told() == [
        *OPENED,
        *("terms.accepted", "credentials.submitted", "login.succeeded", "entity.listed", "page.viewed"),
        *("entity.selected", "permissions.verified", "session.completed"),
    ]


def test_last_page_names_what_is_connected_and_its_first_copy(sandbox: Running) -> None:
    someone = person().agree()
    sign_in(someone)
    choose(someone, 2)

    page = someone.see(Step.DONE).content.decode()

    assert "2 companies are connected" in page
    assert page.count("Waiting") == 2
    assert someone.see(Step.DONE).content.decode().count("Waiting") == 2
    assert "page.viewed" not in someone.told()[-1:]


def test_press_twice_connects_once(sandbox: Running) -> None:
    someone = person().agree()
    sign_in(someone)

    first = choose(someone, 1)
    answers = [first, someone.send(Step.CHECK), someone.send(Step.COMPANIES, action="connect")]

    assert {answer.headers["Location"] for answer in answers} == {someone.at(Step.DONE)}
    assert Connection.objects.count() == Job.objects.count() == 1
    assert someone.told().count("session.completed") == 1


def test_same_press_of_a_sign_in_is_asked_once_and_answered_alike(sandbox: Running) -> None:
    someone = person().agree()
    press = someone.press(Step.SIGN_IN, method="api_key")

    answers = [sign_in(someone, "wrong", press=press) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [422, 422]
    assert someone.told().count("login.failed") == someone.told().count("credentials.submitted") == 1
    assert sign_in(someone, press=press).headers["Location"] == someone.at(Step.COMPANIES)


def test_refused_sign_in_is_told_in_the_words_that_are_kept(sandbox: Running) -> None:
    someone = person().agree()

    answer = sign_in(someone, "not-the-key")

    page = answer.content.decode()
    assert answer.status_code == 422
    failed = SessionEvent.objects.get(name="login.failed")
    assert failed.error_code == "invalid_credentials"
    assert failed.words == (
        "Sandbox Payroll did not accept this sign-in. Check what you typed. If it changed at Sandbox Payroll, enter "
        "the new one."
    )
    assert all(part in page for part in failed.words.split(". ", 1))
    assert "not-the-key" not in page
    assert 'aria-invalid="true"' in page
    assert someone.see(Step.SIGN_IN, method="api_key").status_code == 200


def test_provider_that_is_away_is_no_refused_sign_in(sandbox: Running) -> None:
    someone = person().agree()
    sandbox.turn_knobs({"*": {"fail_status": 503}})
    try:
        answer = sign_in(someone)
    finally:
        sandbox.turn_knobs({})

    assert answer.status_code == 422
    assert someone.told()[-2:] == ["credentials.submitted", "error.shown"]
    assert SessionEvent.objects.get(name="error.shown").error_code == "provider_unavailable"


def test_steps_that_were_not_reached_lead_to_the_one_that_waits(sandbox: Running) -> None:
    someone = person().begin()
    later = (Step.SIGN_IN, Step.CODE, Step.COMPANIES, Step.CHECK, Step.DONE)

    assert {someone.see(step).headers["Location"] for step in later} == {someone.at(Step.TERMS)}
    assert {someone.send(step).headers["Location"] for step in later} == {someone.at(Step.TERMS)}
    # The provider is fixed.
    assert someone.see(Step.PROVIDER).headers["Location"] == someone.at(Step.TERMS)
    assert someone.client.get(someone.at(Step.TERMS).replace("terms", "nothing")).status_code == 404


def test_back_leads_to_each_earlier_step_and_forward_again(sandbox: Running) -> None:
    someone = person(provider="").agree()
    someone.send(Step.PROVIDER, provider="sandbox_payroll")
    sign_in(someone)

    backs = {step: someone.see(step).context["frame"].back for step in (Step.COMPANIES, Step.SIGN_IN, Step.PROVIDER)}

    assert backs == {
        Step.COMPANIES: someone.at(Step.SIGN_IN),
        Step.SIGN_IN: someone.at(Step.PROVIDER),
        Step.PROVIDER: someone.at(Step.TERMS),
    }
    assert "You agreed" in someone.see(Step.TERMS).content.decode()
    assert someone.send(Step.TERMS).headers["Location"] == someone.at(Step.PROVIDER)
    assert someone.told().count("terms.accepted") == 1


def test_terms_need_a_tick_and_can_be_declined() -> None:
    someone = person().begin()

    answer = someone.send(Step.TERMS)
    declined = someone.send(Step.TERMS, action="decline")

    assert answer.status_code == 422
    assert "tick that you agree" in answer.content.decode()
    assert declined.headers["Location"] == reverse("connect:left", args=[someone.session.pk])
    assert someone.told() == [*OPENED, "error.shown", "terms.declined", "session.exited"]
    assert (someone.now().status, someone.now().stage) == (SessionStatus.EXITED, "terms")
    assert [one["code"] for one in someone.now().findings] == ["terms_declined"]


def test_consent_is_stored_with_its_version_once(sandbox: Running) -> None:
    someone = person().begin()

    someone.send(Step.TERMS, agree="on")
    first = someone.now().terms_accepted_at
    someone.send(Step.TERMS, agree="on")

    assert first is not None
    assert someone.now().terms_accepted_at == first
    assert someone.told().count("terms.accepted") == 1


def test_search_for_a_service_tells_how_many_and_not_what() -> None:
    someone = person(provider="").agree()

    found = someone.see(Step.PROVIDER, q="pay").content.decode()
    nothing = someone.see(Step.PROVIDER, q="canary-service").content.decode()

    assert "Sandbox Payroll" in found
    assert "PostgreSQL" not in found
    assert "No service matches" in nothing
    searched = SessionEvent.objects.filter(name="provider.searched").order_by("occurred_at")
    assert [event.detail for event in searched] == [{"found": 1}, {"found": 0}]
    assert "canary-service" not in str(list(SessionEvent.objects.values()))
    assert [one["code"] for one in someone.now().findings] == ["provider_unknown"]


def test_what_nobody_has_run_yet_is_not_offered_to_an_end_user(sandbox: Running) -> None:
    someone = person(provider="").agree()

    assert "MySQL" in someone.see(Step.PROVIDER).content.decode()
    assert "Oracle" not in someone.see(Step.PROVIDER).content.decode()
    assert someone.send(Step.PROVIDER, provider="oracle").status_code == 422


def test_other_provider_forgets_the_sign_in_and_is_told(sandbox: Running) -> None:
    someone = person(provider="").agree()
    someone.send(Step.PROVIDER, provider="sandbox_payroll")
    sign_in(someone)

    someone.send(Step.PROVIDER, provider="postgres")

    assert bytes(someone.now().sealed) == b""
    assert someone.now().provider == "postgres"
    assert [(one["code"], one["count"]) for one in someone.now().findings] == [("provider_changed", 1)]
    assert someone.send(Step.PROVIDER, provider="nothing").status_code == 422


def test_several_ways_are_chosen_first(sandbox: Running) -> None:
    someone = person().agree()

    page = someone.see(Step.SIGN_IN).content.decode()
    answer = someone.send(Step.SIGN_IN, action="choose", method="api_key")

    assert page.count('name="method"') == 3
    assert answer.headers["Location"] == f"{someone.at(Step.SIGN_IN)}?method=api_key"
    selected = SessionEvent.objects.get(name="auth_method.selected")
    assert selected.detail == {"method": "api_key"}
    assert someone.send(Step.SIGN_IN, method="telepathy").headers["Location"] == someone.at(Step.SIGN_IN)


def test_field_that_is_empty_is_marked_and_nobody_is_asked(sandbox: Running) -> None:
    someone = person().agree()

    answer = someone.send(Step.SIGN_IN, method="api_key")

    assert answer.status_code == 422
    assert "Fill in “API key”." in answer.content.decode()
    shown = SessionEvent.objects.get(name="error.shown")
    assert (shown.words, shown.error_code) == ("Fields to correct: API key.", "")


def test_companies_are_searched_and_ticks_are_kept(sandbox: Running) -> None:
    someone = person().agree()
    sign_in(someone)
    shown = someone.see(Step.COMPANIES).context["companies"].shown
    first, last = shown[0], shown[-1]

    searched = someone.send(Step.COMPANIES, action="search", q=last.name, refs=[first.ref]).context["companies"]
    every = someone.send(Step.COMPANIES, action="all").context["companies"]

    assert [one.name for one in searched.shown] == [last.name]
    assert searched.hidden == (first.ref,)
    assert every.chosen == every.total == len(shown)
    assert not any(one.is_chosen for one in shown)


def test_no_company_chosen_is_asked_again(sandbox: Running) -> None:
    someone = person().agree()
    sign_in(someone)

    answers = [someone.send(Step.COMPANIES, action="connect"), someone.send(Step.COMPANIES, refs=["not-mine"])]

    assert [answer.status_code for answer in answers] == [422, 422]
    assert all("Nothing is chosen yet" in answer.content.decode() for answer in answers)
    assert not Connection.objects.exists()


def test_page_that_a_browser_fetches_beforehand_was_not_seen() -> None:
    someone = person().begin()

    someone.client.get(someone.at(Step.TERMS), headers={"sec-purpose": "prefetch"})
    someone.client.head(someone.at(Step.TERMS))

    assert someone.told() == OPENED


def test_help_gives_the_code_that_finds_the_session(sandbox: Running) -> None:
    someone = person().agree()

    page = someone.client.get(reverse("connect:help", args=[someone.session.pk])).content.decode()

    assert str(someone.session.pk)[:13] in page
    opened = SessionEvent.objects.get(name="help.opened")
    assert (opened.stage, opened.page) == ("authentication", "sign-in")


def test_last_page_takes_five_queries(sandbox: Running, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    someone = person().agree()
    sign_in(someone)
    choose(someone, 2)
    many = person().agree()
    sign_in(many)
    assert choose(many, 12).headers["Location"] == many.at(Step.DONE)

    for one in (someone, many):
        with django_assert_num_queries(5):
            one.see(Step.DONE)


def test_viewing_a_step_takes_a_fixed_number_of_queries(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    someone = person().begin()

    for _ in range(3):
        with django_assert_num_queries(8):
            someone.see(Step.TERMS)


def test_page_that_is_left_for_the_next_one_was_left_before_that_was_shown() -> None:
    someone = person().begin()
    first = someone.see(Step.TERMS).content.decode()
    made = re.search(r'data-made="(\d+)"', first)
    assert made is not None
    someone.see(Step.TERMS)

    told = {"name": "page.exited", "page": "terms", "how": "left", "seconds": 1, "made": made[1], "after": 1000}
    someone.client.post(reverse("connect:events", args=[someone.session.pk]), told)

    assert someone.told()[-3:] == ["page.viewed", "page.exited", "page.viewed"]


def test_script_tells_what_only_the_browser_knows_and_nothing_else() -> None:
    someone = person().begin()
    address = reverse("connect:events", args=[someone.session.pk])
    now = someone.now().opened_at
    assert now is not None
    moment = round(now.timestamp() * 1000)
    said = {"name": "page.exited", "page": "terms", "how": "left", "seconds": 7, "made": moment, "after": 7000}

    answer = someone.client.post(address, said)
    refused = [
        someone.client.post(address, {**said, **wrong}).status_code
        for wrong in (
            {"name": "session.completed"},
            {"page": "my words"},
            {"seconds": "-1"},
            {"how": "x"},
            {"made": "1"},
        )
    ]

    assert answer.status_code == 204
    assert refused == [400] * 5
    exited = SessionEvent.objects.get(source="browser")
    assert (exited.name, exited.stage, exited.detail) == ("page.exited", "terms", {"how": "left", "seconds": 7})
    assert Client().post(address, said).status_code == 404
    assert Session.objects.get().event_count == 4
