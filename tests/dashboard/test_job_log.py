"""The log on the page of a job: its pages, its search, and the text for support."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape
from typing import TYPE_CHECKING

import pytest

from connectors.ids import short_id
from tests.dashboard.job_records import add_lines, page, payroll_entity, sync_of, text, write_lines
from tests.factories import make_entity

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import Settings

    from connectors.models import Entity
    from jobs.models import Job


NUMBER = re.compile(r'id="L(\d+)"')


def numbers(shown: str) -> list[int]:
    """The numbers of the lines on a page, in their order."""
    return [int(found) for found in NUMBER.findall(shown)]


def links(shown: str) -> dict[str, str]:
    """The addresses of the log's own links, by what they are called."""
    found = re.findall(r'id="log-(oldest|older|newer|newest|first-error|zone|download)"[^>]*? href="([^"]+)"', shown)
    return {name: unescape(href).partition("#")[0] for name, href in found}


def long_job() -> Job:
    """A job with 1,200 lines: every fifth a warning, line 700 the only error, the last 200 of another step."""
    job = sync_of(payroll_entity())
    odd = {700: "error"} | {number: "warning" for number in range(5, 1201, 5) if number != 700}
    write_lines(
        job,
        ((f"page {n}", odd.get(n, "info"), "load" if n > 1000 else "extract") for n in range(1, 1201)),
    )
    return job


def test_log_is_read_page_by_page_in_both_directions(viewer: Client) -> None:
    job = long_job()

    newest = page(viewer, job)
    middle = viewer_at(viewer, job, links(newest)["older"])
    oldest = viewer_at(viewer, job, links(middle)["older"])
    back = viewer_at(viewer, job, links(oldest)["newer"])

    assert numbers(newest) == list(range(701, 1201))
    assert numbers(middle) == list(range(201, 701))
    assert numbers(oldest) == list(range(1, 201))
    assert numbers(back) == list(range(201, 701))
    assert set(links(newest)) == {"oldest", "older", "download", "first-error"}
    assert set(links(oldest)) == {"newer", "newest", "download", "first-error"}
    assert numbers(viewer_at(viewer, job, links(middle)["oldest"])) == list(range(1, 501))
    assert links(viewer_at(viewer, job, "?after=700")).keys() == {"oldest", "older", "download", "first-error"}


def viewer_at(client: Client, job: Job, query: str) -> str:
    """The page of a job at an address that one of its links had."""
    return text(client.get(job.get_absolute_url() + query))


def test_filters_of_level_and_step_count_and_page_within_themselves(viewer: Client) -> None:
    job = long_job()

    warnings = page(viewer, job, level="warning", step="load")

    assert numbers(warnings) == list(range(1005, 1201, 5))
    assert 'aria-pressed="true">Warn <span class="num is-warn c">40</span>' in warnings
    assert '<option value="load" selected>Load</option>' in warnings
    assert 'All <span class="num muted">200</span>' in warnings
    assert "40 matching lines" in warnings
    assert links(warnings)["download"] == f"/jobs/{job.pk}/log.txt?level=warning&step=load"
    first = page(viewer, job, step="extract", after="0")
    assert numbers(first) == list(range(1, 501))
    assert set(links(first)) == {"newer", "newest", "download", "first-error"}
    assert links(first)["newer"] == "?step=extract&after=500"


def test_first_error_and_every_line_have_an_address(viewer: Client) -> None:
    job = long_job()
    shown = page(viewer, job, level="error")
    assert links(shown)["first-error"] == "?line=700"
    assert '<a class="ts" href="?line=700#L700">' in shown

    around = page(viewer, job, line="700", level="error")

    assert numbers(around) == list(range(450, 950))
    assert '<li class="l-error" id="L700" aria-current="true">' in around
    assert around.count('aria-current="true"><a class="ts"') == 1
    assert "data-follow" not in around
    assert numbers(page(viewer, job, line="3")) == list(range(1, 501))
    beyond = page(viewer, job, line="1201")
    assert "The log has no line 1,201. It ends with line 1,200." in beyond
    assert numbers(beyond)[-1] == 1200
    assert "It has none so far" in page(viewer, sync_of(payroll_sibling(job)), line="1")


def payroll_sibling(job: Job) -> Entity:
    """Another company of the same connection."""
    return make_entity(job.connection, name="Other", ref="other")


def test_log_says_its_time_zone_and_the_day(viewer: Client, settings: Settings) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    job = sync_of(payroll_entity())
    add_lines(job, "before midnight", at=datetime(2026, 11, 19, 22, 59, 59, 204000, UTC))
    add_lines(job, "after midnight", "later", at=datetime(2026, 11, 19, 23, 0, tzinfo=UTC))

    local = page(viewer, job)
    utc = viewer_at(viewer, job, links(local)["zone"])

    assert "Times in Berlin, UTC+1" in local
    assert re.findall(r'<li class="day">([^<]+)</li>', local) == ["19 Nov 2026", "20 Nov 2026"]
    assert ">23:59:59.204</a>" in local
    assert "Times in UTC" in utc
    assert re.findall(r'<li class="day">([^<]+)</li>', utc) == ["19 Nov 2026"]
    assert ">22:59:59.204</a>" in utc
    assert 'href="?line=1&amp;zone=utc#L1"' in utc


def test_download_is_the_log_as_text_with_the_same_filter(viewer: Client) -> None:
    job = sync_of(payroll_entity())
    at = datetime(2026, 11, 19, 12, 3, 3, 204000, UTC)
    add_lines(job, "two\nlines", at=at)
    add_lines(job, "<b>slow</b>", level="warning", step="load", at=at)

    whole = viewer.get(f"/jobs/{job.pk}/log.txt")
    warnings = viewer.get(f"/jobs/{job.pk}/log.txt", {"level": "warning"})

    assert whole["Content-Type"] == "text/plain; charset=utf-8"
    assert whole["Content-Disposition"] == f'attachment; filename="job-{short_id(job.pk)}.log.txt"'
    head, *lines = b"".join(whole).decode().splitlines()
    assert head.startswith(f"# Data sync {job.pk}, Success, ")
    assert lines == [
        "2026-11-19T12:03:03.204+00:00 INFO  extract        two",
        "    lines",
        "2026-11-19T12:03:03.204+00:00 WARN  load           <b>slow</b>",
    ]
    assert b"".join(warnings).decode().splitlines()[1:] == ["# Only lines with level warning", lines[-1]]


def test_log_search_marks_matches_and_escapes_the_rest(viewer: Client) -> None:
    job = sync_of(payroll_entity())
    add_lines(job, "page 1, <i>200</i>", "other")
    add_lines(job, "PAGE 2 refused", level="warning")

    shown = page(viewer, job, q="page")

    assert "<mark>page</mark> 1, &lt;i&gt;200&lt;/i&gt;" in shown
    assert "<mark>PAGE</mark> 2 refused" in shown
    assert "2 matching lines" in shown
    assert shown.count('<span class="msg">') == 2
    assert page(viewer, job, q="page", level="warning").count('<span class="msg">') == 1


@pytest.mark.parametrize(
    "query", [{"level": "loud"}, {"before": "x"}, {"before": "-1"}, {"q": "a" * 201}, {"line": "0"}, {"zone": "Mars"}]
)
def test_log_ignores_a_filter_that_cannot_be_read(viewer: Client, query: dict[str, str]) -> None:
    job = sync_of(payroll_entity())
    add_lines(job, "one", "two")

    assert page(viewer, job, **query).count('<span class="msg">') == 2


def test_support_text_holds_ids_and_no_names(viewer: Client) -> None:
    job = sync_of(payroll_entity(), "failed", error_code="unreachable", error_detail="kestrel-drivers at 10.1.2.3")
    add_lines(job, "Kestrel Drivers GmbH of Kestrel Logistics: boss@kestrel.example")

    shown = page(viewer, job)
    support = shown.partition('id="support-text"')[2].partition("</pre>")[0]

    assert str(job.pk) in support
    assert str(job.entity_id) in support
    assert "Source said: &lt;entity&gt; at &lt;address&gt;" in support
    assert "&lt;entity&gt; of &lt;connection&gt;: &lt;e-mail&gt;" in support
    assert "Kestrel" not in support
