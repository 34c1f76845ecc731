"""The later steps of a new connection: its test, its tables, the review that starts it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connectors.models import Activity, Connection, Destination, SetupStep, Status
from connectors.services import review
from connectors.services.setting_up import choose_tables
from connectors.setup_steps import STEPS
from jobs.models import Job, JobType, Trigger
from tests.dashboard.drafts import at, brought_to, make_draft, told
from tests.dashboard.pages import flat
from tests.factories import make_destination, make_entity

if TYPE_CHECKING:
    from django.test import Client


HTMX = {"HX-Request": "true"}


@pytest.fixture
def warehouse(db: None) -> Destination:
    return make_destination(name="Warehouse", config={"database": "warehouse"})


@pytest.fixture
def draft(warehouse: Destination) -> Connection:
    """A connection that was configured, and waits for its test."""
    return make_draft(warehouse)


# ---- Test and tables
def test_pressed_twice_one_test_runs(operator: Client, draft: Connection) -> None:
    operator.post(at(draft, "test"))

    response = operator.post(at(draft, "test"))

    assert (response["Location"], Job.objects.count()) == (at(draft, "test"), 1)
    assert "on its way already" in told(response)
    page = flat(operator.get(at(draft, "test")))
    assert 'hx-trigger="every 2s"' in page
    assert "Test again" not in page


def test_tables_are_looked_up_by_a_job(operator: Client, draft: Connection) -> None:
    review.record_accepted(connection=draft)

    response = operator.post(at(draft, "tables"), {"action": "discover"})

    job = Job.objects.get()
    assert (response["Location"], job.type, job.trigger) == (at(draft, "tables"), JobType.DISCOVER, Trigger.USER)
    assert "<html" not in operator.get(at(draft, "tables"), headers=HTMX).content.decode()


@pytest.fixture
def offered(draft: Connection) -> Connection:
    """A draft whose source has told its tables."""
    return brought_to(draft, SetupStep.TABLES)


def ids(connection: Connection, *names: str) -> list[str]:
    return [str(connection.tables.get(name=name).pk) for name in names]


def ticked(connection: Connection, page: str) -> set[str]:
    """The tables whose tick, shown or hidden by a search, is in the page."""
    names = {str(table.pk): table.name for table in connection.tables.all()}
    shown = {name for pk, name in names.items() if f'value="{pk}" checked' in page}
    return shown | {name for pk, name in names.items() if f'type="hidden" name="tables" value="{pk}"' in page}


def test_chosen_tables_are_stored_and_told(operator: Client, offered: Connection) -> None:
    response = operator.post(at(offered, "tables"), {"action": "next", "tables": ids(offered, "ships")})

    offered.refresh_from_db()
    assert response["Location"] == at(offered, "schedule")
    assert list(offered.tables.filter(is_selected=True).values_list("name", flat=True)) == ["ships"]
    assert (offered.status, offered.status_reason, offered.next_run_at) == (Status.INCOMPLETE, "setup_unfinished", None)
    changes = Activity.objects.get(action="connection.tables_chosen").changes
    assert changes == [{"field": "tables", "before": ["berths", "shipments", "ships"], "after": ["ships"]}]


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_search_stores_nothing_and_keeps_what_it_hides(
    operator: Client, offered: Connection, headers: dict[str, str]
) -> None:
    sent = {"action": "search", "q": "SHIP", "tables": ids(offered, "berths", "ships")}

    response = operator.post(at(offered, "tables"), sent, headers=headers)

    page = flat(response)
    assert ticked(offered, page) == {"berths", "ships"}
    assert 'type="hidden" name="tables"' in page
    assert ("<html" in page) is not bool(headers)
    assert "2 match “SHIP”" in page
    assert offered.tables.filter(is_selected=True).count() == 3


@pytest.mark.parametrize(
    ("action", "left"), [("none", {"berths"}), ("all", {"berths", "ships", "shipments"}), ("none:payroll", {"berths"})]
)
def test_all_and_none_are_about_what_is_shown(
    operator: Client, offered: Connection, action: str, left: set[str]
) -> None:
    sent = {"action": action, "q": "ship", "tables": ids(offered, "berths")}

    assert ticked(offered, flat(operator.post(at(offered, "tables"), sent))) == left


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"tables": []}, "Choose at least one table: without one there is nothing to copy."),
        ({"tables": ["01a20000-0000-7000-8000-000000000000"]}, "is not offered any more. Load this page again."),
        ({"tables": ["berths"]}, "is not offered any more. Load this page again."),
        ({"tables": ["\x00"]}, "is not offered any more. Load this page again."),
        ({"q": "x" * 101}, "at most 100 characters"),
    ],
)
def test_unusable_choice_is_told_and_stores_nothing(
    operator: Client, offered: Connection, sent: dict[str, Any], said: str
) -> None:
    response = operator.post(at(offered, "tables"), {"action": "next", **sent})

    assert (response.status_code, said in flat(response)) == (422, True)
    assert offered.tables.filter(is_selected=True).count() == 3


# ---- Review
@pytest.fixture
def ready(draft: Connection) -> Connection:
    """A draft of which only the confirmation is missing."""
    return brought_to(draft, SetupStep.REVIEW)


def test_review_shows_everything_and_no_secret(operator: Client, ready: Connection) -> None:
    page = flat(operator.get(at(ready, "review")))

    for words in ("Harbour", "db.harbour.example", "Warehouse", "schema harbour", "berths, ships", "Every 6 h"):
        assert words in page
    assert [step for step in STEPS[:-1] if f'href="{at(ready, step)}"' not in page] == []
    assert "blue boat" not in page


def test_start_makes_it_active_and_syncs_once_however_often_it_is_pressed(operator: Client, ready: Connection) -> None:
    response = operator.post(at(ready, "review"), {"action": "start"})
    again = operator.post(at(ready, "review"), {"action": "start"})

    ready.refresh_from_db()
    assert response["Location"] == again["Location"] == ready.get_absolute_url()
    assert "its first sync is queued" in told(response)
    assert (ready.status, ready.setup_step, ready.next_run_at is None) == (Status.ACTIVE, "", False)
    assert Job.objects.get().type == JobType.DATA_SYNC
    assert Activity.objects.filter(action="connection.set_up").count() == 1


@pytest.mark.parametrize("action", ["start", "create"])
def test_what_another_tab_changed_is_not_started_unseen(operator: Client, ready: Connection, action: str) -> None:
    seen = operator.get(at(ready, "review")).context["page"].seen
    choose_tables(connection=ready, chosen={ready.tables.get(name="berths").pk}, actor=None)

    response = operator.post(at(ready, "review"), {"action": action, "seen": seen})

    ready.refresh_from_db()
    assert (response["Location"], ready.setup_step) == (at(ready, "review"), SetupStep.REVIEW)
    assert "was changed after this page was opened, so nothing was started" in told(response)
    assert not Job.objects.exists()
    again = operator.get(at(ready, "review")).context["page"].seen
    assert operator.post(at(ready, "review"), {"action": action, "seen": again})["Location"] == ready.get_absolute_url()


def test_review_tells_the_first_run_that_the_schedule_step_showed(operator: Client, ready: Connection) -> None:
    for _ in range(3):
        make_entity(ready)
    first = operator.get(at(ready, "schedule")).context["editor"].preview.runs[0]

    shown = next(fact for fact in operator.get(at(ready, "review")).context["page"].facts if fact.label == "Schedule")

    assert first.here or first.there
    assert (first.here or first.there).split()[0] in shown.detail


def test_create_without_a_first_sync_only_plans(operator: Client, ready: Connection) -> None:
    operator.post(at(ready, "review"), {"action": "create"})

    ready.refresh_from_db()
    assert (ready.status, ready.next_run_at is None, Job.objects.count()) == (Status.ACTIVE, False, 0)


def test_viewer_is_refused_at_every_step(viewer: Client, ready: Connection) -> None:
    found = {viewer.get(at(ready, step)).status_code for step in STEPS}
    found |= {viewer.post(at(ready, step), {"action": "start"}).status_code for step in STEPS}

    ready.refresh_from_db()
    assert (found, ready.setup_step) == ({403}, SetupStep.REVIEW)
