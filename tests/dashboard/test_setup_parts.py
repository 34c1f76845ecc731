"""The other parts of the setup page: which tables are copied, when it runs, what people tell each other."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connectors.models import Activity, Connection, Status, Table, Tag
from connectors.services import connect, facts
from tests.conftest import member
from tests.dashboard.pages import flat
from tests.dashboard.setup_page import ABOUT, copied, fresh, make_harbour_shop, post, seen, tables, told, url
from tests.factories import make_entity, make_job, make_ready_connection

HTMX = {"HX-Request": "true"}


@pytest.fixture
def connection(db: None) -> Connection:
    """A connection that is set up, with three tables."""
    del db
    return make_harbour_shop()


ALL = ("orders", "notes", "events")


# --- which tables are copied


def test_tables_are_shown_as_discovery_told_them(viewer: Client, connection: Connection) -> None:
    page = flat(viewer.get(url(connection)))

    assert "Merge by id, cursor at" in page
    assert "Full replace" in page
    assert "3 of 3" in page


def test_choice_of_tables_counts_and_leaves_what_was_loaded(operator: Client, connection: Connection) -> None:
    shown, chosen = tables(connection, *ALL), tables(connection, "orders", "events")

    response = post(operator, connection, "tables", shown=shown, chosen=chosen)

    assert copied(connection) == {"orders", "events"}
    assert "notes from the next run on: not copied. What was loaded stays at the destination." in told(response)
    act = Activity.objects.get()
    assert (act.action, act.changes) == (
        "connection.tables_chosen",
        [{"field": "notes", "before": "copied", "after": "not copied"}],
    )


def test_without_any_table_it_is_incomplete_and_with_one_it_runs_again(
    operator: Client, connection: Connection
) -> None:
    shown = tables(connection, *ALL)

    response = post(operator, connection, "tables", shown=shown, every="off")
    found = fresh(connection)
    assert (found.status, found.status_reason, found.next_run_at) == (Status.INCOMPLETE, "no_tables_selected", None)
    assert "the connection is incomplete" in told(response)
    assert f'id="open-setup" href="{url(connection)}"' in flat(operator.get(found.get_absolute_url()))

    post(operator, connection, "tables", shown=shown, every="on")
    assert fresh(connection).status == Status.ACTIVE
    assert copied(connection) == set(ALL)


def test_tables_that_the_page_did_not_show_stay_as_they_are(operator: Client, connection: Connection) -> None:
    page = flat(operator.get(url(connection), {"text": "ord"}))
    assert 'for="t-' in page
    assert ">notes<" not in page

    post(operator, connection, "tables", shown=tables(connection, "orders"))

    assert copied(connection) == {"notes", "events"}


def test_choice_that_is_older_than_another_shows_both(operator: Client, admin: Client, connection: Connection) -> None:
    version, shown = seen(operator, connection, "tables"), tables(connection, *ALL)
    post(admin, connection, "tables", shown=shown, chosen=tables(connection, "orders"))

    response = post(operator, connection, "tables", version=version, shown=shown, chosen=tables(connection, "notes"))

    page = flat(response)
    assert response.status_code == 409
    assert "admin changed this" in page
    assert '<th scope="row">orders</th><td class="mono">Copied</td><td class="mono">Not copied</td>' in page
    assert '<th scope="row">events</th>' not in page
    assert copied(connection) == {"orders"}
    boxes = {name: tables(connection, name)[0] for name in ALL}
    checked = {name for name, pk in boxes.items() if f'name="chosen" value="{pk}" checked' in page}
    assert checked == {"notes"}


def test_product_switches_its_tables(operator: Client, db: None) -> None:
    connection = make_ready_connection(name="Payroll", provider="sandbox_payroll")
    make_entity(connection)
    connection.tables.all().delete()
    for name, product in (("employees", "workforce"), ("pay_runs", "payroll"), ("pay_statements", "payroll")):
        Table.objects.create(connection=connection, name=name, product=product)
    version = seen(operator, connection, "tables")
    assert "Switch off" in flat(operator.get(url(connection)))

    post(operator, connection, "product", version=version, product="payroll", switch="off")
    assert copied(connection) == {"employees"}

    wrong = post(operator, connection, "product", version=version, product="pensions", switch="on")
    assert (wrong.status_code, "The provider has no such product." in flat(wrong)) == (422, True)
    assert copied(connection) == {"employees"}


# --- when it runs


def test_schedule_is_shown_before_it_is_stored(operator: Client, connection: Connection) -> None:
    choice = {"schedule": "cron", "cron": "30 2 * * *", "time_zone": "Europe/Berlin"}

    preview = operator.post(url(connection), {"part": "schedule", "action": "preview", **choice}, headers=HTMX)
    assert "At 02:30" in flat(preview)
    assert "<html" not in flat(preview)
    whole = operator.post(url(connection), {"part": "schedule", "action": "preview", **choice})
    assert "Schedule not saved yet" in flat(whole)
    assert fresh(connection).cron == ""

    saved = post(operator, connection, "schedule", action="save", **choice)
    assert "The schedule is stored." in told(saved)
    assert (fresh(connection).schedule_kind, fresh(connection).cron) == ("cron", "30 2 * * *")
    wrong = post(operator, connection, "schedule", action="save", **{**choice, "cron": "99 * * * *"})
    assert wrong.status_code == 422
    assert fresh(connection).cron == "30 2 * * *"


def test_schedule_that_is_older_than_a_change_shows_both(
    operator: Client, admin: Client, connection: Connection
) -> None:
    version = seen(operator, connection, "schedule")
    post(admin, connection, "schedule", action="save", schedule="300")

    response = post(operator, connection, "schedule", version=version, action="save", schedule="86400")

    page = flat(response)
    assert response.status_code == 409
    assert '<th scope="row">Schedule</th><td class="mono">Every 5 min</td><td class="mono">Daily</td>' in page
    assert fresh(connection).interval_seconds == 300


# --- what people tell each other


def test_end_of_the_credentials_is_noted_and_new_ones_take_it_away(operator: Client, connection: Connection) -> None:
    last = timezone.now().date() + timedelta(days=9)

    assert post(operator, connection, "about", **{**ABOUT, "credentials_end_on": "31.31.2027"}).status_code == 422
    assert post(operator, connection, "about", **{**ABOUT, "credentials_end_on": f"{last}"}).status_code == 302

    assert fresh(connection).credentials_end_on == last
    act = Activity.objects.get()
    assert act.action == "connection.end_noted"
    assert act.changes == [{"field": "credentials end", "before": "", "after": f"{last}"}]
    assert "The credentials end in 9 days" in flat(operator.get(connection.get_absolute_url()))
    assert f"Credentials end {last:%-d %b}" in flat(operator.get(reverse("connections:list")))
    connect.set_credentials(connection=fresh(connection), credentials={"password": "another one"})
    assert fresh(connection).credentials_end_on is None


def test_notes_are_stored_and_shown_where_they_help(operator: Client, connection: Connection) -> None:
    about = {
        **ABOUT,
        "name": "Harbour Webshop",
        "owner": str(member("admin").pk),
        "runbook_url": "https://wiki.example/shop?page=1&x=2",
        "tags": "Finance,  weekly report , finance",
        "description": "Orders of the shop.\nAsk Ada first.",
    }

    response = post(operator, connection, "about", **about)

    assert response.status_code == 302, flat(response)
    found = fresh(connection)
    assert (found.name, found.owner, found.dataset) == ("Harbour Webshop", member("admin"), connection.dataset)
    assert [tag.name for tag in found.tags.all()] == ["Finance", "weekly report"]
    act = Activity.objects.get()
    assert act.action == "connection.about_changed"
    assert {"field": "tags", "before": "", "after": "Finance, weekly report"} in act.changes
    connection.entities.update(last_error_code="invalid_credentials", failure_streak=3)
    facts.refresh(found)
    page = flat(operator.get(found.get_absolute_url()))
    banner = page.partition('class="banner banner--plain is-bad"')[2].partition("</section>")[0]
    link = 'href="https://wiki.example/shop?page=1&amp;x=2" target="_blank" rel="noopener noreferrer"'
    assert link in banner
    assert "Owner <" in banner
    assert "admin" in banner
    assert f'href="{url(connection)}"' in banner
    job = make_job(found, connection.entities.get(), status="failed", error_code="invalid_credentials")
    facts_of_job = flat(operator.get(job.get_absolute_url()))
    assert "<dt>Owner</dt><dd>admin</dd>" in facts_of_job
    assert 'href="https://wiki.example/shop?page=1&amp;x=2" rel="noopener noreferrer">Open</a>' in facts_of_job
    cards = page.partition('id="c-connection"')[2]
    assert link in cards
    assert "weekly report" in cards
    assert "Ask Ada first." in cards


def test_one_note_is_one_kind_of_act(operator: Client, connection: Connection) -> None:
    post(operator, connection, "about", **{**ABOUT, "tags": "finance"})
    assert told(post(operator, connection, "about", **{**ABOUT, "tags": "Finance"})).startswith("Nothing was changed")

    assert [act.action for act in Activity.objects.all()] == ["connection.tagged"]
    assert Tag.objects.count() == 1


def test_notes_that_are_older_than_a_change_show_both(operator: Client, admin: Client, connection: Connection) -> None:
    version = seen(operator, connection, "about")
    post(admin, connection, "about", **{**ABOUT, "description": "Theirs"})

    response = post(operator, connection, "about", version=version, **{**ABOUT, "description": "Mine"})

    page = flat(response)
    assert response.status_code == 409
    assert '<td class="mono">Theirs</td><td class="mono">Mine</td>' in page
    assert ">Mine</textarea>" in page.replace("\n", "").replace("> Mine", ">Mine")
    assert fresh(connection).description == "Theirs"
