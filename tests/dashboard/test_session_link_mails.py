"""Connect links that go out by mail: when, to whom, what stands in them, and what is said where none can go."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.core import mail
from django.test import Client

from connectors.models import Activity
from sessions_log.models import ConnectLook, Session, SessionEvent
from tests.dashboard.link_form import LINK, NEW, answer
from tests.dashboard.pages import flat

if TYPE_CHECKING:
    from pytest_django import Settings


pytestmark = pytest.mark.django_db


@pytest.fixture
def mails(settings: Settings) -> list[mail.EmailMessage]:
    """A mail server of the tests."""
    settings.PATCHBAY_EMAIL_HOST = "mail.example.com"
    settings.DEFAULT_FROM_EMAIL = "connect@meridian.example"
    return mail.outbox


def test_mail_goes_out_with_the_press_that_makes_the_link(operator: Client, mails: list[mail.EmailMessage]) -> None:
    ConnectLook.objects.create(name="Meridian Payroll", support_url="https://help.meridian.example")
    page = operator.post(NEW, answer(operator, then="email"))

    secret = LINK.findall(page.content.decode())[0]
    (sent,) = mails
    assert isinstance(sent, mail.EmailMultiAlternatives)
    assert (sent.to, sent.from_email) == (["dana@halden.example"], "Meridian Payroll <connect@meridian.example>")
    assert sent.subject == "Meridian Payroll: connect your account"
    bodies = [str(sent.body), str(sent.alternatives[0][0])]
    assert all(f"http://testserver/connect/{secret}/" in body for body in bodies)
    assert all("https://help.meridian.example" in body for body in bodies)
    assert "Sent to" in flat(page)
    assert SessionEvent.objects.get().detail == {"by": "operator", "sent": "email"}
    assert {act.action for act in Activity.objects.all()} == {"link.created", "link.sent"}
    assert all(secret not in f"{act.note} {act.subject}" for act in Activity.objects.all())


def test_mail_is_sent_once_however_often_the_form_is(operator: Client, mails: list[mail.EmailMessage]) -> None:
    given = answer(operator, then="email")
    for _ in range(2):
        assert operator.post(NEW, given).status_code == 200

    assert len(mails) == Session.objects.count() == 1


def test_mail_needs_an_address(operator: Client, mails: list[mail.EmailMessage]) -> None:
    page = operator.post(NEW, answer(operator, then="email", end_user_email=""))

    assert page.status_code == 422
    assert "Type the address that the link goes to" in flat(page)
    assert (mails, Session.objects.count()) == ([], 0)


def test_names_cannot_write_headers_or_markup(operator: Client, mails: list[mail.EmailMessage]) -> None:
    given = answer(operator, then="email", end_user_name="Halden\r\nBcc: all@halden.example <b>Foods</b>")
    page = operator.post(NEW, given)

    (sent,) = mails
    assert isinstance(sent, mail.EmailMultiAlternatives)
    assert sent.recipients() == ["dana@halden.example"]
    assert "Bcc" not in sent.message()
    assert "<b>Foods" not in page.content.decode()
    assert "&lt;b&gt;Foods" in str(sent.alternatives[0][0])


def test_mail_that_is_refused_leaves_a_link_to_copy(operator: Client, settings: Settings) -> None:
    settings.PATCHBAY_EMAIL_HOST = settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_PORT = 9
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    page = operator.post(NEW, answer(operator, then="email"))

    assert page.status_code == 200
    assert "was not accepted by the mail server" in flat(page)
    assert len(LINK.findall(page.content.decode())) == 1
    assert SessionEvent.objects.get().detail["sent"] == "copied"
    assert {act.action for act in Activity.objects.all()} == {"link.created"}


def test_without_a_server_the_button_says_what_to_set(operator: Client, settings: Settings) -> None:
    settings.PATCHBAY_EMAIL_HOST = settings.PATCHBAY_EMAIL_DIR = ""
    page = flat(operator.get(NEW))

    assert re.search(r'value="email"\s+disabled title="No mail server is set up. Set PATCHBAY_EMAIL_HOST', page)
    assert "It cannot be sent from here. No mail server is set up" in page


def test_where_mails_are_files_it_says_where(operator: Client, settings: Settings) -> None:
    settings.PATCHBAY_EMAIL_HOST, settings.PATCHBAY_EMAIL_DIR = "", "/var/lib/patchbay/mail"

    page = flat(operator.get(NEW))

    assert 'written to <span class="mono">/var/lib/patchbay/mail</span>' in page
    assert " disabled" not in page.partition('value="email"')[2].partition(">")[0]
