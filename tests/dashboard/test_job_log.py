"""The log on the page of a job: its pages, its search, and the text for support."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.dashboard.job_records import add_lines, page, payroll_entity, sync_of

if TYPE_CHECKING:
    from django.test import Client


def test_log_shows_the_last_lines_and_leads_to_earlier_ones(viewer: Client) -> None:
    job = sync_of(payroll_entity())
    add_lines(job, *(f"line {number}" for number in range(1, 503)))

    tail, earlier = page(viewer, job), page(viewer, job, before="3")

    assert tail.count('<span class="msg">') == 500
    assert 'id="L3"' in tail
    assert 'id="L2"' not in tail
    assert "?before=3#log" in tail
    assert earlier.count('<span class="msg">') == 2
    assert "Back to the newest lines" in earlier


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


@pytest.mark.parametrize("query", [{"level": "loud"}, {"before": "x"}, {"before": "-1"}, {"q": "a" * 201}])
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
