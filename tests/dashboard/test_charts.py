"""The geometry and the words of the small charts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.ids import first_id_at
from dashboard.charts import Run, duration_chart, run_figures, run_time, runs_strip

START = datetime(2026, 11, 19, 12, 4, tzinfo=UTC)


def _runs(*runs: tuple[str, int], every: timedelta = timedelta(hours=6)) -> list[Run]:
    return [
        {"id": str(first_id_at(START + every * place)), "status": status, "ms": ms}
        for place, (status, ms) in enumerate(runs)
    ]


def test_strip_without_runs_is_thirty_dots() -> None:
    strip = runs_strip([])

    assert strip.label == "No runs yet"
    assert strip.none.count("M") == 30
    assert strip.success == strip.failed == strip.cancelled == strip.running == ""


def test_strip_height_is_duration() -> None:
    strip = runs_strip(_runs(("success", 1000), ("success", 500), ("success", 0)))

    assert strip.success == "M0 3h3v19h-3zM4 10h3v12h-3zM8 18h3v4h-3z"


def test_strip_failure_hangs_below_the_line_and_a_cancelled_run_is_hollow() -> None:
    strip = runs_strip(_runs(("failed", 1000), ("cancelled", 1000)))

    assert strip.failed == "M0 3h3v19h-3zM0 24h3v4h-3z"
    assert strip.cancelled == "M4.5 3.5h2v18h-2z"


def test_strip_keeps_the_last_thirty_and_makes_room_for_the_one_that_runs() -> None:
    strip = runs_strip(_runs(*[("success", 1000)] * 31), of="Shop", is_running=True)

    assert strip.success.count("M") == 29
    assert strip.running.startswith("M116.5 ")
    assert strip.none == ""
    assert strip.label == "Last 30 runs of Shop: 29 success, 1 in progress"


@pytest.mark.parametrize(
    ("statuses", "label"),
    [
        (("success",), "Last run: 1 success"),
        (("failed", "success", "failed"), "Last 3 runs: 1 success, 2 failed"),
    ],
)
def test_strip_label_counts(statuses: tuple[str, ...], label: str) -> None:
    assert runs_strip(_runs(*[(status, 10) for status in statuses])).label == label


def test_figures_count_good_and_bad_and_leave_out_the_cancelled() -> None:
    figures = run_figures(_runs(("success", 1000), ("success", 3000), ("failed", 50), ("cancelled", 9000)))

    assert (figures.runs, figures.success, figures.ended) == (4, 2, 3)
    assert (figures.median_seconds, figures.p95_seconds) == (2.0, 3.0)


def test_figures_without_a_success_have_no_duration() -> None:
    assert run_figures(_runs(("failed", 50))).median_seconds is None


def test_chart_without_runs_is_none() -> None:
    assert duration_chart([], UTC) is None


def test_chart_grid_holds_the_longest_run() -> None:
    chart = duration_chart(_runs(("success", 168_000), ("failed", 88_000)), UTC)

    assert chart is not None
    assert [line.text for line in chart.grid] == ["0", "1 m", "2 m", "3 m", "4 m"]
    assert chart.grid[0].at == 104
    assert chart.median_at == 39.6
    assert chart.label == "Duration of the last 2 runs. Median 2 m 48 s. The last run failed."


@pytest.mark.parametrize(
    ("ms", "top"),
    [(90, "200 ms"), (900, "1 s"), (1900, "2 s"), (50_000, "1 m"), (7_000_000, "2 h"), (900_000_000, "288 h")],
)
def test_chart_axis_is_in_whole_units(ms: int, top: str) -> None:
    chart = duration_chart(_runs(("success", ms)), UTC)

    assert chart is not None
    assert chart.grid[-1].text == top


def test_chart_names_days_or_the_time_of_day() -> None:
    many = [("success", 1000)] * 30
    days = duration_chart(_runs(*many), UTC)
    hours = duration_chart(_runs(*many, every=timedelta(minutes=5)), UTC)

    assert days is not None
    assert hours is not None
    assert [mark.text for mark in days.dates] == ["19 Nov", "21 Nov", "23 Nov", "25 Nov"]
    assert [mark.text for mark in hours.dates] == ["12:04", "12:44", "13:24", "14:04"]


def test_run_time_is_that_of_its_id() -> None:
    assert run_time(_runs(("success", 1))[0]) == START
