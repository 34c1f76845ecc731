"""`POST /api/v1/session-events`: what it takes, what it refuses and why, and that order and clocks do not matter."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from django.db import connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connectors.ids import first_id_at, new_id
from connectors.models import Activity
from sessions_log.models import IngestKey, Session, SessionEvent, SessionStatus
from sessions_log.services.ingest_keys import KeyRevokedError, make_key, revoke_key
from sessions_log.services.record import MOST_EVENTS, record
from sessions_log.services.sweep import sweep
from tests.factories import make_connection
from tests.sessions_log.tellers import Teller, in_batches, shuffled, told_now
from tests.sessions_log.telling import make_link

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response
    from pytest_django import Settings

ADDRESS = reverse("api:session-events")
WHOLE = {"accepted": 0, "duplicates": 0, "sessions_created": 0, "refused": []}


@pytest.fixture
def key(db: None) -> str:
    return make_key(name="Shop front", actor=None)[1]


def send(key: str, body: Any, **headers: str) -> Response:
    data = body if isinstance(body, str | bytes) else json.dumps(body, default=str)
    sent = {"Authorization": f"Bearer {key}", **headers} if key else headers
    return Client(enforce_csrf_checks=True).post(ADDRESS, data, content_type="application/json", headers=sent)


def batch(*events: dict[str, Any], sessions: Sequence[dict[str, Any]] = (), **values: Any) -> dict[str, Any]:
    return {"sent_at": timezone.now(), "sessions": list(sessions), "events": list(events), **values}


def session(**values: Any) -> dict[str, Any]:
    return {"id": new_id(), "provider": "postgres", **values}


def event(of: dict[str, Any], name: str = "session.opened", **values: Any) -> dict[str, Any]:
    return {"id": uuid4(), "session": of["id"], "name": name, "occurred_at": timezone.now(), **values}


def faults(answer: Response) -> list[tuple[str, str]]:
    return [(one["place"], one["reason"]) for one in answer.json()["errors"]]


def test_a_session_is_made_on_first_sight_and_its_events_are_its_story(key: str) -> None:
    owner = make_connection()
    mine = session(connection=owner.pk, end_user={"name": "Halden", "email": "it@halden.example"}, reference="C-17")
    told = [
        event(mine),
        event(mine, "page.viewed", stage="terms", page="terms"),
        event(mine, "login.failed", error_code="invalid_credentials", words="That password is wrong."),
    ]
    answer = send(key, batch(*told, sessions=[mine]))

    assert answer.json() == {**WHOLE, "accepted": 3, "sessions_created": 1}
    stored = Session.objects.get()
    assert (stored.pk, stored.origin, stored.kind) == (mine["id"], "embedded", "reconnect")
    assert (stored.connection, stored.end_user_name, stored.reference) == (owner, "Halden", "C-17")
    assert (stored.status, stored.stage, stored.error_code) == ("opened", "authentication", "invalid_credentials")
    assert set(SessionEvent.objects.values_list("source", flat=True)) == {"api"}
    again = send(key, batch(*told, told[0], event(mine, "help.opened"), sessions=[{**mine, "reference": "other"}]))
    assert again.json() == {**WHOLE, "accepted": 1, "duplicates": 4}
    assert Session.objects.get().reference == "C-17"


def test_an_answer_sets_no_cookie_and_is_kept_nowhere(key: str) -> None:
    answer = send(key, batch())

    assert answer.json() == WHOLE
    assert not answer.cookies
    assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer x", "Basic eDp5", "Bearer pb_ingest_%00", "Bearer é"])
def test_without_a_key_that_works_there_is_one_answer(key: str, given: str) -> None:
    refused = send("", "not even read", **({"Authorization": given} if given else {}))
    revoked = make_key(name="Old", actor=None)
    revoke_key(key=revoked[0], actor=None)

    assert refused.status_code == 401
    assert refused.content == send(revoked[1], batch()).content
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert Session.objects.count() == 0


def test_a_member_who_is_signed_in_needs_a_key_all_the_same(admin: Client) -> None:
    assert admin.post(ADDRESS, "{}", content_type="application/json").status_code == 401
    assert admin.get(ADDRESS).status_code == 405


@pytest.mark.parametrize(
    ("change", "place", "reason"),
    [
        ({"password": "canary"}, "events[0].password", "There is no such field. Leave it out: what people type"),
        ({"detail": {"typed": "canary"}}, "events[0].detail", "There is no such field"),
        ({"value": "canary"}, "events[0].value", "There is no such field"),
        ({"id": "canary"}, "events[0].id", "Input should be a valid UUID"),
        ({"id": None}, "events[0].id", "UUID input should be"),
        ({"name": "canary.done"}, "events[0].name", "Input should be 'link.created'"),
        ({"stage": "canary"}, "events[0].stage", "Input should be 'invited'"),
        ({"page": "Canary typed this"}, "events[0].page", "String should match pattern"),
        ({"exit_reason": "canary!"}, "events[0].exit_reason", "String should match pattern"),
        ({"occurred_at": "2026-11-19T14:30:00"}, "events[0].occurred_at", "A time needs its zone"),
        ({"occurred_at": "9999-12-31T23:59:59Z"}, "events[0].occurred_at", "A time lies between 1970 and 2200"),
        ({"occurred_at": "canary"}, "events[0].occurred_at", "Input should be a valid datetime"),
        ({"sequence": -1}, "events[0].sequence", "Input should be greater than or equal to 0"),
        ({"sequence": 2**63}, "events[0].sequence", "Input should be less than or equal to"),
        ({"words": "x" * 501}, "events[0].words", "String should have at most 500 characters"),
        ({"words": "canary\0"}, "events[0].words", "A text holds no NUL"),
    ],
)
def test_a_call_that_is_not_as_it_should_be_is_refused_whole(
    key: str, change: dict[str, Any], place: str, reason: str
) -> None:
    mine = session()
    answer = send(key, batch({**event(mine), **change}, event(mine), sessions=[mine]))

    assert answer.status_code == 422
    ((found, why),) = faults(answer)
    assert (found, why[: len(reason)]) == (place, reason)
    # No value that was sent is said back.
    assert "canary" not in answer.content.decode().lower().replace("canary.done", "")
    assert (Session.objects.count(), SessionEvent.objects.count()) == (0, 0)


def test_what_is_no_body_is_told_so(key: str, settings: Settings) -> None:
    lone = json.dumps(batch(sessions=[session(reference="half")]), default=str).replace("half", "\\ud800")
    many = batch(*[event({"id": new_id()}) for _ in range(1001)])

    assert [send(key, body).status_code for body in ("{", "", "[" * 100_000, "7", b"\xff")] == [400, 422, 400, 422, 400]
    assert faults(send(key, {})) == [("sent_at", "This field is missing.")]
    assert send(key, lone).status_code == 422
    assert faults(send(key, many))[0][0] == "events"
    too_large = send(key, " " * 1_000_001)
    assert too_large.status_code == 413
    assert faults(too_large) == [("", "A call has at most 1,000,000 bytes. Send fewer events at once.")]


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"name": "session.abandoned"}, "name", "Patchbay itself finds out session.abandoned"),
        ({"name": "link.created"}, "name", "Patchbay itself finds out link.created"),
        ({"error_code": "no_such_code"}, "error_code", "There is no such code"),
        ({"provider": "adp"}, "provider", "There is no provider of this kind"),
        ({"session": UUID(int=7)}, "session", "No session has this id"),
        ({"occurred_at": timezone.now() + timedelta(days=2)}, "occurred_at", "By the clock of sent_at this is in the"),
        (
            {"occurred_at": timezone.now() - timedelta(days=400)},
            "occurred_at",
            "By the clock of sent_at this is in the",
        ),
    ],
)
def test_an_event_that_cannot_be_is_refused_alone(key: str, change: dict[str, Any], field: str, reason: str) -> None:
    mine = session()
    wrong = {**event(mine), **change}
    answer = send(key, batch(event(mine), wrong, sessions=[mine]))

    assert answer.status_code == 200
    (refusal,) = answer.json()["refused"]
    assert (refusal["place"], refusal["id"]) == (f"events[1].{field}", str(wrong["id"]))
    assert refusal["reason"].startswith(reason)
    assert (answer.json()["accepted"], SessionEvent.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": uuid4()}, "id"),
        ({"id": UUID("00000000-0000-7000-8000-000000000000")}, "id"),
        ({"id": UUID("ffffffff-ffff-7fff-8fff-ffffffffffff")}, "id"),
        ({"provider": "adp"}, "provider"),
        ({"connection": uuid4()}, "connection"),
    ],
)
def test_a_session_that_cannot_be_is_refused_with_its_events(key: str, change: dict[str, Any], field: str) -> None:
    wrong, mine = session(**change), session()
    answer = send(key, batch(event(wrong), event(mine), sessions=[wrong, mine]))

    assert [one["place"] for one in answer.json()["refused"]] == [f"sessions[0].{field}"]
    assert (answer.json()["accepted"], answer.json()["sessions_created"]) == (1, 1)
    assert Session.objects.get().pk == mine["id"]


def test_a_deleted_connection_is_none(key: str) -> None:
    gone = make_connection(deleted_at=timezone.now())
    answer = send(key, batch(sessions=[session(connection=gone.pk)]))

    assert [one["place"] for one in answer.json()["refused"]] == ["sessions[0].connection"]


def test_nobody_tells_of_a_session_on_our_own_pages(key: str) -> None:
    ours, _ = make_link()
    mine = {"id": ours.pk}
    answer = send(key, batch(event(mine, "session.completed"), sessions=[mine]))

    assert [one["place"] for one in answer.json()["refused"]] == ["events[0].session"]
    assert Session.objects.get().status == SessionStatus.CREATED


def test_a_session_takes_so_many_events_and_the_rest_is_refused(key: str) -> None:
    full, other = session(), session()
    for _ in range(MOST_EVENTS // 1000):
        sent = send(key, batch(*[event(full, "page.viewed", stage="terms") for _ in range(1000)], sessions=[full]))
        assert sent.json()["accepted"] == 1000
    answer = send(key, batch(event(full, "help.opened"), event(other), sessions=[other])).json()

    assert answer["accepted"] == 1
    assert [one["place"] for one in answer["refused"]] == ["events[0].session"]
    assert Session.objects.get(pk=full["id"]).event_count == MOST_EVENTS


def test_a_key_calls_so_often_a_minute(key: str, settings: Settings) -> None:
    settings.PATCHBAY_INGEST_CALLS = 3
    IngestKey.objects.update(calls=3, calls_since=timezone.now() - timedelta(minutes=2))
    # A minute may end between them.
    codes = [send(key, batch()).status_code for _ in range(8)]
    refused = send(key, batch())

    assert codes.count(200) in {3, 6}
    assert codes[-1] == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    other = make_key(name="Other", actor=None)[1]
    assert send(other, batch()).status_code == 200


def test_a_key_is_stored_as_its_hash_and_who_made_and_ended_it_is_known(key: str) -> None:
    made = IngestKey.objects.get()
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT sessions_log_ingestkey::text FROM sessions_log_ingestkey")
        assert key not in cursor.fetchone()[0]
    assert (made.prefix, made.last_used_at) == (key[:12], None)

    send(key, batch())
    revoke_key(key=made, actor=None)

    assert IngestKey.objects.get().last_used_at is not None
    with pytest.raises(KeyRevokedError):
        revoke_key(key=made, actor=None)
    assert list(Activity.objects.order_by("pk").values_list("action", flat=True)) == [
        "ingest_key.created",
        "ingest_key.revoked",
    ]


def test_two_thousand_events_in_any_order_twice_and_by_a_wrong_clock_give_the_same_timeline(key: str) -> None:
    teller = Teller(random.Random(6), sessions=85, ahead=timedelta(hours=7, seconds=13))
    told = teller.events
    assert len(told) >= 2000

    def tell(batches: list[list[dict[str, Any]]]) -> int:
        duplicates = 0
        for some in batches:
            answer = send(key, teller.call(some, timezone.now())).json()
            assert answer["refused"] == []
            duplicates += answer["duplicates"]
        return duplicates

    assert tell(in_batches(told, 250)) == 0
    in_order = told_now()
    assert Session.objects.filter(status=SessionStatus.COMPLETED).count() > 5
    begin = Session.objects.order_by("pk").first()
    assert begin is not None
    assert begin.opened_at is not None
    # The clock is seven hours ahead; what is told is by ours.
    assert abs(begin.opened_at - teller.begin) < timedelta(seconds=30)

    Session.objects.all().delete()
    assert tell(shuffled(told, random.Random(7), 250)) == len(told) // 3
    assert told_now() == in_order


def test_a_silence_is_believed_when_nothing_more_is_told_and_not_when_it_was_none(key: str) -> None:
    now = timezone.now()
    mine = {"id": UUID(int=first_id_at(now - timedelta(hours=2)).int)}
    at = now - timedelta(hours=1)
    send(key, batch(event(mine, occurred_at=at), sessions=[mine]))

    # It happened an hour ago, and was told just now.
    assert sweep() == 0
    assert sweep(now=now + timedelta(minutes=16)) == 1
    assert Session.objects.get().status == SessionStatus.ABANDONED
    late = [event(mine, "page.viewed", stage="terms", occurred_at=at + timedelta(minutes=minute)) for minute in (5, 10)]
    send(key, batch(*late, event(mine, "session.exited", occurred_at=at + timedelta(minutes=12))))

    told = Session.objects.get()
    assert (told.status, told.took_ms) == (SessionStatus.EXITED, 12 * 60 * 1000)
    ((_, timeline),) = [(pk, one[0]) for pk, one in told_now()[0].items()]
    assert [name for _, name, _, _ in timeline] == ["session.opened", "page.viewed", "page.viewed", "session.exited"]
    assert SessionEvent.objects.count() == 5


@pytest.mark.django_db(transaction=True)
def test_the_same_batch_from_many_at_once_counts_once() -> None:
    key = make_key(name="Shop front", actor=None)[1]
    teller = Teller(random.Random(8), sessions=5, ahead=timedelta())
    body = teller.call(teller.events, timezone.now())
    answers: list[dict[str, Any]] = []

    def call() -> None:
        answers.append(send(key, body).json())
        connections.close_all()

    threads = [threading.Thread(target=call) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one["accepted"] for one in answers) == len(teller.events) == SessionEvent.objects.count()
    assert sum(one["duplicates"] for one in answers) == 5 * len(teller.events)
    assert sum(one.event_count for one in Session.objects.all()) == len(teller.events)
    for one in Session.objects.all():
        before = one.status, one.stage_ms, one.findings
        told = record(one)
        assert (told.status, told.stage_ms, told.findings) == before
