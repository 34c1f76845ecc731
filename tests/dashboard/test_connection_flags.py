"""The flags beside a connection's status: the same rule for the list's filter and the overview, with evidence."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from connectors.models import Connection, Status
from dashboard.pages.flags import FLAGS, RULES, flags_set
from jobs.models import JobStatus
from tests.dashboard.pages import flat
from tests.factories import make_connection, make_entity, make_job

DOWN = {"last_error_code": "provider_unavailable", "failure_streak": 1}


def _ago(hours: float) -> datetime:
    return timezone.now() - timedelta(hours=hours)


def _payroll(*names: str, **values: Any) -> Connection:
    made = make_connection(provider="sandbox_payroll", **{"last_success_at": timezone.now(), **values})
    for name in names:
        make_entity(made, name=name, last_success_at=timezone.now())
    return made


def _live(status: str, *names: str) -> Connection:
    made = _payroll("Alder", "Birch", "Cedar")
    for name in names:
        make_job(made, made.entities.get(name=name), status=status)
    return made


def _partial() -> Connection:
    made = _payroll("Alder", "Birch", "Cedar", "Dogwood", "Elm")
    for number, name in enumerate(("Birch", "Alder", "Cedar", "Dogwood")):
        broken = {"status": Status.BROKEN, "status_reason": "unreachable", "failure_streak": 3}
        made.entities.filter(name=name).update(**broken, status_since=_ago(4 - number))
    return made


def _never() -> Connection:
    made = _payroll("Alder", interval_seconds=3600, last_success_at=None)
    Connection.objects.filter(pk=made.pk).update(status_since=_ago(2.5))
    return made


def _outage() -> Connection:
    made, _other, _well = _payroll("Alder", **DOWN), _payroll("Birch", **DOWN), _payroll("Cedar")
    make_job(made, status=JobStatus.FAILED, error_code="provider_unavailable")
    return made


CASES: dict[str, tuple[str, Callable[[], Connection], str]] = {
    "syncing": ("syncing", lambda: _live("running", "Birch"), "1 of 3 entities syncs now: Birch. 0 rows read so far."),
    "queued": (
        "queued",
        lambda: _live("pending", "Alder", "Cedar"),
        "2 of 3 entities wait: Alder, Cedar. 2 syncs wait: no worker of the queue sync is alive.",
    ),
    "partial": ("partial", _partial, "4 of 5 entities are broken: Birch, Alder, Cedar and 1 more."),
    "stale": (
        "stale",
        lambda: _payroll("Alder", interval_seconds=3600, last_success_at=_ago(2.5)),
        "Nothing succeeded for longer than twice the interval (hourly, so 2 h 00 m).",
    ),
    "never": ("stale", _never, "It is active and nothing succeeded yet, for longer than twice the interval"),
    "ending": (
        "expiring_soon",
        lambda: _payroll("Alder", credentials_end_on=_ago(-24 * 3).date()),
        "The credentials end in 3 days, on",
    ),
    "ended": (
        "expiring_soon",
        lambda: _payroll("Alder", status=Status.BROKEN, credentials_end_on=_ago(24 * 2).date()),
        "The credentials ended 2 days ago, on",
    ),
    "outage": (
        "provider_outage",
        _outage,
        "Sandbox Payroll says that it is down or in maintenance: 2 of its 3 connections fail with provider_unavailable",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_flag_is_told_with_its_evidence_and_filters_the_list(viewer: Client, case: str) -> None:
    name, make, evidence = CASES[case]
    connection = make()

    response = viewer.get(connection.get_absolute_url())
    listed = flat(viewer.get(reverse("connections:list"), {"flag": name}))

    shown = flat(response).partition('aria-label="Flags"')[2].partition("</ul>")[0]
    assert [flag.name for flag in response.context["page"].flags] == [name]
    assert evidence in shown
    assert shown.count(" Since <time") == (name != "expiring_soon")
    assert str(connection.pk) in listed


@pytest.mark.parametrize("flag", FLAGS)
def test_list_and_overview_agree_on_who_has_a_flag(viewer: Client, flag: str) -> None:
    made = [make() for name, make, _ in CASES.values() if name in {flag, "partial"}]
    now = timezone.now()

    found = set(RULES[flag](Connection.objects.all(), now))

    assert {one for one in Connection.objects.all() if flag in flags_set(one, now)} == found
    assert found & set(made)


def test_well_connection_has_no_flag(viewer: Client) -> None:
    fresh = _payroll("Alder", interval_seconds=3600, last_success_at=_ago(1.9))
    by_cron = _payroll("Alder", schedule_kind="cron", cron="0 0 * * *", last_success_at=_ago(300))
    paused = _payroll("Alder", status=Status.PAUSED, status_reason="paused_by_user", last_success_at=_ago(300), **DOWN)

    for connection in (fresh, by_cron, paused):
        assert viewer.get(connection.get_absolute_url()).context["page"].flags == ()


@pytest.mark.parametrize("count", [1, 6])
def test_evidence_takes_the_same_queries_whatever_it_names(
    viewer: Client, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    connection = _payroll(*(f"Company {number}" for number in range(7)))
    broken = connection.entities.filter(name__in=[f"Company {number}" for number in range(count)])
    broken.update(status=Status.BROKEN, status_reason="unreachable", failure_streak=3)

    # Those of an overview without a flag, its banner (two) and the flag's evidence.
    with django_assert_num_queries(18 + 2 + 1):
        viewer.get(connection.get_absolute_url())
