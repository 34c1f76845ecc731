"""The reporter: what the work says reaches the database, and a worker without its lease ends itself."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from connectors.ids import new_id
from connectors.plan import SYNC_STEPS, Stopped
from connectors.secrets import Redactor
from jobs import reporter as reporters
from jobs import shapes
from jobs.models import Attempt, Job, JobStatus, Lease, StepStatus
from jobs.reporter import EXIT_FENCED, JobReporter
from jobs.services.cancel import request_cancel
from jobs.services.finish import Failure, fail
from jobs.services.reap import reap
from tests.conftest import member
from tests.jobs.chain import assert_consistent, make_available, ready_entity, started, waiting_job
from tests.jobs.processes import wait_for_line, worker
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "correct horse/battery"


@pytest.fixture(autouse=True)
def _fast_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporters, "BEAT_SECONDS", 0.02)


@pytest.fixture
def job() -> Job:
    return waiting_job(ready_entity())


@pytest.fixture
def reporter(job: Job) -> Iterator[JobReporter]:
    with JobReporter(started(job), Redactor([SECRET]), SYNC_STEPS) as reporter:
        yield reporter


def lines(job: Job) -> list[tuple[object, ...]]:
    return list(job.log_lines.order_by("number").values_list("number", "level", "step", "message"))


def test_steps_stand_as_pending_from_the_beginning(job: Job, reporter: JobReporter) -> None:
    found = job.steps.order_by("number").values_list("number", "name", "status")

    assert list(found) == [(number, name, StepStatus.PENDING) for number, name in enumerate(SYNC_STEPS, start=1)]


def test_lines_are_written_while_the_work_goes_on(job: Job, reporter: JobReporter) -> None:
    reporter.log("info", "extract", "Reading orders.")
    reporter.log("warning", "extract", "Slow.")

    wait_until(lambda: len(lines(job)) == 2, what="both lines")
    assert lines(job) == [(1, "info", "extract", "Reading orders."), (2, "warning", "extract", "Slow.")]


def test_steps_are_written_while_the_work_goes_on(job: Job, reporter: JobReporter) -> None:
    reporter.step("check_access", "running")
    reporter.step("check_access", "success", "0.10 s")
    reporter.step("extract", "running")

    wait_until(lambda: job.steps.filter(name="extract", status=StepStatus.RUNNING).exists(), what="the second step")
    first = job.steps.get(name="check_access")
    assert (first.status, first.detail) == (StepStatus.SUCCESS, "0.10 s")
    assert first.started_at is not None
    assert first.ended_at is not None
    assert first.started_at <= first.ended_at
    assert reporter.current_step == "extract"


def test_columns_are_kept_with_the_attempt_and_beyond_a_bound_as_a_digest(
    job: Job, reporter: JobReporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shapes, "MOST_COLUMNS", 2)
    reporter.columns("orders", {"id": "bigint", "total\x00": "numeric(10,2)"})
    reporter.columns("customers", {"id": "bigint"})

    wait_until(lambda: shapes_of(job), what="the columns")

    assert shapes_of(job)["orders"] == {"id": "bigint", "total": "numeric(10,2)"}
    assert re.fullmatch("1 column, [0-9a-f]{16}", shapes_of(job)["customers"])
    # A list of attempts, which a page asks for every two seconds, does not carry them.
    assert "shapes" in job.attempts.get().get_deferred_fields()


def shapes_of(job: Job) -> dict[str, Any]:
    kept: dict[str, Any] = Attempt.objects.of_jobs([job.pk]).get().shapes
    return kept


def test_rows_are_running_totals_in_the_lease(job: Job, reporter: JobReporter) -> None:
    reporter.rows("orders", extracted=500)
    reporter.rows("orders", extracted=1000)
    reporter.rows("orders", loaded=800)
    reporter.rows("customers", extracted=7)

    expected = {"orders": [1000, 800], "customers": [7, 0]}
    wait_until(lambda: Lease.objects.get(pk=job.pk).progress.get("tables") == expected, what="the counts")


def test_writing_renews_the_lease(job: Job, reporter: JobReporter) -> None:
    before = Lease.objects.get(pk=job.pk).expires_at
    assert before is not None

    reporter.log("info", "extract", "Still here.")

    def is_renewed() -> bool:
        now = Lease.objects.get(pk=job.pk).expires_at
        return now is not None and now > before

    wait_until(is_renewed, what="the renewal")


def test_finish_writes_what_is_left(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporters, "BEAT_SECONDS", 3600)
    with JobReporter(started(job), Redactor([]), SYNC_STEPS) as reporter:
        reporter.log("info", "load", "The last word.")
        reporter.step("load", "success")
        assert lines(job) == []

        reporter.finish()
        assert [line[3] for line in lines(job)] == ["The last word."]
        assert job.steps.get(name="load").status == StepStatus.SUCCESS


def test_second_attempt_counts_lines_and_steps_on(job: Job) -> None:
    claim = started(job)
    with JobReporter(claim, Redactor([]), SYNC_STEPS) as reporter:
        reporter.log("info", "extract", "First.")
        reporter.finish()
    fail(claim=claim, failure=Failure("unreachable"))
    make_available(job)

    with JobReporter(started(job), Redactor([]), SYNC_STEPS) as reporter:
        reporter.log("info", "extract", "Second.")
        reporter.finish()

    assert [line[0] for line in lines(job)] == [1, 2]
    assert list(job.log_lines.order_by("number").values_list("attempt", flat=True)) == [1, 2]
    assert list(job.steps.filter(attempt=2).order_by("number").values_list("number", flat=True)) == [6, 7, 8, 9, 10]


def test_secrets_and_what_cannot_be_stored_are_taken_out(job: Job, reporter: JobReporter) -> None:
    reporter.log("error", "extract", f"password={SECRET} url=//u:correct%20horse%2Fbattery@h \x00\ud83d" + "x" * 9000)
    reporter.step("extract", "failed", f"{SECRET}\x00")

    wait_until(lambda: len(lines(job)) == 1, what="the line")
    message = str(lines(job)[0][3])
    assert message.startswith("password=[hidden] url=//u:[hidden]@h ?x")
    assert len(message) == 4000
    assert job.steps.get(name="extract").detail == "[hidden]"


def test_check_raises_once_a_person_cancels(job: Job, reporter: JobReporter) -> None:
    reporter.check()
    request_cancel(job=job, actor=member("operator"))

    def hears_of_it() -> bool:
        reporter.rows("orders", extracted=1)
        try:
            reporter.check()
        except Stopped as stopped:
            return stopped.code == "cancelled_by_user"
        return False

    wait_until(hears_of_it, what="the cancel being heard of")


def test_lost_connection_is_made_anew_and_nothing_is_lost(job: Job, reporter: JobReporter) -> None:
    reporter.log("info", "extract", "Before.")
    wait_until(lambda: len(lines(job)) == 1, what="the first line")
    cut_other_sessions()

    reporter.log("info", "extract", "After.")

    wait_until(lambda: [line[3] for line in lines(job)] == ["Before.", "After."], what="the second line")


def test_what_a_lost_answer_hid_is_written_once(job: Job) -> None:
    reporter = JobReporter(started(job), Redactor([]), SYNC_STEPS)
    reporter._open()
    reporter.log("info", "extract", "Said once.")
    written = list(reporter._lines)

    # As after a commit that the database made and nobody heard of.
    reporter._open()
    for _ in range(2):
        reporter._write(written, {"line_counts": reporter._line_counts}, [], None)

    assert [line[3] for line in lines(job)] == ["Said once."]
    assert job.attempts.get().line_counts == {"extract": {"info": [1, 1, 1]}}
    assert job.steps.count() == len(SYNC_STEPS)


def cut_other_sessions() -> None:
    """End every other session of the test database, as a restart of the server does."""
    with transaction.get_connection().cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )


# ---- a worker without its lease -------------------------------------------------------------------------------------


def test_worker_that_lost_its_lease_ends_itself(job: Job) -> None:
    with worker("report", job.pk, PATCHBAY_HEARTBEAT_SECONDS="0") as process:
        wait_for_line(process, "reporting")
        taken = new_id()
        Lease.objects.update(token=taken, progress={"by": "another"})

        assert process.wait(timeout=10) == EXIT_FENCED

    lease = Lease.objects.get()
    assert (lease.token, lease.progress) == (taken, {"by": "another"})


def test_worker_whose_lease_is_gone_ends_itself(job: Job) -> None:
    with worker("report", job.pk, PATCHBAY_HEARTBEAT_SECONDS="0") as process:
        wait_for_line(process, "reporting")
        Lease.objects.all().delete()

        assert process.wait(timeout=10) == EXIT_FENCED


def test_worker_that_gets_no_answer_ends_itself_before_its_lease_does(job: Job) -> None:
    with worker("report", job.pk, PATCHBAY_HEARTBEAT_SECONDS="0", PATCHBAY_LEASE_SECONDS="2") as process:
        wait_for_line(process, "reporting")
        with transaction.atomic():
            lease = Lease.objects.select_for_update().get()

            # The renewal hangs until the lock's time limit of five seconds, and nobody asks the database for the time.
            assert process.wait(timeout=4.5) == EXIT_FENCED
            assert lease.expires_at is not None

    assert Job.objects.get().status == JobStatus.RUNNING
    wait_until(reap, what="the job being taken back")
    assert_consistent(job)


def test_worker_that_was_frozen_ends_itself_when_another_has_its_job(job: Job) -> None:
    with worker("report", job.pk, PATCHBAY_HEARTBEAT_SECONDS="0") as process:
        wait_for_line(process, "reporting")
        process.send_signal(signal.SIGSTOP)
        taken = new_id()
        Lease.objects.update(token=taken)
        process.send_signal(signal.SIGCONT)

        assert process.wait(timeout=10) == EXIT_FENCED

    assert Lease.objects.get().token == taken


def test_worker_hears_of_a_cancel_in_another_process(job: Job) -> None:
    with worker("report", job.pk, PATCHBAY_HEARTBEAT_SECONDS="0") as process:
        wait_for_line(process, "reporting")
        request_cancel(job=job, actor=member("operator"))

        wait_for_line(process, "stopped: cancelled_by_user")


def test_worker_whose_work_hangs_says_so_and_ends_itself(job: Job) -> None:
    with worker("hang", job.pk, PATCHBAY_NO_PROGRESS_SECONDS="1") as process:
        wait_for_line(process, "reporting")

        assert process.wait(timeout=10) == EXIT_FENCED

    job.refresh_from_db()
    assert (job.status, job.error_code, job.error_step) == (JobStatus.PENDING, "job_timed_out", "extract")
    assert str(lines(job)[-1][3]).startswith("job_timed_out: Nothing moved for 1 s")
    assert_consistent(job)


def test_worker_whose_work_takes_too_long_says_so_and_ends_itself(job: Job) -> None:
    with worker("report", job.pk, PATCHBAY_SYNC_SECONDS="1") as process:
        wait_for_line(process, "reporting")

        assert process.wait(timeout=10) == EXIT_FENCED

    job.refresh_from_db()
    assert (job.status, job.error_code, job.max_attempts) == (JobStatus.PENDING, "job_timed_out", 3)
    assert str(lines(job)[-1][3]).startswith("job_timed_out: It was not done after 1 s")
    assert_consistent(job)


def test_work_that_hangs_after_a_cancel_ends_as_cancelled_without_the_reaper(job: Job) -> None:
    with worker("hang", job.pk, PATIENCE="0.3", PATCHBAY_HEARTBEAT_SECONDS="0") as process:
        wait_for_line(process, "reporting")
        request_cancel(job=job, actor=member("operator"))

        assert process.wait(timeout=10) == EXIT_FENCED

    job.refresh_from_db()
    assert (job.status, job.error_code) == (JobStatus.CANCELLED, "cancelled_by_user")
    assert_consistent(job)


def test_limit_ends_the_process_also_when_the_database_does_not_answer(job: Job) -> None:
    with worker("hang", job.pk, PATCHBAY_NO_PROGRESS_SECONDS="1") as process:
        wait_for_line(process, "reporting")
        with transaction.atomic():
            Lease.objects.select_for_update().get()

            assert process.wait(timeout=20) == EXIT_FENCED

    assert Job.objects.get().status == JobStatus.RUNNING
    wait_until(reap, what="the job being taken back")
    assert_consistent(job)


# ---- a worker that stops --------------------------------------------------------------------------------------------


def test_work_stops_at_its_next_check_when_its_worker_stops(job: Job) -> None:
    with worker("report", job.pk) as process:
        wait_for_line(process, "reporting")
        process.terminate()

        wait_for_line(process, "stopped: worker_stopping")


def test_work_that_does_not_stop_with_its_worker_goes_back_to_the_queue(job: Job) -> None:
    with worker("hang", job.pk, PATIENCE="0.3") as process:
        wait_for_line(process, "reporting")
        process.terminate()

        assert process.wait(timeout=10) == EXIT_FENCED

    job.refresh_from_db()
    lease = Lease.objects.get()
    assert (job.status, job.error_code) == (JobStatus.PENDING, "worker_stopping")
    assert (lease.charged, lease.lost_count, lease.no_progress) == (0, 0, 0)
    assert_consistent(job)
