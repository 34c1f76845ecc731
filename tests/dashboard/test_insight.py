"""The Insight page: what it shows of many and of no jobs, of whom, and at what cost; hints where they matter."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from connectors.models import Connection
from jobs.models import JobStatus
from tests.dashboard.pages import flat
from tests.factories import make_connection, make_entity
from tests.past import Run, every, make_past

HTMX = {"HX-Request": "true"}
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FAILED = JobStatus.FAILED
# Session, user, groups, connection; leases, totals; three of the trend, the entities by name and those of the table;
# four of the facts, who never had a good run; why it does not run, and the line of Patchbay's own health.
QUERIES_WITH_ENTITIES = 17


def _address(connection: Connection) -> str:
    return reverse("connections:insight", args=[connection.pk])


def _often(connection: Connection, *, minutes: int = 10, seconds: float = 70.0) -> None:
    """A connection that runs every minute and takes longer."""
    Connection.objects.filter(pk=connection.pk).update(interval_seconds=60)
    since = timezone.now() - timedelta(minutes=minutes + 2)
    make_past(connection, [Run(since + timedelta(minutes=n), seconds) for n in range(minutes)])


@pytest.mark.parametrize("count", [1, 40])
def test_insight_takes_the_same_queries_whatever_it_shows(
    viewer: Client, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    connection, now = make_connection(provider="sandbox_payroll"), timezone.now()
    for _ in range(2 + count // 10):
        runs = [Run(now - n * HOUR, status=FAILED if n % 3 else JobStatus.SUCCESS) for n in range(1, count + 1)]
        make_past(connection, runs, make_entity(connection))

    with django_assert_num_queries(QUERIES_WITH_ENTITIES):
        page = flat(viewer.get(_address(connection)))

    assert "By entity" in page


def test_insight_shows_charts_with_sentences_and_the_figures_as_text(viewer: Client) -> None:
    connection, now = make_connection(), timezone.now()
    make_past(connection, [Run(now - HOUR, 4.0), Run(now - HOUR, 6.0), Run(now - 2 * DAY, 20.0, FAILED)])

    page = flat(viewer.get(_address(connection)))

    assert '<a href="/connections/' in page
    assert 'aria-current="page">Insight</a>' in page
    assert 'aria-label="Duration of good runs. The median is 5 s at the begin and at the end; the longest' in page
    assert 'aria-label="Rows written. 200 in all' in page
    assert 'aria-label="Runs by outcome. 2 went well, 1 failed, 0 were cancelled."' in page
    assert "All figures as a table" in page
    assert "1 of 1 runs failed" in page
    assert "style=" not in page


def test_insight_of_failures_says_what_to_do_and_leads_to_the_last_one(viewer: Client) -> None:
    connection, now = make_connection(), timezone.now()
    old, new = make_past(connection, [Run(now - 2 * HOUR, status=FAILED), Run(now - HOUR, status=FAILED)])

    page = flat(viewer.get(_address(connection)))

    assert '<span class="tag tag--line mono">provider_unavailable</span>' in page
    assert "Who acts: the provider. Trying again can help." in page
    assert new.get_absolute_url() in page
    assert old.get_absolute_url() not in page
    assert '<td class="mono">extract</td><td class="num">2</td>' in page


def test_insight_takes_period_and_entity_from_the_address_and_ignores_what_is_none(viewer: Client) -> None:
    connection, now = make_connection(provider="sandbox_payroll"), timezone.now()
    mine, other = make_entity(connection, name="Halden"), make_entity(connection, name="Ostrava")
    make_past(connection, [Run(now - 20 * DAY)], mine)
    make_past(connection, [Run(now - HOUR)], other)
    address = _address(connection)

    week = flat(viewer.get(address))
    month = flat(viewer.get(address, {"period": "28d"}))
    alone = flat(viewer.get(address, {"period": "28d", "entity": str(mine.pk)}))
    alone_week = flat(viewer.get(address, {"period": "7d", "entity": str(mine.pk)}))
    wrong = flat(viewer.get(address, {"period": "1y", "entity": "nobody"}))

    assert "Success <b>1</b>" in week
    assert "Success <b>2</b>" in month
    assert "Success <b>1</b>" in alone
    assert f'<option value="{mine.pk}" selected>Halden</option>' in alone
    assert f"entity={mine.pk}&amp;period=24h" in alone
    assert "By entity" not in alone
    assert "No sync ended in this time" in alone_week
    assert "“period” in this address" in wrong
    assert "“entity” in this address" in wrong


def test_insight_without_a_job_says_so(viewer: Client) -> None:
    page = flat(viewer.get(_address(make_connection())))

    assert "No sync ended in this time" in page
    assert "no pattern is strong enough" in page


@pytest.mark.usefixtures("same_minute")
def test_insight_poll_renews_head_and_hints_and_reads_no_trend(
    viewer: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    connection = make_connection()
    _often(connection)

    viewer.get(_address(connection))

    # Session, user, groups, connection; leases, totals. What the jobs say is kept.
    with django_assert_num_queries(6):
        first = viewer.get(_address(connection), headers=HTMX)
    known = viewer.get(_address(connection), headers={**HTMX, "If-None-Match": first.headers["ETag"]})

    assert flat(first).lstrip().startswith('<div id="live" class="part">')
    assert '<div id="head" class="stack" hx-swap-oob="true">' in flat(first)
    assert "<svg viewBox" not in flat(first)
    assert known.status_code == 304
    assert "every 5 minutes fits" in flat(first)

    Connection.objects.filter(pk=connection.pk).update(interval_seconds=300)
    changed = viewer.get(_address(connection), headers={**HTMX, "If-None-Match": first.headers["ETag"]})
    assert "no pattern is strong enough" in flat(changed)


def test_a_hint_leads_an_operator_to_the_schedule_that_it_proposes(viewer: Client, operator: Client) -> None:
    connection = make_connection()
    _often(connection)
    setup = reverse("connections:setup", args=[connection.pk])

    page = flat(operator.get(_address(connection)))
    proposed = flat(operator.get(setup, {"schedule": "300"}))
    unknown = flat(operator.get(setup, {"schedule": "7"}))

    assert "Runs take 1 m 10 s on a schedule of every 1 minute: every 5 minutes fits" in page
    assert f'href="{setup}?schedule=300#schedule">Set every 5 minutes</a>' in page
    assert "Set every 5 minutes" not in flat(viewer.get(_address(connection)))
    assert "Schedule not saved yet" in proposed
    assert "in force: Every minute" in proposed
    assert "Schedule not saved yet" not in unknown


def test_a_hint_goes_with_the_facts_that_a_person_changes(viewer: Client) -> None:
    connection = make_connection()
    _often(connection)
    assert "Runs take" in flat(viewer.get(connection.get_absolute_url()))

    Connection.objects.filter(pk=connection.pk).update(interval_seconds=300)

    assert "Runs take" not in flat(viewer.get(connection.get_absolute_url()))


def test_overview_and_drawer_show_the_strongest_hints(viewer: Client) -> None:
    connection = make_connection(provider="sandbox_payroll")
    entity, other = make_entity(connection, name="Halden"), make_entity(connection, failure_streak=3, name="Ostrava")
    Connection.objects.filter(pk=connection.pk).update(interval_seconds=60)
    since = timezone.now() - HOUR
    make_past(
        connection, [Run(at, 70.0) for at in every(timedelta(minutes=2), since=since, until=since + HOUR)], entity
    )

    overview = flat(viewer.get(connection.get_absolute_url()))
    poll = flat(viewer.get(connection.get_absolute_url(), headers=HTMX))
    drawer = flat(viewer.get(entity.get_absolute_url()))
    empty = flat(viewer.get(other.get_absolute_url()))

    assert overview.index("1 of 2 entities never had a good run") < overview.index("every 5 minutes fits")
    assert '<div id="hints" class="part" hx-swap-oob="true"><section' in poll
    assert "every 5 minutes fits" in drawer
    assert f"?entity={entity.pk}" in drawer
    assert "What stands out" not in empty


def test_credentials_set_before_the_failures_are_told_with_who_and_when(viewer: Client) -> None:
    now = timezone.now()
    good, set_at, bad = now - 3 * HOUR, now - 2 * HOUR, now - HOUR
    connection = _refused_since(good, set_at, bad)

    page = flat(viewer.get(_address(connection)))
    Connection.objects.filter(pk=connection.pk).update(credentials_set_at=good - HOUR)
    before = flat(viewer.get(_address(connection)))

    assert "The credentials were set 59 min before the failures began" in page
    assert "failed with invalid_credentials" in page
    assert "The credentials were set" not in before


def _refused_since(good: datetime, set_at: datetime, bad: datetime) -> Connection:
    facts = {"failure_streak": 1, "last_success_at": good, "credentials_set_at": set_at}
    connection = make_connection(**facts)
    refused = {"error_code": "invalid_credentials", "error_step": "check_access"}
    make_past(connection, [Run(good), Run(bad - timedelta(seconds=5), status=FAILED, values=refused)])
    return connection
