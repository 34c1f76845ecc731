"""The overview of one connection: what it says of each status, who may act on it, and how it renews itself."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from connectors.models import Connection, Pause, Status, Table
from jobs.models import JobStatus, Lease
from tests.conftest import member
from tests.dashboard.pages import flat
from tests.factories import make_connection, make_entity, make_job, make_lease

HTMX = {"HX-Request": "true"}
# Session, user, groups, connection; leases, totals, tables, tags, flags; then a page of entities and their number;
# what jobs say in four, and who never had a good run; why it does not run, and the line of Patchbay's own health.
QUERIES_WITH_ENTITIES = 18


def _payroll(count: int = 3, **values: object) -> Connection:
    """A connection with several companies."""
    connection = make_connection(provider="sandbox_payroll", name="Payroll", **values)
    for number in range(count):
        make_entity(connection, name=f"Company {number}", last_success_at=timezone.now(), last_rows=1200 + number)
    return connection


def test_overview_is_a_whole_page_with_the_shell(viewer: Client) -> None:
    connection = make_connection(name="Shop")

    page = flat(viewer.get(connection.get_absolute_url()))

    assert "<title>Shop · Patchbay</title>" in page
    assert 'id="main"' in page
    assert 'hx-trigger="every 4s"' in page


def test_overview_fragment_renews_the_regions_and_nothing_else(viewer: Client) -> None:
    connection = _payroll()

    fragment = flat(viewer.get(connection.get_absolute_url(), headers=HTMX))

    assert "<html" not in fragment
    assert fragment.lstrip().startswith('<div id="live"')
    assert '<div id="head" class="stack" hx-swap-oob="true">' in fragment
    assert '<div id="rows" hx-swap-oob="true">' in fragment
    assert 'name="text"' not in fragment


def test_overview_restored_from_history_is_the_whole_page(viewer: Client) -> None:
    connection = make_connection()

    page = viewer.get(connection.get_absolute_url(), headers={**HTMX, "HX-History-Restore-Request": "true"})

    assert "<html" in flat(page)


@pytest.mark.usefixtures("same_minute")
def test_overview_unchanged_is_an_empty_304(viewer: Client) -> None:
    connection = make_connection()
    first = viewer.get(connection.get_absolute_url(), headers=HTMX)

    known = {**HTMX, "If-None-Match": first.headers["ETag"]}
    again = viewer.get(connection.get_absolute_url(), headers=known)
    make_job(connection, make_entity(connection), status=JobStatus.RUNNING)
    changed = viewer.get(connection.get_absolute_url(), headers=known)

    assert (again.status_code, again.content) == (304, b"")
    assert changed.status_code == 200
    assert "Syncing now" in flat(changed)


@pytest.mark.parametrize("count", [2, 5])
def test_overview_takes_the_same_queries_whatever_it_shows(
    viewer: Client, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    connection = _payroll(count)

    with django_assert_num_queries(QUERIES_WITH_ENTITIES):
        viewer.get(connection.get_absolute_url())


def test_overview_lists_the_entities_with_what_needs_attention_first(viewer: Client) -> None:
    connection = _payroll(2)
    broken = make_entity(
        connection, name="Zulu", status=Status.BROKEN, status_reason="invalid_credentials", failure_streak=3
    )

    page = flat(viewer.get(connection.get_absolute_url()))

    assert page.index("Zulu</td>") < page.index("Company 0</td>")
    assert str(broken.pk) in page
    assert "2 active, 1 broken" in page
    assert "1 of 3 entities broken" in page
    assert '<div class="wire is-warn wire--ok">' in page
    assert '<section class="banner banner--plain is-warn"' in page
    assert "Sandbox Payroll refused the sign-in, for Zulu" in page
    assert "The other 2 entities still sync." in page


def test_overview_filters_the_entities_by_name_reference_and_id(viewer: Client) -> None:
    connection = _payroll(3)
    wanted = make_entity(connection, name="Halden", ref="acct-77")
    address = connection.get_absolute_url()

    for text in ("hald", "acct-77", str(wanted.pk)[:20]):
        page = flat(viewer.get(address, {"text": text}))
        assert "Halden</td>" in page
        assert "Company 0</td>" not in page
    assert "No entity matches" in flat(viewer.get(address, {"text": "nobody"}))


def test_overview_turns_pages_by_key_and_ignores_what_is_no_place(viewer: Client) -> None:
    connection = _payroll(0)
    for number in range(61):
        make_entity(connection, name=f"Company {number:02}")

    first = flat(viewer.get(connection.get_absolute_url()))
    last = flat(viewer.get(connection.get_absolute_url(), {"after": "3~Company 59~" + str(uuid4())}))
    wrong = flat(viewer.get(connection.get_absolute_url(), {"after": "nowhere"}))

    assert "1 to 60 of 61" in first
    assert "Company 60</td>" in last
    assert "Company 01</td>" not in last
    assert "“after” in this address" in wrong
    assert "1 to 60 of 61" in wrong


def test_overview_of_one_entity_shows_its_tables_instead(viewer: Client) -> None:
    connection = make_connection()
    entity = make_entity(connection)
    make_job(connection, entity, tables=[{"name": "orders", "loaded": 51230}])
    make_job(connection, entity, status=JobStatus.FAILED)

    page = flat(viewer.get(connection.get_absolute_url()))

    assert "Entity ID" not in page
    assert "public.orders" in page
    assert "Full replace" in page
    assert "51,230" in page


def test_overview_of_a_broken_connection_says_why_since_when_and_what_to_do(viewer: Client) -> None:
    now = timezone.now()
    values = {"status": Status.BROKEN, "status_reason": "invalid_credentials", "failure_streak": 2}
    connection = make_connection(**values, last_error_code="invalid_credentials", status_since=now)
    entity = make_entity(connection, **values)
    Connection.objects.filter(pk=connection.pk).update(created_at=now - timedelta(days=1))
    first = make_job(connection, entity, status=JobStatus.FAILED, error_code="invalid_credentials")
    make_job(connection, entity, status=JobStatus.FAILED, error_code="invalid_credentials")

    page = flat(viewer.get(connection.get_absolute_url()))

    assert "PostgreSQL refused the sign-in" in page
    assert "2 failed runs in a row" in page
    assert '<span class="mono">invalid_credentials</span>' in page
    assert "Renew the credentials." in page
    assert f'href="/jobs/{first.pk}/"' in page
    assert "No run is planned" in page


def test_overview_of_a_paused_connection_names_who_why_and_until_when(operator: Client) -> None:
    connection = make_connection(status=Status.PAUSED, status_reason="paused_by_user")
    until = timezone.now() + timedelta(days=2, minutes=5)
    Pause.objects.create(connection=connection, reason="The source moves", created_by=member("admin"), until=until)

    page = flat(operator.get(connection.get_absolute_url()))

    assert "Paused by admin" in page
    assert "The source moves." in page
    assert "The pause ends on <time" in page
    assert 'disabled title="Paused: nothing syncs until it is resumed"' in page


def test_overview_of_an_incomplete_connection_says_what_is_missing(viewer: Client) -> None:
    connection = make_connection(
        status=Status.INCOMPLETE, status_reason="missing_credentials", destination=None, dataset=""
    )

    page = flat(viewer.get(connection.get_absolute_url()))

    assert "Setup is not finished" in page
    assert "No credentials are stored" in page
    assert "No destination yet" in page
    assert "Not scheduled" in page


def test_overview_after_one_failure_says_that_the_next_run_comes_by_itself(viewer: Client) -> None:
    connection = make_connection(failure_streak=1, last_error_code="unreachable")
    make_entity(connection, failure_streak=1, last_error_code="unreachable")

    page = flat(viewer.get(connection.get_absolute_url()))

    assert "The last run failed: PostgreSQL cannot be reached" in page
    assert "Patchbay tries again by itself." in page


@pytest.mark.parametrize(("minutes", "said"), [(30, ">in 29 min</time>"), (-2, "due now")])
def test_next_run_of_what_failed_is_never_in_the_past(viewer: Client, minutes: int, said: str) -> None:
    planned = timezone.now() + timedelta(minutes=minutes)
    connection = make_connection(failure_streak=1, last_error_code="unreachable", next_run_at=planned)
    make_entity(connection, failure_streak=1, last_error_code="unreachable", next_run_at=planned)

    banner = flat(viewer.get(connection.get_absolute_url())).partition('aria-labelledby="why"')[2]

    assert said in banner.partition("</section>")[0]


def test_overview_shows_what_syncs_now_and_asks_more_often(viewer: Client) -> None:
    connection = _payroll(3)
    entity = connection.entities.get(name="Company 1")
    job = make_job(connection, entity, status=JobStatus.RUNNING)
    job.lease.delete()
    make_lease(job, progress={"tables": {"employees": [12000, 0], "pay_runs": [400, 0]}})

    page = flat(viewer.get(connection.get_absolute_url()))

    assert "Syncing now, 12,400 rows" in page
    assert "1 of 3 entities syncing" in page
    assert 'hx-trigger="every 2s"' in page


def test_overview_offers_the_sync_only_to_those_who_may(viewer: Client, operator: Client) -> None:
    connection = make_connection()

    seen, worked = (flat(client.get(connection.get_absolute_url())) for client in (viewer, operator))

    assert "Sync now" not in seen
    assert "Sync now" in worked


def test_overview_shows_settings_and_never_a_secret(admin: Client) -> None:
    connection = make_connection(
        config={"host": "db.example.com", "port": 5432, "database": "shop", "password": "hunter2"}
    )

    page = flat(admin.get(connection.get_absolute_url()))

    assert "db.example.com" in page
    assert "hunter2" not in page


def test_overview_of_an_unknown_connection_is_a_404(viewer: Client) -> None:
    assert viewer.get(f"/connections/{uuid4()}/").status_code == 404


def test_overview_needs_a_member(client: Client, db: None) -> None:
    connection = make_connection()

    response = client.get(connection.get_absolute_url())

    assert response.status_code == 302
    assert response.headers["Location"].startswith("/accounts/login/")


def test_overview_is_only_read(admin: Client) -> None:
    assert admin.post(make_connection().get_absolute_url()).status_code == 405


def test_overview_says_why_it_does_not_run(viewer: Client) -> None:
    connection = make_connection(next_run_at=timezone.now() - timedelta(minutes=2))
    entity = make_entity(connection, next_run_at=connection.next_run_at)

    assert "but no worker of the queue system is alive to make its job." in flat(
        viewer.get(connection.get_absolute_url())
    )
    make_job(connection, entity, status=JobStatus.PENDING)
    for address in (connection.get_absolute_url(), f"{connection.get_absolute_url()}jobs/"):
        shown = flat(viewer.get(address))
        assert "waits to sync: no worker of the queue sync is alive." in shown
        assert 'id="head-look" href="/system/">Open System</a>' in shown


def test_wait_for_the_next_attempt_is_told_and_a_press_brings_it_forward(operator: Client) -> None:
    connection = make_connection()
    entities = [make_entity(connection, name=name) for name in ("Oak", "Elm")]
    for entity in entities:
        job = make_job(connection, entity, status=JobStatus.PENDING, max_attempts=5, error_code="unreachable")
        Lease.objects.filter(pk=job.pk).update(attempt=1, available_at=timezone.now() + timedelta(minutes=3))

    shown = flat(operator.get(connection.get_absolute_url()))

    assert shown.count("Attempt 2 of 5, next at ") == 2
    assert "2 syncs wait: attempt 2 of 5 after “Not reachable”, next at " in shown
    # The flag, whose evidence says what it waits for; nothing else.
    assert shown.count("Queued") == 1
    operator.post(f"/connections/{connection.pk}/sync/")
    assert Lease.objects.filter(available_at__lte=timezone.now()).count() == 2


def test_overview_lists_the_next_five_runs_in_the_schedules_zone(viewer: Client) -> None:
    planned = timezone.now().replace(second=0, microsecond=0) + timedelta(minutes=5)
    connection = make_connection(schedule_kind="cron", cron="*/5 * * * *", time_zone="Asia/Tokyo", next_run_at=planned)
    make_entity(connection, next_run_at=planned)

    shown = flat(viewer.get(connection.get_absolute_url())).partition('id="next-runs"')[2].partition("</ol>")[0]

    assert shown.count("<li") == 5
    assert shown.count("JST (UTC+9)") == 5
    assert "Every 5 minutes (Asia/Tokyo)" in flat(viewer.get(connection.get_absolute_url()))


def test_only_a_merged_table_reads_by_its_cursor(viewer: Client) -> None:
    connection = make_connection()
    Table.objects.filter(connection=connection).update(cursor="changed_at", mode="replace")
    replaced = viewer.get(connection.get_absolute_url()).content.decode()
    Table.objects.filter(connection=connection).update(mode="merge")
    merged = viewer.get(connection.get_absolute_url()).content.decode()

    assert ("changed_at" in replaced, "changed_at" in merged) == (False, True)
