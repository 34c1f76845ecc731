"""What fails now on the list of all jobs, and its retry: the question with the number, one effect, the report."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from connectors.ids import first_id_at
from connectors.models import Connection, Entity, Status
from jobs.models import Bulk, BulkItem, ItemStatus, Job, JobStatus, Trigger
from jobs.services.bulk import work_off
from jobs.services.deleting import delete_connection
from jobs.services.pausing import pause_connection
from tests.conftest import member
from tests.dashboard.pages import flat
from tests.factories import make_entity, make_job, make_ready_connection

if TYPE_CHECKING:
    from django.test import Client

ADDRESS = "/jobs/retry/?code=unreachable&provider=postgres"
BEGAN = timezone.now().replace(microsecond=0) - timedelta(hours=2)


def failing(name: str, code: str = "unreachable", **values: Any) -> Entity:
    """The entity of a connection whose last two syncs failed, the first of them two hours ago."""
    runs = [
        {"id": str(first_id_at(BEGAN - timedelta(hours=1))), "status": "success", "ms": 1},
        {"id": str(first_id_at(BEGAN)), "status": "failed", "ms": 1},
        {"id": str(first_id_at(BEGAN + timedelta(hours=1))), "status": "cancelled", "ms": 1},
        {"id": str(first_id_at(timezone.now())), "status": "failed", "ms": 1},
    ]
    values = {
        "last_error_code": code,
        "failure_streak": 2,
        "recent_runs": runs,
        "last_run_at": timezone.now(),
        **values,
    }
    return make_entity(make_ready_connection(name=name), **values)


def groups(client: Client, query: str = "") -> list[str]:
    text = flat(client.get(f"/jobs/{query}"))
    (table,) = re.findall(r'id="groups".*?</section>', text)
    return re.findall(r"<tr>\s*<td class=\"c-wide\">.*?</tr>", table)


def ask(client: Client) -> dict[str, str]:
    """The fields of the question."""
    return dict(re.findall(r'name="(code|provider|question|expected)" value="([^"]*)"', flat(client.get(ADDRESS))))


def test_what_fails_now_is_grouped_with_since_and_advice(operator: Client, viewer: Client) -> None:
    for name in ("Alpha", "Beta", "Gamma"):
        failing(name)
    alone = failing("Delta", "invalid_credentials", status=Status.BROKEN)
    failing("Paused", status=Status.PAUSED)
    failing("Fine", "", failure_streak=0)
    gone = failing("Gone")
    Connection.objects.filter(pk=gone.connection_id).update(deleted_at=timezone.now())

    crowd, one = groups(operator)

    assert "3 connections</a>" in crowd
    assert "PostgreSQL cannot be reached. 3 of 6 connections at once: likely PostgreSQL itself." in crowd
    assert f'datetime="{BEGAN.isoformat()}"' in crowd
    assert re.search(r'data-l="Jobs"[^>]*>6</td>', crowd)
    assert 'href="/jobs/?status=failed&amp;code=unreachable&amp;provider=postgres"' in crowd
    assert "Retry all 3</a>" in crowd
    assert "1 connection, Delta</a>" in one
    assert f'href="/connections/{alone.connection_id}/">Open the fix</a>' in one
    assert "Retry all" not in "".join(groups(viewer))
    assert [row.count("1 connection, Delta") for row in groups(operator, "?code=invalid_credentials")] == [1]
    assert groups(operator, "?provider=sandbox_payroll") == []


def test_retry_asks_with_the_number_and_syncs_only_what_fails_so(operator: Client) -> None:
    entities = [failing(name) for name in ("Alpha", "Beta")]
    make_entity(entities[0].connection)
    other = make_entity(entities[1].connection, last_error_code="tls_error", failure_streak=1)

    question = flat(operator.get(ADDRESS))
    answer = ask(operator)
    response = operator.post("/jobs/retry/", answer)

    assert "Retry 2 connections?" in question
    assert "Alpha, Beta" in question
    bulk = Bulk.objects.get()
    assert (response.status_code, response["Location"]) == (302, bulk.get_absolute_url())
    work_off(bulk.pk)
    made = Job.objects.filter(status=JobStatus.PENDING)
    assert {job.entity_id for job in made} == {one.pk for one in entities}
    assert not made.filter(entity=other).exists()
    assert {(job.trigger, job.actor) for job in made} == {(Trigger.USER, member("operator"))}
    report = flat(operator.get(bulk.get_absolute_url()))
    assert "Retry: 2 of 2 started" in report
    assert 'href="/jobs/?status=failed&amp;code=unreachable&amp;provider=postgres"' in report


def test_same_answer_twice_has_one_effect(operator: Client) -> None:
    failing("Alpha")
    answer = ask(operator)

    first = operator.post("/jobs/retry/", answer)
    work_off(Bulk.objects.get().pk)
    # Even when nothing fails so any more by then.
    Entity.objects.update(failure_streak=0, last_error_code="")
    second = operator.post("/jobs/retry/", answer)

    assert first["Location"] == second["Location"]
    assert (Bulk.objects.count(), Job.objects.count()) == (1, 1)


def test_what_cannot_be_retried_is_told_with_its_reason(operator: Client) -> None:
    busy, paused, deleted, mended = (failing(name) for name in ("Busy", "Paused", "Deleted", "Mended"))
    operator.post("/jobs/retry/", ask(operator))
    make_job(busy.connection, busy, status=JobStatus.RUNNING)
    pause_connection(connection=paused.connection, reason="Audit", actor=member("operator"))
    delete_connection(connection=deleted.connection, actor=member("admin"))
    Entity.objects.filter(pk=mended.pk).update(failure_streak=0, last_error_code="")

    work_off(Bulk.objects.get().pk)

    told = dict(BulkItem.objects.filter(status=ItemStatus.REFUSED).values_list("code", "told"))
    assert told == {
        "already_syncing": "Busy is syncing already. Nothing new was started.",
        "paused": "Paused is paused: Audit. Resume it first, then sync.",
        "deleted": told["deleted"],
        "recovered": "Mended no longer fails with this error. Nothing was started.",
    }
    assert "was deleted. Nothing was started" in told["deleted"]
    assert Job.objects.filter(status=JobStatus.PENDING).count() == 0


@pytest.mark.parametrize("query", ["", "?code=unreachable", "?code=x&provider=postgres", "?code=%00&provider=%00"])
def test_question_about_nothing_says_so(operator: Client, query: str) -> None:
    failing("Alpha")

    assert "Nothing to retry" in flat(operator.get(f"/jobs/retry/{query}"))
    assert operator.post(f"/jobs/retry/{query}").status_code == 422
    assert not Bulk.objects.exists()


def test_other_number_than_was_shown_asks_again(operator: Client, viewer: Client) -> None:
    failing("Alpha")
    answer = ask(operator)
    failing("Beta")

    response = operator.post("/jobs/retry/", answer)

    assert response.status_code == 422
    assert "2 connections fail now, 1 were shown. Nothing was started yet." in flat(response)
    assert viewer.post("/jobs/retry/", answer).status_code == 403
    assert not Bulk.objects.exists()
