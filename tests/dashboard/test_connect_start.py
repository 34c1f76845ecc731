"""The link of the hosted flow: looked at by scanners, pressed once or twice, used, expired, tampered with."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard.connecting.steps import Step
from sessions_log.models import Session, SessionEvent, SessionStatus
from sessions_log.services.links import withdraw
from tests.dashboard.connecting import Person, make_link, person
from tests.factories import make_ready_connection

pytestmark = pytest.mark.django_db


def test_looking_at_a_link_changes_nothing_and_its_person_can_use_it() -> None:
    session, address = make_link()
    scanner = Client()
    before = Session.objects.values().get(), list(SessionEvent.objects.values())

    answers = [scanner.get(address), scanner.head(address), scanner.get(address)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert (Session.objects.values().get(), list(SessionEvent.objects.values())) == before
    someone = Person(session, address).begin()
    assert someone.told() == ["link.created", "link.clicked", "session.opened"]
    assert someone.see(Step.TERMS).status_code == 200


def test_press_opens_the_session_and_tells_of_the_browser_in_two_words() -> None:
    someone = person()
    someone.client.get(someone.address)

    answer = someone.client.post(someone.address)

    assert (answer.status_code, answer.headers["Location"]) == (303, someone.at(Step.TERMS))
    clicked = SessionEvent.objects.get(name="link.clicked")
    assert clicked.detail == {"browser": "Firefox", "system": "Windows"}
    assert someone.now().status == SessionStatus.OPENED


def test_link_that_was_used_leads_its_own_browser_on_and_tells_others(client: Client) -> None:
    someone = person().begin()

    assert someone.client.get(someone.address).headers["Location"] == someone.at(Step.TERMS)
    assert someone.client.post(someone.address).headers["Location"] == someone.at(Step.TERMS)
    other = client.get(someone.address), client.post(someone.address)
    assert [answer.status_code for answer in other] == [410, 410]
    assert all("This link was used already" in answer.content.decode() for answer in other)
    assert someone.told() == ["link.created", "link.clicked", "session.opened"]


def test_press_twice_before_the_first_answer_opens_the_session_for_both() -> None:
    someone = person()
    someone.client.get(someone.address)
    second = Client()
    # The cookies that the browser held when it was pressed: those of the page that was looked at.
    second.cookies.load({name: morsel.value for name, morsel in someone.client.cookies.items()})

    first = someone.client.post(someone.address)
    answer = second.post(someone.address)

    assert first.headers["Location"] == answer.headers["Location"] == someone.at(Step.TERMS)
    assert second.get(someone.at(Step.TERMS)).status_code == 200
    assert someone.told().count("link.clicked") == 1


def test_cookie_that_is_no_secret_is_not_taken_for_one() -> None:
    someone = person()
    someone.client.get(someone.address)
    (name,) = [name for name in someone.client.cookies if "visit" in name]
    someone.client.cookies[name] = "guessed"

    someone.client.post(someone.address)

    assert someone.client.cookies[name].value != "guessed"
    assert someone.see(Step.TERMS).status_code == 200


@pytest.mark.parametrize("method", ["get", "post"])
def test_link_that_expired_says_so(method: str) -> None:
    someone = person(expires_at=timezone.now() - timedelta(seconds=1))

    answer = getattr(someone.client, method)(someone.address)

    assert answer.status_code == 410
    assert "This link has expired" in answer.content.decode()
    assert someone.told() == ["link.created"]


@pytest.mark.parametrize("method", ["get", "post"])
def test_link_that_was_taken_back_says_so(method: str) -> None:
    someone = person()
    withdraw(session=someone.session, actor=None)

    answer = getattr(someone.client, method)(someone.address)

    assert answer.status_code == 410
    assert "This link was taken back" in answer.content.decode()
    assert someone.now().status == SessionStatus.EXPIRED


@pytest.mark.parametrize("spoilt", ["{0:.40}/", "{0:.40}xyz/", "/connect/%20/", "{0}?x=1#", "/connect/{1}/"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_link_that_was_tampered_with_leads_nowhere(spoilt: str, method: str) -> None:
    someone = person()
    address = spoilt.format(someone.address.swapcase().replace("/CONNECT/", "/connect/"), someone.session.pk)

    answer = getattr(someone.client, method)(address)

    assert answer.status_code == 404
    assert "This link leads nowhere" in answer.content.decode()
    assert someone.now().status == SessionStatus.CREATED


def test_link_to_a_connection_that_was_deleted_says_so() -> None:
    connection = make_ready_connection()
    someone = person(connection=connection)
    connection.deleted_at = timezone.now()
    connection.save()

    answers = [someone.client.get(someone.address), someone.client.post(someone.address)]

    assert [answer.status_code for answer in answers] == [410, 410]
    assert someone.now().redeemed_at is None


def test_pages_are_kept_by_nobody_and_need_no_session_of_a_member(admin: Client) -> None:
    someone = person().begin()
    spoilt = someone.address[:-1] + "x/"
    pages = [someone.see(Step.TERMS), someone.client.get(spoilt), admin.get(someone.at(Step.TERMS))]

    assert all("no-store" in page.headers["Cache-Control"] for page in pages)
    assert [page.headers["Referrer-Policy"] for page in pages] == ["same-origin", "no-referrer", "no-referrer"]
    # A member has no part in it, and sees nothing of ours around it.
    assert pages[2].status_code == 404
    assert 'class="sidebar"' not in pages[2].content.decode()
    assert settings.SESSION_COOKIE_NAME not in someone.client.cookies


def test_page_of_a_session_needs_its_own_cookie(client: Client) -> None:
    someone, other = person().begin(), person().begin()

    assert other.client.get(someone.at(Step.TERMS)).status_code == 404
    assert other.client.get(reverse("connect:help", args=[someone.session.pk])).status_code == 404
    assert (
        client.get(someone.at(Step.TERMS)).content
        == client.get(reverse("connect:step", args=["0197a3c2-1b3d-7000-8000-000000000000", "terms"])).content
    )


def test_session_that_is_over_says_so() -> None:
    someone = person().begin()
    Session.objects.update(redeemed_at=timezone.now() - timedelta(hours=25))

    answer = someone.see(Step.TERMS)

    assert answer.status_code == 410
    assert "This session is over" in answer.content.decode()


def test_cookie_is_out_of_reach_of_scripts_and_other_sites() -> None:
    someone = person().begin()
    (morsel,) = [morsel for name, morsel in someone.client.cookies.items() if "visit" in name]

    assert morsel["httponly"]
    assert morsel["samesite"] == "Lax"
    assert int(morsel["max-age"]) == 24 * 60 * 60


def test_forged_press_is_refused() -> None:
    session, address = make_link()
    forger = Client(enforce_csrf_checks=True)
    forger.get(address)

    assert forger.post(address).status_code == 403
    assert Session.objects.get(pk=session.pk).redeemed_at is None
