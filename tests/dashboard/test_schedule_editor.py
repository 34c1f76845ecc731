"""The schedule editor: what each choice leads to, and what a wrong one is told. Seen in the wizard, which uses it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from connectors.models import Activity, Connection, SetupStep
from connectors.services.facts import refresh
from dashboard.forms.schedule import ScheduleForm
from dashboard.pages.schedule import editor_of
from tests.connectors.test_cron import WRONG_EXPRESSIONS, WRONG_ZONES
from tests.dashboard.pages import flat
from tests.factories import make_entity, make_ready_connection

if TYPE_CHECKING:
    from django.test import Client

HTMX = {"HX-Request": "true"}
CRON = {"schedule": "cron", "cron": "30 2 * * *", "time_zone": "Europe/Berlin"}


@pytest.fixture
def connection(db: None) -> Connection:
    """A connection whose setup waits for its schedule."""
    connection = make_ready_connection(setup_step=SetupStep.SCHEDULE)
    make_entity(connection)
    refresh(connection)
    return connection


def at(connection: Connection) -> str:
    return f"/connections/{connection.pk}/new/schedule/"


WRONG = [
    *(({**CRON, "cron": text}, said) for text, said in WRONG_EXPRESSIONS),
    *(({**CRON, "time_zone": text}, said) for text, said in WRONG_ZONES),
    ({"schedule": ""}, "Choose when it runs."),
    ({"schedule": "1"}, "There is no such choice."),
    ({"schedule": "every second"}, "There is no such choice."),
    ({"schedule": "\x00"}, "There is no such choice."),
    ({"schedule": "9" * 5_000}, "There is no such choice."),
]


@pytest.mark.parametrize(("answer", "said"), WRONG)
def test_wrong_schedule_is_told_and_kept_and_not_stored(
    operator: Client, connection: Connection, answer: dict[str, str], said: str
) -> None:
    response = operator.post(at(connection), {**answer, "action": "next"})

    connection.refresh_from_db()
    assert (response.status_code, said in flat(response)) == (422, True)
    assert (connection.schedule_kind, connection.cron, connection.setup_step) == ("interval", "", SetupStep.SCHEDULE)
    assert not Activity.objects.exists()


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_preview_shows_what_is_typed_and_stores_nothing(
    operator: Client, connection: Connection, headers: dict[str, str]
) -> None:
    response = operator.post(at(connection), {**CRON, "action": "preview"}, headers=headers)

    page = flat(response)
    assert response.status_code == 200
    assert ("<html" in page) is not bool(headers)
    assert "At 02:30" in page
    assert page.count("02:30 CE") == 5
    assert "Clocks change in Berlin on Sun" in page
    connection.refresh_from_db()
    assert (connection.schedule_kind, Activity.objects.count()) == ("interval", 0)


def test_preview_of_what_cannot_be_read_says_so_beside_the_field(operator: Client, connection: Connection) -> None:
    answer = {**CRON, "cron": "60 * * * *", "action": "preview"}

    page = flat(operator.post(at(connection), answer, headers=HTMX))

    said = page.partition('id="cron-said"')[2].partition('id="zone-said"')[0]
    assert "The minute “60” cannot be read. Minutes go from 0 to 59." in said
    assert "<table" not in page


@pytest.mark.parametrize("chosen", ["60", "300", "900", "3600", "21600", "86400", "manual"])
def test_choice_is_stored_and_leads_to_the_review(operator: Client, connection: Connection, chosen: str) -> None:
    # What belongs to another choice does not matter.
    response = operator.post(
        at(connection), {"schedule": chosen, "cron": "nonsense", "time_zone": "", "action": "next"}
    )

    connection.refresh_from_db()
    assert response["Location"] == f"/connections/{connection.pk}/new/review/"
    kind = "manual" if chosen == "manual" else "interval"
    assert (connection.schedule_kind, connection.setup_step) == (kind, SetupStep.REVIEW)
    assert (connection.interval_seconds, connection.next_run_at) == (21_600 if kind == "manual" else int(chosen), None)


def test_every_choice_has_its_line(operator: Client, connection: Connection) -> None:
    page = flat(operator.get(at(connection)))

    lines = ["look at live", "queues and orders", "dashboards", "finance", "The default", "overnight", "quiet hour"]
    assert [line for line in lines if line not in page] == []
    assert 'value="21600" checked' in page


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"schedule": "3600"}, "12 schemas are spread inside the interval, one about every 5 m 00 s."),
        (CRON, "12 schemas start at the same time; workers take them one after the other."),
        ({"schedule": "manual"}, ""),
    ],
)
def test_spread_of_several_entities_is_told(connection: Connection, answer: dict[str, str], said: str) -> None:
    for _ in range(11):
        make_entity(connection)
    now = timezone.now()

    preview = editor_of(
        connection, ScheduleForm(answer, connection=connection), now, timezone.get_current_timezone()
    ).preview

    assert preview is not None
    assert preview.spread.startswith(said)
    assert bool(preview.spread) is bool(said)
    assert preview.has_names is (answer["schedule"] == "3600")


def test_interval_preview_is_what_the_anchor_gives(connection: Connection) -> None:
    now = connection.anchor_at + timedelta(minutes=90)
    form = ScheduleForm({"schedule": "3600"}, connection=connection)

    preview = editor_of(connection, form, now, timezone.get_current_timezone()).preview

    assert preview is not None
    assert [run.ahead for run in preview.runs] == ["30 m 00 s", "1 h 30 m", "2 h 30 m", "3 h 30 m", "4 h 30 m"]
