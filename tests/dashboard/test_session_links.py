"""Connect links: who may make one, what is stored, where the link is shown and withdrawn."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from connectors.models import Activity, Connection
from sessions_log.models import ConnectLook, Session, SessionEvent
from sessions_log.services import links
from tests.conftest import member
from tests.dashboard.link_form import LINK, NEW, answer, key_of
from tests.dashboard.pages import flat
from tests.factories import make_connection, make_destination, make_entity
from tests.sessions_log.telling import make_link

pytestmark = pytest.mark.django_db
NOBODY = "0197a3c2-1b3d-75f3-b08f-448cbd9c1e65"


def test_link_for_a_new_connection_stores_what_was_said(operator: Client) -> None:
    given = answer(operator)
    page = operator.post(NEW, given)

    secret = LINK.findall(page.content.decode())[0]
    session = Session.objects.get()
    assert page.status_code == 200
    assert bytes(session.link_hash or b"") == hashlib.sha256(secret.encode()).digest()
    assert (session.kind, session.provider, session.is_provider_fixed) == ("first", "sandbox_payroll", True)
    assert (session.products, session.config) == (["payroll"], {"base_url": "https://payroll.example.com"})
    assert (session.end_user_name, session.end_user_email) == ("Halden Foods", "dana@halden.example")
    assert (session.reference, session.return_url, session.destination.name) == ("C-4471", "", "Warehouse")  # type: ignore[union-attr]
    assert session.created_by == member("operator")
    assert timedelta(hours=23.9) < session.expires_at - timezone.now() < timedelta(hours=24)
    event = SessionEvent.objects.get()
    assert (event.name, event.detail) == ("link.created", {"by": "operator", "sent": "copied"})


def test_page_with_the_link_is_kept_nowhere_and_tells_nobody(operator: Client) -> None:
    page = operator.post(NEW, answer(operator))

    assert "no-store" in page.headers["Cache-Control"]
    assert page.headers["Referrer-Policy"] == "same-origin"
    text = flat(page)
    assert LINK.findall(text)[0] in text
    assert "For Halden Foods, it works once, until" in text
    assert "sign in at Sandbox Payroll; a new connection starts to load into Warehouse" in text


def test_secret_stands_on_no_other_page_and_in_no_column(operator: Client, admin: Client) -> None:
    connection = make_connection()
    page = operator.post(f"{NEW}?connection={connection.pk}", {"key": key_of(operator), "hours": "24"})
    secret = LINK.findall(page.content.decode())[0]
    session = Session.objects.get()

    seen = [
        admin.get(address).content.decode()
        for address in (
            f"{NEW}?connection={connection.pk}",
            f"{NEW}?from={session.pk}",
            f"/sessions/{session.pk}/withdraw/",
            f"/connections/{connection.pk}/",
            f"/connections/{connection.pk}/activity/",
            "/activity/",
        )
    ]

    assert not any(secret in text for text in seen)
    stored = [*Session.objects.values(), *SessionEvent.objects.values(), *Activity.objects.values()]
    assert secret not in repr(stored)


def test_link_for_a_connection_mends_that_one_and_asks_little(operator: Client) -> None:
    connection = make_connection(name="Shop")
    address = f"{NEW}?connection={connection.pk}"
    form = flat(operator.get(address))
    assert "Connect link for Shop" in form
    assert 'name="provider"' not in form

    operator.post(address, {"key": key_of(operator, address), "hours": "1", "end_user_name": "", "then": "copy"})

    session = Session.objects.get()
    assert (session.kind, session.connection, session.destination) == ("reconnect", connection, connection.destination)
    act = Activity.objects.get()
    assert (act.action, act.subject, act.connection) == ("link.created", "Shop", connection)
    assert str(session.pk) in act.note


def test_form_starts_with_the_earlier_session(operator: Client) -> None:
    place = make_destination(name="Lake")
    like, _ = make_link(
        provider="sandbox_payroll",
        products=["workforce"],
        config={"base_url": "https://payroll.example.com"},
        destination=place,
        end_user_name="Halden Foods",
        end_user_email="dana@halden.example",
        reference="C-4471",
    )

    form = flat(operator.get(f"{NEW}?from={like.pk}"))

    assert 'value="Halden Foods"' in form
    assert 'value="dana@halden.example"' in form
    assert 'value="C-4471"' in form
    assert 'value="https://payroll.example.com"' in form
    assert 'value="sandbox_payroll" checked' in form
    assert re.search(r'value="workforce"[^>]* checked', form)
    assert not re.search(r'value="payroll"[^>]* checked', form)
    assert f'<option value="{place.pk}" selected' in form


def test_new_link_like_that_of_a_reconnect_is_one_too(operator: Client) -> None:
    connection = make_connection(name="Shop")
    like, _ = make_link(connection=connection, end_user_name="Halden Foods")

    form = flat(operator.get(f"{NEW}?from={like.pk}"))

    assert "Connect link for Shop" in form
    assert 'value="Halden Foods"' in form


def test_form_sent_twice_makes_one_link_and_shows_it_again(operator: Client) -> None:
    given = answer(operator)
    first, second = operator.post(NEW, given), operator.post(NEW, given)

    assert LINK.findall(first.content.decode())[0] == LINK.findall(second.content.decode())[0]
    assert "The form was sent twice" in flat(second)
    assert Session.objects.count() == Activity.objects.count() == SessionEvent.objects.count() == 1


def test_form_of_another_member_gives_another_link(operator: Client, admin: Client) -> None:
    given = answer(operator)
    first, second = operator.post(NEW, given), admin.post(NEW, given)

    assert LINK.findall(first.content.decode())[0] != LINK.findall(second.content.decode())[0]
    assert Session.objects.count() == 2


def test_link_that_was_used_is_not_shown_again(operator: Client) -> None:
    given = answer(operator)
    secret = LINK.findall(operator.post(NEW, given).content.decode())[0]
    links.redeem(secret)

    page = operator.post(NEW, given)

    assert page.status_code == 409
    assert "The link was made already" in flat(page)
    assert LINK.findall(page.content.decode()) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"end_user_name": ""}, "Say for whom the link is"),
        ({"end_user_name": "x" * 201}, "at most 200 characters"),
        ({"end_user_email": "dana"}, "Enter a valid email address"),
        ({"end_user_email": "dana@halden.example\nBcc: all@halden.example"}, "Enter a valid email address"),
        ({"hours": "0"}, "Choose one of the list"),
        ({"hours": "forever"}, "Choose one of the list"),
        ({"provider": "fax"}, "Select a valid choice"),
        ({"sandbox_payroll-base_url": ""}, "Fill in “Address”."),
        ({"sandbox_payroll-base_url": "ftp://x"}, "http"),
        ({"sandbox_payroll-products": ["gold"]}, "Select a valid choice"),
        ({"destination": NOBODY}, "Choose one of the list"),
        ({"destination": "nowhere"}, "Choose one of the list"),
        ({"destination": ""}, "Choose where the data lands"),
        ({"key": "short"}, "Enter a valid value"),
        ({"key": ""}, "This field is required"),
        ({"then": "fax"}, "Create a connect link"),
        ({"then": "email"}, "No mail server is set up"),
    ],
)
def test_what_cannot_be_used_is_told_and_nothing_is_stored(operator: Client, wrong: dict[str, Any], said: str) -> None:
    page = operator.post(NEW, answer(operator) | wrong)

    assert page.status_code == 422
    assert said in flat(page)
    assert 'value="C-4471"' in flat(page)
    assert Session.objects.count() == Activity.objects.count() == 0


@pytest.mark.parametrize("query", ["connection=none", f"connection={NOBODY}", f"from={NOBODY}", "from=%00"])
def test_link_about_nothing_is_not_found(operator: Client, query: str) -> None:
    assert operator.get(f"{NEW}?{query}").status_code == 404


def test_deleted_connection_gets_no_link(operator: Client) -> None:
    connection = make_connection()
    Connection.everything.filter(pk=connection.pk).update(deleted_at=timezone.now())

    answered = operator.post(f"{NEW}?connection={connection.pk}", {"key": key_of(operator), "hours": "24"})

    assert (answered.status_code, Session.objects.count()) == (409, 0)


def test_person_chooses_the_provider_where_none_is_fixed(operator: Client) -> None:
    operator.post(NEW, answer(operator, provider=""))

    session = Session.objects.get()
    assert (session.provider, session.is_provider_fixed, session.products, session.config) == ("", False, [], {})


def test_return_address_is_taken_from_the_list_only(operator: Client) -> None:
    ConnectLook.objects.create(
        return_addresses="https://app.example.com/done", return_url="https://app.example.com/done", link_hours=168
    )
    form = flat(operator.get(NEW))
    assert 'value="https://app.example.com/done"' in form
    assert '<option value="168" selected' in form

    refused = operator.post(NEW, answer(operator, return_url="https://app.example.com.evil.test/done"))
    assert (refused.status_code, Session.objects.count()) == (422, 0)
    assert "It is none of the allowed addresses" in flat(refused)

    operator.post(NEW, answer(operator, return_url="https://app.example.com/done/4471"))
    assert Session.objects.get().return_url == "https://app.example.com/done/4471"


def test_without_a_list_no_return_address_is_taken(operator: Client) -> None:
    operator.post(NEW, answer(operator, return_url="https://evil.test/"))

    assert Session.objects.get().return_url == ""


@pytest.mark.parametrize("address", [NEW, f"{NEW}?connection=x"])
def test_viewer_makes_no_link(viewer: Client, address: str) -> None:
    assert viewer.get(address).status_code == viewer.post(address).status_code == 403
    assert Session.objects.count() == 0


def test_unused_link_is_withdrawn_at_once(operator: Client) -> None:
    session, secret = make_link(end_user_name="Halden Foods")
    address = f"/sessions/{session.pk}/withdraw/"
    assert "Withdraw the link for Halden Foods?" in flat(operator.get(address))

    assert operator.post(address).status_code == 302

    session.refresh_from_db()
    assert session.status == "expired"
    event = SessionEvent.objects.get(name="session.expired")
    assert (event.exit_reason, event.detail) == ("withdrawn", {"by": "operator"})
    assert Activity.objects.filter(action="link.withdrawn", subject="Halden Foods").count() == 1
    with pytest.raises(links.LinkExpiredError):
        links.redeem(secret)
    assert Client().get(f"/connect/{secret}/").status_code == 410


def test_link_that_was_used_cannot_be_withdrawn(operator: Client) -> None:
    session, secret = make_link()
    links.redeem(secret)
    address = f"/sessions/{session.pk}/withdraw/"

    assert "Nothing to withdraw" in flat(operator.get(address))
    assert operator.post(address).status_code == 409
    session.refresh_from_db()
    assert session.status == "opened"
    assert Activity.objects.filter(action="link.withdrawn").count() == 0


def test_link_is_withdrawn_once(operator: Client) -> None:
    session, _ = make_link()

    assert [operator.post(f"/sessions/{session.pk}/withdraw/").status_code for _ in range(2)] == [302, 409]
    assert SessionEvent.objects.filter(name="session.expired").count() == 1


def test_connection_pages_lead_to_a_link_that_mends_it(operator: Client, viewer: Client) -> None:
    broken = make_connection(
        status="broken", status_reason="invalid_credentials", last_error_code="invalid_credentials"
    )
    make_entity(broken, status="broken", status_reason="invalid_credentials")
    address = f'href="{NEW}?connection={broken.pk}"'

    for path in ("", "actions/", "setup/"):
        assert address in flat(operator.get(f"/connections/{broken.pk}/{path}"))
    for path in ("", "setup/"):
        assert NEW not in flat(viewer.get(f"/connections/{broken.pk}/{path}"))


def test_banner_of_what_no_end_user_can_mend_offers_no_link(operator: Client) -> None:
    broken = make_connection(status="broken", status_reason="schema_changed", last_error_code="schema_changed")
    make_entity(broken, status="broken", status_reason="schema_changed")

    assert NEW not in flat(operator.get(f"/connections/{broken.pk}/"))


def test_viewer_withdraws_nothing(viewer: Client) -> None:
    session, _ = make_link()

    assert viewer.post(f"/sessions/{session.pk}/withdraw/").status_code == 403
    session.refresh_from_db()
    assert session.status == "created"
