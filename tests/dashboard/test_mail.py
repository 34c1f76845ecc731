"""A connect link through a real conversation with a mail server, and what the environment says of that server."""

from __future__ import annotations

import os
import re
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import TYPE_CHECKING

import pytest
from django.test import Client

from sessions_log.models import Session
from tests.dashboard.link_form import LINK, NEW, answer

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db
SMTP = "django.core.mail.backends.smtp.EmailBackend"


class _Server(socketserver.ThreadingTCPServer):
    """Takes mails as RFC 5321 says, or refuses whom they are for, repeating what it was told."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, *, refuses: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.refuses, self.mails = refuses, list[bytes]()


class _Conversation(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.wfile.write(b"220 mail.example.com\r\n")
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                self.server.mails.append(b"".join(iter(self.rfile.readline, b".\r\n")))
            refused = self.server.refuses and word == b"RCPT"
            self.wfile.write(b"550 no such person: " + line if refused else b"250 ok\r\n")
            if word == b"QUIT":
                return


@contextmanager
def mail_server(settings: Settings, *, refuses: bool = False) -> Iterator[_Server]:
    with _Server(refuses=refuses) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        settings.EMAIL_BACKEND, settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL = SMTP, False, False
        settings.PATCHBAY_EMAIL_HOST = settings.EMAIL_HOST = "127.0.0.1"
        settings.EMAIL_PORT = server.server_address[1]
        settings.DEFAULT_FROM_EMAIL = "connect@meridian.example"
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def test_mail_server_gets_one_mail_that_holds_the_link(operator: Client, settings: Settings) -> None:
    with mail_server(settings) as server:
        page = operator.post(NEW, answer(operator, then="email", end_user_name="Sørensen & Søn"))

    (raw,) = server.mails
    mail = message_from_bytes(raw, _class=EmailMessage, policy=policy.default)
    secret = LINK.findall(page.content.decode())[0]
    assert (mail["To"], mail["From"]) == ("dana@halden.example", "Patchbay <connect@meridian.example>")
    assert mail["Auto-Submitted"] == "auto-generated"
    plain, html = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert plain
    assert html
    assert "Hello Sørensen & Søn," in plain.get_content()
    assert "Hello Sørensen &amp; Søn," in html.get_content()
    assert secret in plain.get_content()
    assert f'<a href="http://testserver/connect/{secret}/">' in html.get_content()
    assert not re.search(r"<img|<script|style=", html.get_content())


def test_server_that_refuses_leaves_a_link_and_no_trace_of_it(
    operator: Client, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with mail_server(settings, refuses=True) as server:
        page = operator.post(NEW, answer(operator, then="email"))

    assert server.mails == []
    assert "was not accepted by the mail server" in page.content.decode()
    secret = LINK.findall(page.content.decode())[0]
    assert Session.objects.get().events.get().detail["sent"] == "copied"
    assert "SMTPRecipientsRefused" in caplog.text
    assert secret not in caplog.text
    assert "dana@halden.example" not in caplog.text


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "filebased None localhost 587 True False"),
        ({"PATCHBAY_EMAIL_DIR": "/var/mail"}, "filebased /var/mail localhost 587 True False"),
        (
            {"PATCHBAY_EMAIL_HOST": "mx", "PATCHBAY_EMAIL_DIR": "/var/mail", "PATCHBAY_EMAIL_FROM": "a@mx.example"},
            "smtp None mx.example 587 True False",
        ),
        ({"PATCHBAY_EMAIL_HOST": "mx", "PATCHBAY_EMAIL_SECURITY": "tls"}, "smtp None localhost 465 False True"),
        (
            {"PATCHBAY_EMAIL_HOST": "mx", "PATCHBAY_EMAIL_SECURITY": "none", "PATCHBAY_EMAIL_PORT": "2525"},
            "smtp None localhost 2525 False False",
        ),
    ],
    ids=["nothing", "folder", "server", "tls", "plain"],
)
def test_environment_says_how_mails_go(environment: dict[str, str], expected: str) -> None:
    words = (
        "from dashboard import settings as s; print(s.EMAIL_BACKEND.split('.')[-2], s.EMAIL_FILE_PATH, "
        "s.DEFAULT_FROM_EMAIL.split('@')[1], s.EMAIL_PORT, s.EMAIL_USE_TLS, s.EMAIL_USE_SSL)"
    )
    known = {name: value for name, value in os.environ.items() if not name.startswith("PATCHBAY_EMAIL")}
    run = subprocess.run([sys.executable, "-c", words], env=known | environment, capture_output=True, check=True)

    assert run.stdout.decode().strip() == expected


def test_environment_with_a_wrong_word_does_not_start() -> None:
    known = {**os.environ, "PATCHBAY_EMAIL_SECURITY": "maybe"}
    run = subprocess.run(
        [sys.executable, "-c", "import dashboard.settings"], env=known, capture_output=True, check=False
    )

    assert run.returncode != 0
    assert b"PATCHBAY_EMAIL_SECURITY must be starttls, tls or none, not 'maybe'." in run.stderr
