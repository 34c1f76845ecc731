"""What the database says about past jobs: pieces of a period by the wall clock, windows, tables, hours, scopes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from connectors.models import Connection
from jobs.insight import Cell, Cluster, Period, Scope, TableRows, history_facts, read_trend
from jobs.models import JobStatus, JobType
from tests.factories import make_connection, make_entity
from tests.past import Run, every, make_past

NOW = datetime(2026, 11, 19, 13, 32, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FAILED = JobStatus.FAILED

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection() -> Connection:
    return make_connection()


def _scope(connection: Connection) -> Scope:
    return Scope(connection.pk)


def test_a_period_begins_and_ends_at_its_pieces_by_the_wall_clock() -> None:
    day = Period(NOW, BERLIN, 24, HOUR)
    weeks = Period(NOW, BERLIN, 28, DAY)

    assert day.starts[-1] == datetime(2026, 11, 19, 14)  # noqa: DTZ001 - a wall clock's time
    assert day.since == datetime(2026, 11, 18, 15, tzinfo=BERLIN)
    assert weeks.starts[0] == datetime(2026, 10, 23)  # noqa: DTZ001 - likewise
    assert weeks.since == datetime(2026, 10, 22, 22, tzinfo=UTC)


def test_trend_puts_each_sync_into_its_piece_and_all_into_the_total(connection: Connection) -> None:
    runs = [
        Run(NOW - timedelta(minutes=5), 4.0, values={"rows_loaded": 10, "bytes": 200}),
        Run(NOW - timedelta(minutes=6), 6.0, values={"rows_loaded": 20, "bytes": 300}),
        Run(NOW - HOUR, 90.0, FAILED),
        Run(NOW - 2 * HOUR, 1.0, JobStatus.CANCELLED),
        # Neither a re-sync's duration nor anything of a test counts; what is older is left out.
        Run(NOW - timedelta(minutes=7), 900.0, values={"type": JobType.HISTORICAL_RESYNC, "rows_loaded": 1}),
        Run(NOW - timedelta(minutes=8), 9.0, values={"type": JobType.TEST_CONNECTION}),
        Run(NOW - DAY, 5.0),
    ]
    make_past(connection, runs)
    make_past(make_connection(), [Run(NOW - HOUR)])

    trend = read_trend(_scope(connection), Period(NOW, UTC, 24, HOUR), by_entity=False)

    assert len(trend.points) == 24
    last, before, first = trend.points[-1], trend.points[-2], trend.points[-3]
    assert (last.success, last.rows, last.bytes, last.median) == (3, 231 - 200, 500 + 5000, 5.0)
    assert (before.failed, before.median, first.cancelled) == (1, None, 1)
    assert (trend.total.success, trend.total.failed, trend.total.cancelled, trend.total.median) == (3, 1, 1, 5.0)
    assert [(one.hour, one.code, one.step, one.count) for one in trend.outcomes if one.code] == [
        (12, "provider_unavailable", "extract", 1)
    ]
    assert trend.entities == ()


def test_trend_counts_hours_and_days_by_the_clock_of_the_reader(connection: Connection) -> None:
    make_past(connection, [Run(datetime(2026, 11, 18, 23, 30, tzinfo=UTC), status=FAILED)])

    trend = read_trend(_scope(connection), Period(NOW, BERLIN, 7, DAY), by_entity=False)

    assert [point.failed for point in trend.points] == [0, 0, 0, 0, 0, 0, 1]
    assert [one.hour for one in trend.outcomes] == [0]


def test_trend_has_the_worst_entities_first_and_one_entity_alone(connection: Connection) -> None:
    good, slow, bad = (make_entity(connection) for _ in range(3))
    make_past(connection, [Run(NOW - HOUR, 5.0)], good)
    make_past(connection, [Run(NOW - HOUR, 50.0)], slow)
    make_past(connection, [Run(NOW - HOUR, status=FAILED), Run(NOW - 2 * HOUR)], bad)
    period = Period(NOW, UTC, 24, HOUR)

    whole = read_trend(_scope(connection), period, by_entity=True)
    alone = read_trend(Scope(connection.pk, bad.pk), period, by_entity=False)

    assert [one.entity_id for one in whole.entities] == [bad.pk, slow.pk, good.pk]
    assert (alone.total.success, alone.total.failed) == (1, 1)


def _copied(rows: int, *, new: bool = True) -> dict[str, object]:
    entry = {"mode": "merge", "extracted": rows, "loaded": rows, "bytes": 1, "new": new}
    return {"tables": [{"name": "events", **entry}]}


def test_facts_compare_the_last_week_with_the_week_that_ended_four_weeks_ago(connection: Connection) -> None:
    then, between = NOW - timedelta(days=30), NOW - timedelta(days=20)
    make_past(connection, [Run(at, 10.0, values=_copied(100)) for at in every(HOUR, since=then, until=then + 9 * HOUR)])
    make_past(connection, [Run(between, 5000.0, values=_copied(9))])
    make_past(
        connection, [Run(NOW - n * HOUR, 10.0 * n, values=_copied(280 + (n == 1), new=n > 1)) for n in (1, 2, 3, 4, 5)]
    )
    make_past(connection, [Run(NOW - 6 * HOUR, status=FAILED), Run(NOW - 7 * HOUR, values={"tables": []})])

    facts = history_facts(_scope(connection), NOW, UTC)

    assert (facts.before.success, facts.before.p50) == (9, 10.0)
    assert facts.before.tables == {"events": TableRows("merge", 9, 100.0, 100.0)}
    assert (facts.recent.success, facts.recent.failed, facts.recent.unchanged) == (6, 1, 1)
    assert (facts.recent.p25, facts.recent.p50, facts.recent.p75) == (12.5, 25.0, 37.5)
    assert facts.recent.tables == {"events": TableRows("merge", 5, 280.0, 281.0)}
    assert facts.recent.span == 6 * HOUR
    assert facts.clusters == (Cluster("provider_unavailable", "extract", 1),)


def test_facts_know_the_hours_of_two_weeks_by_the_clock_of_the_reader(connection: Connection) -> None:
    make_past(connection, [Run(datetime(2026, 11, 18, 23, 30, tzinfo=UTC), status=FAILED)])
    make_past(connection, [Run(datetime(2026, 11, 18, 23, 40, tzinfo=UTC)), Run(NOW - timedelta(days=15))])

    facts = history_facts(_scope(connection), NOW, BERLIN)

    assert facts.cells == (Cell(date(2026, 11, 19), 0, 2, 1),)


def test_tables_that_said_nothing_about_their_cursor_count_as_new(connection: Connection) -> None:
    old = {"tables": [{"name": "events", "mode": "merge", "extracted": 5}]}
    mixed = {"tables": [*_copied(5, new=False)["tables"], {"name": "people", "extracted": 1, "new": True}]}  # type: ignore[misc]
    make_past(connection, [Run(NOW - HOUR, values=old), Run(NOW - 2 * HOUR, values=mixed)])

    assert history_facts(_scope(connection), NOW, UTC).recent.unchanged == 0
