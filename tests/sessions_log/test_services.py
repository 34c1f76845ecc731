"""Links, records and sweeps against the real database."""

from __future__ import annotations

import hashlib
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.utils import timezone

from sessions_log.events import EventName
from sessions_log.models import Session, SessionEvent, SessionStatus
from sessions_log.services import links, record, sweep
from sessions_log.services.record import NewEvent
from tests.factories import make_ready_connection
from tests.sessions_log.telling import make_link

if TYPE_CHECKING:
    from pytest_django import Settings


def names(session: Session) -> list[str]:
    return list(session.events.order_by("occurred_at").values_list("name", flat=True))


@pytest.mark.django_db
def test_a_link_is_stored_as_its_hash_only() -> None:
    session, secret = make_link(end_user_name="Halden Foods", provider="sandbox_payroll")
    stored = Session.objects.get()
    assert (stored.kind, stored.status, stored.provider) == ("first", "created", "sandbox_payroll")
    assert bytes(stored.link_hash or b"") == hashlib.sha256(secret.encode()).digest()
    assert names(session) == ["link.created"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT sessions_log_session::text FROM sessions_log_session")
        assert secret not in cursor.fetchone()[0]


@pytest.mark.django_db
def test_a_link_for_a_connection_mends_that_one() -> None:
    owner = make_ready_connection()
    session, _ = make_link(connection=owner)
    assert (session.kind, session.connection, session.provider, session.is_provider_fixed) == (
        "reconnect",
        owner,
        "postgres",
        True,
    )


@pytest.mark.django_db
def test_looking_changes_nothing_and_the_exchange_works_once() -> None:
    _, secret = make_link()
    assert links.find(secret) == links.find(secret) == Session.objects.get(status="created")
    assert links.find(secret[:-1] + "x") is None
    visit = links.redeem(secret, detail={"browser": "Firefox"})
    assert (visit.session.status, visit.session.stage) == ("opened", "opened")
    assert names(visit.session) == ["link.created", "link.clicked", "session.opened"]
    assert links.visited(visit.session.pk, visit.secret) == visit.session
    assert links.visited(visit.session.pk, secret) is None
    assert visit.secret not in repr(visit)
    with pytest.raises(links.LinkUsedError):
        links.redeem(secret)
    assert SessionEvent.objects.count() == 3


@pytest.mark.django_db
def test_a_link_past_its_time_and_one_that_never_was() -> None:
    _, secret = make_link(hours=-1)
    with pytest.raises(links.LinkExpiredError):
        links.redeem(secret)
    with pytest.raises(Session.DoesNotExist):
        links.redeem("nothing")


@pytest.mark.django_db(transaction=True)
def test_fifty_presses_at_once_make_one_visit() -> None:
    session, secret = make_link()
    start = threading.Barrier(50)
    results: list[str | None] = []

    def press() -> None:
        start.wait()
        try:
            results.append(links.redeem(secret).secret)
        except links.LinkUsedError:
            results.append(None)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=press) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [one for one in results if one]
    assert (len(results), len(won)) == (50, 1)
    assert names(session) == ["link.created", "link.clicked", "session.opened"]
    assert links.visited(session.pk, won[0]) is not None


@pytest.mark.django_db
def test_an_event_told_twice_counts_once_and_none_can_be_changed() -> None:
    session, _ = make_link()
    viewed = NewEvent(EventName.PAGE_VIEWED, stage="terms", id=session.pk)
    record.record(session, viewed)
    assert record.record(session, viewed, viewed).event_count == 2
    with pytest.raises(DatabaseError, match="insert-only"), transaction.atomic():
        SessionEvent.objects.update(words="other")


@pytest.mark.django_db
def test_a_session_takes_so_many_events_and_no_more() -> None:
    session, _ = make_link()
    views = [NewEvent(EventName.PAGE_VIEWED, stage="terms") for _ in range(record.MOST_EVENTS)]
    with pytest.raises(record.TooManyEventsError):
        record.record(session, *views)
    assert session.events.count() == 1
    assert record.record(session, *views[1:]).event_count == record.MOST_EVENTS


@pytest.mark.django_db
def test_silence_is_found_once_and_a_return_is_told() -> None:
    _, secret = make_link()
    visit = links.redeem(secret)
    Session.objects.update(sealed=b"secret")
    now = timezone.now()
    assert sweep.sweep(now=now + timedelta(minutes=14)) == 0
    assert bytes(Session.objects.get().sealed) == b"secret"
    assert sweep.sweep(now=now + timedelta(minutes=16)) == 1
    assert sweep.sweep(now=now + timedelta(minutes=17)) == 0
    found = Session.objects.get()
    assert (found.status, bytes(found.sealed)) == (SessionStatus.ABANDONED, b"")
    back = record.record(visit.session, NewEvent(EventName.PAGE_VIEWED, stage="terms"), now=now + timedelta(hours=1))
    assert back.status == SessionStatus.OPENED
    assert names(back)[-3:] == ["session.abandoned", "session.resumed", "page.viewed"]


@pytest.mark.django_db
def test_a_link_that_nobody_used_expires() -> None:
    make_link(hours=-1)
    make_link(hours=1)
    assert sweep.sweep() == 1
    assert sorted(Session.objects.values_list("status", flat=True)) == ["created", "expired"]


@pytest.mark.django_db
def test_old_sessions_go_with_their_events(settings: Settings) -> None:
    make_link()
    settings.PATCHBAY_SESSION_DAYS = 1
    assert sweep.drop_old() == 0
    assert sweep.drop_old(now=timezone.now() + timedelta(days=2)) == 1
    assert (Session.objects.count(), SessionEvent.objects.count()) == (0, 0)
