"""Duplicate and delete, what a deleted connection's addresses answer, and every action in every state."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from connectors.models import Activity, Connection
from jobs.models import Job, JobStatus, Lease
from jobs.services.deleting import delete_connection
from jobs.services.pausing import pause_connection
from tests.conftest import member
from tests.dashboard.pages import flat
from tests.factories import make_connection, make_entity, make_job, make_ready_connection

SHOP = "Harbour Shop"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def connection(db: None) -> Connection:
    """A connection that is set up, with a run behind it."""
    del db
    connection = make_ready_connection(name=SHOP)
    entity = make_entity(connection, next_run_at=timezone.now() + timedelta(hours=1), last_rows=12_000)
    make_job(connection, entity)
    return connection


def url(connection: Connection, action: str) -> str:
    return f"/connections/{connection.pk}/{action}"


def told(response: Any) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def test_duplicate_leads_to_the_copy(operator: Client, connection: Connection) -> None:
    response = operator.post(url(connection, "duplicate/"))

    copy = Connection.objects.get(name=f"{SHOP} (copy)")
    assert response["Location"] == copy.get_absolute_url()
    assert "Its credentials are not copied" in told(response)
    assert "Incomplete" in flat(operator.get(copy.get_absolute_url()))


def test_delete_says_what_happens_wants_the_name_and_does_it(admin: Client, connection: Connection) -> None:
    make_job(connection, connection.entities.get(), status=JobStatus.RUNNING)
    question = flat(admin.get(url(connection, "delete/")))
    assert "The schedule stops at once, 1 job in progress is asked to stop" in question
    assert "2 jobs stay readable for 60 days" in question
    assert "12,000 rows of the last runs stay in" in question
    wrong = admin.post(url(connection, "delete/"), {"name": "Harbour"})
    assert (wrong.status_code, Connection.objects.count()) == (422, 1)

    response = admin.post(url(connection, "delete/"), {"name": SHOP})

    assert (response.status_code, response["Location"]) == (302, "/")
    gone = Connection.everything.get()
    assert (gone.deleted_by, gone.config) == (member("admin"), {})
    assert Lease.objects.get().cancel_requested_at is not None
    assert SHOP not in flat(admin.get("/")).replace(told(response), "")


def test_pages_of_a_deleted_connection_say_who_and_when(admin: Client, viewer: Client, connection: Connection) -> None:
    job, entity = Job.objects.get(), connection.entities.get()
    delete_connection(connection=connection, actor=member("admin"))

    for page in ("", "jobs/", f"entities/{entity.pk}/"):
        response = viewer.get(url(connection, page))
        assert response.status_code == 410
        assert f"<h1>{SHOP} was deleted</h1>" in flat(response)
        assert "By admin, <time" in flat(response)
        assert job.get_absolute_url() in flat(response)
        # A page that was opened before asks for its news, or for a dialog.
        assert viewer.get(url(connection, page), headers=HTMX)["HX-Redirect"] == connection.get_absolute_url()
    assert admin.get(url(connection, "delete/")).status_code == 410
    shown = flat(admin.get(job.get_absolute_url()))
    assert SHOP in shown
    assert "Sync again" not in shown


STATES = ("fresh", "paused", "running", "incomplete", "deleted")
# The answers in each of these states: 302 leads on, 409 refuses.
ANSWERS = {
    "sync": (302, 409, 409, 409, 409),
    "test": (302, 302, 302, 409, 409),
    "discover": (302, 302, 302, 409, 409),
    "pause": (302, 409, 302, 302, 409),
    "resume": (409, 302, 409, 409, 409),
    "resync": (302, 409, 302, 409, 409),
    "purge": (409, 302, 409, 409, 409),
    "duplicate": (302, 302, 302, 302, 409),
    "delete": (302, 302, 302, 302, 409),
}
ANSWER = {"reason": "Moving house", "name": SHOP}
REASONS = ("already", "is not paused", "is paused", "cannot", "was deleted", "Pause Harbour Shop first")
# A second press of these finds nothing in its way.
REPEATABLE = {"duplicate"}


def in_state(state: str) -> Connection:
    maker = make_connection if state == "incomplete" else make_ready_connection
    incomplete = {"status": "incomplete", "status_reason": "missing_credentials"} if state == "incomplete" else {}
    connection = maker(name=SHOP, **incomplete)
    entity = make_entity(connection)
    if state == "running":
        make_job(connection, entity, status=JobStatus.RUNNING)
    if state == "paused":
        pause_connection(connection=connection, reason="Holiday", actor=None)
    if state == "deleted":
        delete_connection(connection=connection, actor=member("admin"))
    return connection


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("action", ANSWERS)
def test_action_in_each_state_pressed_twice(admin: Client, action: str, state: str) -> None:
    connection = in_state(state)
    address = url(connection, f"{action}/")

    first = admin.post(address, ANSWER)
    before = everything()
    second = admin.post(address, ANSWER)

    assert first.status_code == ANSWERS[action][STATES.index(state)]
    assert second.status_code == (302 if action in REPEATABLE and state != "deleted" else 409)
    if action not in REPEATABLE:
        assert everything() == before
    for response in (first, second):
        if response.status_code == 409:
            page = flat(response)
            assert any(reason in page for reason in REASONS)
            # A test shows the one that is on its way; all others lead on from a page of their own.
            assert action == "test" or "<h1>Nothing was changed</h1>" in page
            assert 'class="btn btn--primary"' in page or action == "test"


def everything() -> list[Any]:
    """All that an action could have changed."""
    jobs = list(Job.objects.order_by("pk").values_list("pk", "status"))
    acts = list(Activity.objects.order_by("pk").values_list("action"))
    return [jobs, acts, list(Lease.objects.values_list()), list(Connection.everything.order_by("pk").values_list())]


def test_operator_may_not_delete(operator: Client, connection: Connection) -> None:
    assert operator.post(url(connection, "delete/"), ANSWER).status_code == 403


def test_refusal_to_htmx_is_a_message_that_leaves_the_page_standing(operator: Client, connection: Connection) -> None:
    delete_connection(connection=connection, actor=member("admin"))

    response = operator.post(url(connection, "sync/"), {"rows": connection.pk.hex}, headers=HTMX)

    assert (response.status_code, response["HX-Reswap"]) == (409, "none")
    assert "was deleted" in flat(response)
    assert 'hx-swap-oob="innerHTML:#messages"' in flat(response)


def test_acts_are_recorded(admin: Client, connection: Connection) -> None:
    for action in ("resync", "pause", "resume", "pause", "delete"):
        admin.post(url(connection, f"{action}/"), ANSWER)

    found = list(Activity.objects.order_by("pk").values_list("action", "actor_name", "note"))
    assert found == [
        ("connection.resync_started", "admin", ""),
        ("connection.paused", "admin", "Moving house"),
        ("connection.resumed", "admin", ""),
        ("connection.paused", "admin", "Moving house"),
        ("connection.deleted", "admin", ""),
    ]
