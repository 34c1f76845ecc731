"""What changed since the last good run: both runs side by side, from what the jobs recorded and people did."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from connectors.models import Connection, Destination, Entity
from connectors.services import activity
from dashboard.formatting import NOT_APPLICABLE
from dashboard.pages.changes import MOST_ACTS
from jobs.models import Job, JobStatus, JobType, Lease
from jobs.services.excluding import exclude_entity, include_entity
from tests.conftest import member
from tests.dashboard.job_records import page, payroll_entity, poll, running_sync, sync_of, text
from tests.dashboard.run_records import (
    PLAN,
    SHAPE,
    VERSIONS,
    act_before,
    attempt_of,
    compared,
    failed_run,
    good_run,
    id_at,
    lines_of,
)
from tests.factories import make_entity

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import DjangoAssertNumQueries


def configured(connection: Connection, field: str, before: str, after: str) -> None:
    changes = [{"field": field, "before": before, "after": after}]
    activity.record("connection.configured", actor=member("admin"), connection=connection, changes=changes)


def test_nothing_changed_on_our_side_is_said_too(viewer: Client) -> None:
    entity = payroll_entity()
    good_run(entity)
    failed = failed_run(entity)
    attempt_of(failed)

    shown = page(viewer, failed)

    assert compared(failed).is_ours_unchanged
    assert "Nothing changed on our side.</span>" in shown
    # A run that took ten seconds in place of two minutes is told, and is no change of ours.
    lines = lines_of(failed)
    assert lines["Duration"] == ("Differs", "2 m 00 s", "10 s", "Median 2 m 00 s, of 1 good run")
    assert lines["Rows read"] == ("Differs", "1,200", "0", "Median 1,200, of 1 good run")
    assert lines["Worker"][:3] == ("Same", "w", "w")
    assert lines["Schema at the source"] == (
        "Same", "1 table, 2 columns", "1 table, 2 columns", "The same columns of the same types.",
    )  # fmt: skip
    assert lines["Credential"][:3] == ("Same", "none", "none")


def test_what_people_changed_comes_first_with_who_and_what_it_was(viewer: Client) -> None:
    entity = payroll_entity()
    good, connection = good_run(entity), entity.connection
    act_before(good, connection, action="connection.configured", changes=[{"field": "x", "before": "1", "after": "2"}])
    configured(connection, "base_url", "https://a.example", "https://b.example")
    moved = [{"field": "host", "before": "db-1", "after": "db-2"}]
    activity.record("destination.changed", actor=None, destination=connection.destination, changes=moved)
    activity.record("connection.tagged", actor=member("admin"), connection=connection, changes=moved)
    activity.record("connection.resumed", actor=member("operator"), connection=connection)
    failed = failed_run(entity)
    attempt_of(failed)

    found = compared(failed)

    assert [(line.what, line.before, line.now, line.note) for line in found.lines[:3]] == [
        ("Configuration, resumed", "", "", "By operator"),
        ("Configuration, destination host", "db-1", "db-2", "By Patchbay"),
        ("Configuration, base_url", "https://a.example", "https://b.example", "By admin"),
    ]
    assert (found.changed, found.is_ours_unchanged) == (3, False)
    assert "https://b.example" in page(viewer, failed)


@pytest.mark.django_db
def test_what_was_done_to_another_entity_is_no_change_of_this_one() -> None:
    entity = payroll_entity()
    good_run(entity)
    for one in (make_entity(entity.connection, name="Kestrel Nord GmbH"), entity):
        exclude_entity(connection=entity.connection, entity=one, actor=member("admin"))
        include_entity(connection=entity.connection, entity=one, actor=member("admin"))
        make_entity(entity.connection)

    lines = [line for line in compared(failed_run(entity)).lines if line.what.startswith("Configuration")]

    assert [(line.what, line.before, line.now) for line in lines] == [
        ("Configuration, Kestrel Drivers GmbH", "excluded", "synced"),
        ("Configuration, Kestrel Drivers GmbH", "synced", "excluded"),
    ]


@pytest.mark.django_db
def test_act_after_the_attempt_had_begun_is_told_as_such() -> None:
    entity = payroll_entity()
    good_run(entity)
    failed = failed_run(entity)
    attempt_of(failed, started_at=timezone.now() - timedelta(seconds=1))
    configured(entity.connection, "base_url", "a", "b")

    assert lines_of(failed)["Configuration, base_url"][3] == "By admin, after the last attempt had begun"


@pytest.mark.django_db
def test_versions_credentials_and_schema_are_those_that_each_run_recorded() -> None:
    entity = payroll_entity()
    good_run(entity)
    now = timezone.now()
    Connection.objects.filter(pk=entity.connection_id).update(
        credentials_set_at=now, credentials_set_by=member("operator")
    )
    failed = failed_run(entity, tables=[{**PLAN, "mode": "replace"}, {**PLAN, "name": "new"}])
    shapes = {"employees": {"id": "text", "amount": "numeric(12,2)", "iban": "text"}, "new": {"id": "text"}}
    ran_with = {**VERSIONS, "dlt": "1.32.0", "source_credentials": now.isoformat()}
    attempt_of(failed, ran_with=ran_with, shapes=shapes)

    lines = lines_of(failed)

    assert lines["Version, dlt"] == ("Changed", "1.31.0", "1.32.0", "")
    assert lines["Versions, unchanged"][2] == "patchbay 0.1.0, sandbox_payroll 1.0.0 (aa), python 3.11.9"
    assert lines["Credential"] == ("Changed", "none", "1 min old", "Set by operator")
    assert lines["Schema, employees.amount"] == ("Changed", "numeric(10,2)", "numeric(12,2)", "Another type")
    assert lines["Schema, employees.iban"] == ("Changed", NOT_APPLICABLE, "text", "Column added")
    assert lines["Tables to copy, employees"][1:3] == (
        "merge by id from updated_at on", "replace by id from updated_at on",
    )  # fmt: skip
    assert lines["Tables to copy, new"][1:3] == ("not copied", "merge by id from updated_at on")


@pytest.mark.django_db
def test_what_a_run_did_not_record_is_said_and_not_guessed() -> None:
    entity = payroll_entity()
    good_run(entity)
    failed = failed_run(entity, tables=[])
    attempt_of(failed, ran_with={}, shapes={})

    lines = lines_of(failed)

    assert not compared(failed).is_ours_unchanged
    assert lines["Version"] == ("Not recorded", "", "", "What this run ran with was not recorded.")
    assert lines["Credential"][:3] == ("Not recorded", NOT_APPLICABLE, NOT_APPLICABLE)
    assert lines["Schema at the source"][3] == "No columns of this run are known. It ended before it had looked."
    assert lines["Tables to copy"][3] == "One of the runs ended before its plan."


@pytest.mark.django_db
def test_table_that_is_gone_is_a_change_of_the_source() -> None:
    entity = payroll_entity()
    good_run(entity)
    failed = failed_run(entity, error_code="source_object_missing")
    attempt_of(failed, shapes={"other": SHAPE})

    assert lines_of(failed)["Schema, employees"] == (
        "Changed", "2 columns", "not there", "The table is gone at the source",
    )  # fmt: skip
    assert compared(failed).is_ours_unchanged


def test_entity_that_never_ran_well_is_compared_with_its_connection_and_says_so(viewer: Client) -> None:
    sibling = payroll_entity()
    entity = make_entity(sibling.connection, name="Kestrel Nord GmbH")
    failed = failed_run(entity)
    alone = compared(failed)
    good = good_run(sibling)

    found = compared(failed)

    assert (alone.good, alone.said) == (None, "Kestrel Nord GmbH had never run well before.")
    assert found.good == good
    assert found.said == (
        "Kestrel Nord GmbH had never run well before. Compared with the last good run of the connection, "
        "of Kestrel Drivers GmbH."
    )
    assert found.said in page(viewer, failed)


def test_first_run_of_all_has_nothing_to_compare_with(viewer: Client) -> None:
    failed = failed_run(payroll_entity())

    shown = page(viewer, failed)

    assert "Kestrel Drivers GmbH had never run well before. There is nothing to compare with." in shown
    assert '<th scope="col">Compared</th>' not in shown


@pytest.mark.django_db
def test_good_run_whose_record_is_gone_is_not_called_never() -> None:
    entity = payroll_entity()
    failed = failed_run(entity)
    Entity.objects.filter(pk=entity.pk).update(last_success_at=timezone.now() - timedelta(days=70))

    assert compared(failed).said == (
        "The last good run of Kestrel Drivers GmbH was longer ago than the 60 days for which jobs are kept."
    )


@pytest.mark.django_db
def test_only_work_of_the_same_kind_and_from_before_counts() -> None:
    entity = payroll_entity()
    good = good_run(entity)
    failed = failed_run(entity)
    resync = failed_run(entity, type=JobType.HISTORICAL_RESYNC)
    discovery = failed_run(entity, type=JobType.DISCOVER)
    sync_of(entity, type=JobType.PURGE)
    after = timezone.now() + timedelta(minutes=2)
    sync_of(entity, pk=id_at(after), started_at=after, ended_at=after)
    Entity.objects.filter(pk=entity.pk).update(last_success_at=after)

    assert (compared(failed).good, compared(failed).said) == (good, "")
    assert (compared(resync).good, compared(resync).said) == (good, "The last good run was a data sync.")
    assert compared(discovery).said == "Kestrel Drivers GmbH had never passed a discovery before."


def test_job_that_fails_while_it_is_watched_gets_its_comparison(viewer: Client) -> None:
    entity = payroll_entity()
    good_run(entity)
    job = running_sync(entity)
    Lease.objects.filter(job=job).delete()
    Job.objects.filter(pk=job.pk).update(status=JobStatus.FAILED, ended_at=timezone.now(), error_code="unreachable")

    shown = text(poll(viewer, job, after=0))

    assert 'hx-swap-oob="innerHTML:#job-changes"' in shown
    assert "What changed since the last good run" in shown
    assert "The service cannot be reached at the moment." in shown


def test_comparison_takes_a_fixed_number_of_queries(
    viewer: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    entity = payroll_entity()
    good_run(entity)
    failed = failed_run(entity)
    attempt_of(failed)
    for owners in (Connection, Destination):
        owners._default_manager.update(credentials_set_at=timezone.now(), credentials_set_by=member("operator"))
    with django_assert_num_queries(5):
        assert compared(failed).more_acts == 0
    for number in range(MOST_ACTS + 3):
        configured(entity.connection, f"field {number}", "a", "b")
    many = {f"column {number}": "text" for number in range(40)}
    failed.attempts.update(shapes={"employees": many})

    with django_assert_num_queries(5):
        found = compared(failed)

    assert found.more_acts == 3
    assert sum(line.what.startswith("Schema") for line in found.lines) == 21
    assert "3 earlier changes are not in this list" in page(viewer, failed)
