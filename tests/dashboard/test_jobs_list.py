"""The list of all jobs: what its rows say, filters, pages by key, nonsense, and the way there from the 24 hours."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from connectors.ids import first_id_at
from connectors.models import Connection
from dashboard import formatting
from jobs.models import Job, JobStatus, JobType
from tests.dashboard.pages import flat
from tests.factories import make_connection, make_entity, make_job

LIST_QUERIES = 12
HTMX = {"HX-Request": "true"}
NEWEST = "The place named in this address is no job. These are the newest."


BAR = re.compile(r'<a id="bar-\d+" href="/jobs/(\?[^"]+)" aria-label="([^"]+)"')


def page(client: Client, query: str = "") -> str:
    response = client.get(f"/jobs/{query}")
    assert response.status_code == 200
    return flat(response)


def listed(text: str) -> list[str]:
    return re.findall(r'id="of-([0-9a-f-]{36})"', text)


def ids(*jobs: Job) -> list[str]:
    return [str(job.pk) for job in jobs]


def link(text: str, name: str) -> str:
    found = re.search(rf'id="jobs-{name}"[^>]*href="/jobs/([^"]*)"', text)
    assert found is not None
    return unescape(found[1])


def made_at(connection: Connection, moment: datetime, **values: Any) -> Job:
    job = make_job(connection, pk=first_id_at(moment), **values)
    Job.objects.filter(pk=job.pk).update(created_at=moment)
    return job


def test_row_says_whose_job_it_is_and_how_it_ended(viewer: Client) -> None:
    connection = make_connection(name="Halden <Foods>")
    make_job(connection, make_entity(connection, name="Bakeries"), status=JobStatus.FAILED)
    make_job(connection, type=JobType.PURGE)

    text = page(viewer)

    assert text.count("Halden &lt;Foods&gt;</a>") == 2
    assert '<span class="sub block">Bakeries</span>' in text
    assert '<span class="mono muted">unreachable</span>' in text
    assert "Purge</td>" in text
    assert "2 jobs, " in text


def test_jobs_of_a_deleted_connection_stay_and_lead_nowhere(viewer: Client) -> None:
    connection = make_connection(name="Gone", deleted_at=timezone.now())
    make_job(connection)

    text = page(viewer)

    assert 'Gone <span class="sub block">Deleted</span>' in text
    assert connection.get_absolute_url() not in text


def test_filters_by_status_and_connection(viewer: Client) -> None:
    north, south = make_connection(name="North"), make_connection(name="South")
    good, bad = make_job(north), make_job(north, status=JobStatus.FAILED)
    other = make_job(south)

    assert listed(page(viewer)) == ids(other, bad, good)
    assert listed(page(viewer, "?status=failed")) == ids(bad)
    for meant in ("north", "NORT", str(north.pk)):
        text = page(viewer, f"?connection={meant}&status=success")
        assert listed(text) == ids(good)
        assert "<span>Connection: North</span>" in text
        assert '<a href="/jobs/?status=success" aria-label="Connection: North. Remove this filter"' in text
    assert "No job matches" in page(viewer, "?status=cancelled")


def test_bar_of_the_strip_leads_to_the_jobs_made_in_its_half_hour(viewer: Client) -> None:
    connection = make_connection()
    moment = timezone.now() - timedelta(hours=5)
    half = moment.replace(minute=moment.minute // 30 * 30, second=0, microsecond=0)
    made_at(connection, half - timedelta(milliseconds=1))
    first = made_at(connection, half, status=JobStatus.FAILED)
    last = made_at(connection, half + timedelta(minutes=29, seconds=59, milliseconds=999))
    made_at(connection, half + timedelta(minutes=30), status=JobStatus.CANCELLED)

    strip = flat(viewer.get("/"))
    bars = re.findall(r'<a href="/jobs/(\?since=[^"]+)" tabindex="-1"><title>([^<]+)', strip)

    assert [title[16:] for _, title in bars] == ["1 success, 0 failed", "1 success, 1 failed"]
    text = page(viewer, unescape(bars[1][0]))
    assert listed(text) == ids(last, first)
    assert f"Made: {half:%-d %b, %H:%M} to {half + timedelta(minutes=30):%H:%M}</button>" in text
    failed = re.search(r'href="/jobs/([^"]+)">Failed <b>1</b>', strip)
    assert failed is not None
    assert listed(page(viewer, unescape(failed[1]))) == ids(first)


def test_every_hour_of_the_day_is_a_link_with_its_counts(viewer: Client) -> None:
    connection = make_connection()
    hour = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
    inside = made_at(connection, hour + timedelta(minutes=59), status=JobStatus.FAILED)
    made_at(connection, hour + timedelta(minutes=60))

    text = page(viewer)
    bars = dict(BAR.findall(text))

    assert len(bars) == 24
    (address,) = [address for address, words in bars.items() if words.endswith(": 1 failed")]
    assert f"{hour:%H:%M} to {hour + timedelta(hours=1):%H:%M}: 1 failed" in bars[address]
    assert sum(words.endswith(": no jobs") for words in bars.values()) == 22
    assert "Failures peaked with 1: " in text
    chosen = page(viewer, unescape(address))
    assert listed(chosen) == ids(inside)
    # The bars stay, the chosen one is marked and leads back, and totals are those of the hour.
    assert len(BAR.findall(chosen)) == 23
    assert re.search(r'href="/jobs/" aria-label="[^"]*: 1 failed" aria-current="true"', chosen)
    assert re.findall(r'id="total-\w+" href="[^"]*">(\w[\w ]*) <b>([^<]+)</b>', chosen) == [
        ("Success", "0"), ("Failed", "1"), ("Cancelled", "0"), ("In progress", "0"), ("Pending", "0"),
    ]  # fmt: skip


@pytest.mark.parametrize(("period", "bars", "title"), [("7d", 7, "Jobs by day"), ("24h", 24, "Jobs by hour")])
def test_period_has_its_bars_and_one_address(viewer: Client, period: str, bars: int, title: str) -> None:
    job = make_job(make_connection())
    made_at(job.connection, timezone.now() - timedelta(days=8))

    text = page(viewer, f"?period={period}")

    assert listed(text) == ids(job)
    assert len(BAR.findall(text)) == bars
    assert title in text


def test_bar_stops_counting_and_says_so(viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.pages.job_counts.MOST_OF_FEW", 2)
    monkeypatch.setattr("dashboard.pages.job_counts.MOST_LOOKED_AT", 2)
    connection = make_connection()
    for _ in range(3):
        make_job(connection)
    make_job(connection, status=JobStatus.FAILED)

    whole, looked_at = page(viewer), page(viewer, f"?connection={connection.pk}")

    assert ": more than 2 success, 1 failed" in whole
    assert "A bar is counted up to 2 jobs" in whole
    # The newest of the hour are looked at, whatever their status.
    assert ": at least 2 success, at least 1 failed" in looked_at


def test_days_are_set_apart_and_a_time_can_be_jumped_to(viewer: Client) -> None:
    connection = make_connection()
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    old, older, today = (
        made_at(connection, midnight - timedelta(hours=30)),
        made_at(connection, midnight - timedelta(hours=31)),
        made_at(connection, midnight),
    )

    text = page(viewer)
    jumped = page(viewer, f"?status=success&at={midnight - timedelta(hours=30):%Y-%m-%dT%H:%M}")

    days = re.findall(r'scope="rowgroup">([^<]+)<', text)
    assert [day.split(",")[0] for day in days] == ["Today", formatting.weekday_and_day(midnight - timedelta(hours=30))]
    assert listed(text) == ids(today, old, older)
    assert listed(jumped) == ids(older)
    assert '<div id="live">' in jumped
    assert listed(page(viewer, link(jumped, "newer"))) == ids(today, old, older)
    before_all = page(viewer, "?at=2020-01-01T00:00")
    assert "No job is older than this" in before_all
    assert 'href="/jobs/">Show the newest</a>' in before_all


def test_pages_by_key_go_there_and_back(viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.pages.job_list.JOBS_PER_PAGE", 2)
    connection = make_connection()
    jobs = [make_job(connection) for _ in range(5)][::-1]
    make_job(connection, status=JobStatus.FAILED)

    newest = page(viewer, "?status=success")
    assert listed(newest) == ids(*jobs[:2])
    middle = page(viewer, link(newest, "older"))
    assert listed(middle) == ids(*jobs[2:4])
    oldest = page(viewer, link(middle, "older"))
    assert listed(oldest) == ids(jobs[4])
    assert 'id="jobs-older"' not in oldest
    back = page(viewer, link(oldest, "newer"))
    assert listed(back) == ids(*jobs[2:4])
    # The newest page is whole, though only one job is newer than its second.
    assert listed(page(viewer, f"?status=success&newer_than={jobs[1].pk}")) == ids(*jobs[:2])


@pytest.mark.usefixtures("same_minute")
def test_only_the_newest_page_renews_itself(viewer: Client) -> None:
    connection = make_connection()
    job = make_job(connection)
    assert 'hx-get="/jobs/" hx-trigger="every 4s"' in page(viewer)

    make_job(connection, make_entity(connection), status=JobStatus.RUNNING)

    fragment = viewer.get("/jobs/", headers=HTMX)
    assert 'hx-trigger="every 3s"' in flat(fragment)
    assert b"<html" not in fragment.content
    again = viewer.get("/jobs/?status=success", headers=HTMX)
    known = {**HTMX, "If-None-Match": again.headers["ETag"]}
    assert viewer.get("/jobs/?status=success", headers=known).status_code == 304
    assert "hx-trigger" not in flat(viewer.get(f"/jobs/?older_than={job.pk}", headers=HTMX))


UNKNOWN_TIME = "“{}” is no time with its zone, such as 2026-11-19T14:30Z, so that filter was left out."
UNKNOWN_PLACE = "“{}” is no day and time, such as 2026-11-19T14:30. These are the newest."
FEW = {
    "type": "There is no type of job",
    "trigger": "Nothing starts jobs by the name",
    "code": "There is no error code",
    "provider": "There is no provider",
    "period": "The list knows no period",
}
TIMES = ("yesterday", "2026-11-19T14:30", "1969-12-31T23:00Z", "9999-12-31T23:59Z", "2026-13-01T00:00Z", "0", "\0")
BAD = [
    *(
        (f"{name}={quote(time)}", UNKNOWN_TIME.format(time.replace("\0", "\ufffd")))
        for time in TIMES
        for name in ("since", "until")
    ),
    ("status=done", "No job has the status “done”, so that filter was left out."),
    *((f"{name}=x", f"{words} “x”, so that filter was left out.") for name, words in FEW.items()),
    ("type=%00", "There is no type of job “\ufffd”, so that filter was left out."),
    ("entity=nobody", "No entity has the ID “nobody”, so that filter was left out."),
    (f"entity={'0' * 32}", f"No entity has the ID “{'0' * 32}”, so that filter was left out."),
    ("entity=%00", "No entity has the ID “\ufffd”, so that filter was left out."),
    (
        "connection=shop+1&entity=nobody",
        "No entity of shop 1 has the name or ID “nobody”, so that filter was left out.",
    ),
    ("at=soon", UNKNOWN_PLACE.format("soon")),
    ("at=9999-12-31T23:59", UNKNOWN_PLACE.format("9999-12-31T23:59")),
    ("at=%00", UNKNOWN_PLACE.format("\ufffd")),
    ("status=%00", "No job has the status “\ufffd”, so that filter was left out."),
    ("connection=nowhere", "No connection is named “nowhere”, so that filter was left out."),
    (f"connection={'0' * 32}", f"No connection is named “{'0' * 32}”, so that filter was left out."),
    ("connection=%00", "No connection is named “\ufffd”, so that filter was left out."),
    (f"connection={'x' * 201}", f"No connection is named “{'x' * 40}…”, so that filter was left out."),
    (
        "connection=shop",
        "“shop” fits several connections, such as “shop 1”, “shop 2”, “shop 3”. Write one name whole.",
    ),
    ("older_than=1", NEWEST),
    ("newer_than=%27--", NEWEST),
]  # fmt: skip


@pytest.mark.parametrize(("query", "sentence"), BAD, ids=[query[:40] for query, _ in BAD])
def test_nonsense_is_left_out_and_said(viewer: Client, query: str, sentence: str) -> None:
    connections = [make_connection(name=f"shop {number}") for number in range(1, 5)]
    make_job(connections[0])

    text = page(viewer, f"?{query}")

    assert len(listed(text)) == 1
    assert [unescape(note) for note in re.findall(r'role="note">.*?</svg>(.*?)</p>', text)] == [sentence]


def test_time_with_a_plus_that_was_typed_is_read(viewer: Client) -> None:
    make_job(make_connection())

    text = page(viewer, "?since=2020-01-01T00:00+01:00")

    assert len(listed(text)) == 1
    assert "Made: since 31 Dec, 23:00" in text


@pytest.mark.parametrize("count", [1, 3])
def test_queries_do_not_grow_with_jobs(
    viewer: Client, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    for _ in range(count):
        connection = make_connection()
        failing = {"last_error_code": "unreachable", "failure_streak": 1}
        make_job(connection, make_entity(connection, **failing), status=JobStatus.RUNNING)

    # Session, user, groups; the jobs, their end; the bars, a time limit for them and a savepoint and its release; what
    # fails and of how many; health.
    with django_assert_num_queries(LIST_QUERIES):
        page(viewer)
