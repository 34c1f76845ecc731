"""Bulk actions: each connection exactly once and by the same services, also when a worker dies in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from connectors.models import Activity, Connection, Entity, Pause, Status, Tag
from connectors.services import facts
from jobs.models import Bulk, BulkAction, BulkItem, ItemStatus, Job, JobStatus
from jobs.services.bulk import start_bulk, take_up_bulks, work_off
from jobs.services.deleting import delete_connection
from jobs.services.pausing import pause_connection
from jobs.tasks import work_bulk
from tests.conftest import member
from tests.factories import make_connection, make_job
from tests.jobs.chain import Beside, published, ready_entity, together
from tests.servers import POSTGRES
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]


def start(action: BulkAction, *connections: Connection, **options: Any) -> Bulk:
    return start_bulk(
        action=action, connection_ids=[one.pk for one in connections], actor=member("admin"), options=options
    )


def work(bulk: Bulk) -> Bulk:
    while work_off(bulk.pk):
        pass
    bulk.refresh_from_db()
    return bulk


def in_each_state() -> dict[str, Connection]:
    """One connection per state; those that are set up have an entity, whose last sync failed."""
    found = {state: ready_entity(name=state).connection for state in ("fresh", "paused", "running", "deleted")}
    found["incomplete"] = make_connection(name="incomplete", status="incomplete", status_reason="missing_credentials")
    pause_connection(connection=found["paused"], reason="Holiday", actor=None)
    make_job(found["running"], found["running"].entities.get(), status=JobStatus.RUNNING)
    delete_connection(connection=found["deleted"], actor=None)
    Entity.objects.update(last_error_code="unreachable", failure_streak=1)
    return found


OPTIONS = {
    "pause": {"reason": "Audit"},
    "tag": {"tag": "north"},
    "untag": {"tag": "north"},
    "retry": {"code": "unreachable"},
}
# What it did (empty) or why not, for: fresh, paused, running, deleted, incomplete.
CODES = {
    "sync": ("", "paused", "already_syncing", "deleted", "missing_credentials"),
    "test": ("", "", "", "deleted", "missing_credentials"),
    "pause": ("", "already_paused", "", "deleted", ""),
    "resume": ("not_stopped", "", "not_stopped", "deleted", "not_stopped"),
    "tag": ("", "", "", "deleted", ""),
    "untag": ("not_tagged", "not_tagged", "not_tagged", "deleted", "not_tagged"),
    "delete": ("", "", "", "deleted", ""),
    "retry": ("", "paused", "already_syncing", "deleted", "missing_credentials"),
}


@pytest.mark.parametrize("action", BulkAction)
def test_each_action_in_each_state(action: BulkAction) -> None:
    connections = in_each_state()

    bulk = work(start(action, *connections.values(), **OPTIONS.get(action, {})))

    assert bulk.ended_at is not None
    items = bulk.items.order_by("number")
    assert tuple(item.code for item in items) == CODES[action]
    for item in items:
        assert (item.status == ItemStatus.DONE) == (item.code == "")
        assert bool(item.told) == bool(item.code)
    by_admin = Activity.objects.filter(actor=member("admin")).count()
    assert by_admin == (0 if action in {"sync", "test", "retry"} else CODES[action].count(""))
    made = Job.objects.filter(actor=member("admin"))
    assert set(made.values_list("pk", flat=True)) == {item.job_id for item in items if not item.code} - {None}


def test_refusal_names_the_job_in_the_way() -> None:
    connection = in_each_state()["running"]

    (item,) = work(start(BulkAction.SYNC, connection)).items.all()

    assert item.job_id == Job.objects.get(status=JobStatus.RUNNING).pk
    assert item.told == "running is syncing already. Nothing new was started."


def test_pause_takes_its_answers_along() -> None:
    until = timezone.now() + timedelta(days=1)
    entity = ready_entity()

    work(start(BulkAction.PAUSE, entity.connection, reason="Audit", until=until.isoformat()))

    pause = Pause.objects.get()
    assert (pause.reason, pause.until, pause.created_by) == ("Audit", until, member("admin"))


def test_one_word_is_one_tag() -> None:
    Tag.objects.create(name="North")
    connections = [make_connection() for _ in range(2)]

    work(start(BulkAction.TAG, *connections, tag="north"))

    assert [tag.name for tag in Tag.objects.all()] == ["North"]
    assert all(one.tags.count() == 1 for one in connections)


def test_bulk_on_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        start(BulkAction.SYNC)


def test_message_that_comes_twice_late_or_names_nothing_does_no_harm() -> None:
    bulk = start(BulkAction.SYNC, ready_entity().connection)

    for argument in (str(bulk.pk), str(bulk.pk), "nonsense", str(UUID(int=7))):
        work_bulk(argument)

    assert Job.objects.count() == 1
    assert BulkItem.objects.get().status == ItemStatus.DONE


def test_two_workers_at_once_act_on_each_connection_once() -> None:
    connections = [ready_entity().connection for _ in range(12)]
    bulk = start(BulkAction.SYNC, *connections)

    results = together(*[lambda: work_off(bulk.pk, seconds=30)] * 3)

    assert not [one for one in results if isinstance(one, Exception)]
    work(bulk)
    assert set(Counter(Job.objects.values_list("connection", flat=True)).values()) == {1}
    assert bulk.items.filter(status=ItemStatus.DONE).count() == 12
    assert Bulk.objects.get().ended_at is not None


def test_slice_ends_in_time_and_is_published_again() -> None:
    connections = [make_connection() for _ in range(3)]
    bulk = start(BulkAction.TAG, *connections, tag="north")
    published("system")

    assert work_off(bulk.pk, seconds=0)

    assert bulk.items.filter(status=ItemStatus.PENDING).count() == 2
    work_bulk(str(bulk.pk))
    assert published("system") in ([], [[str(bulk.pk)]])
    assert not bulk.items.filter(status=ItemStatus.PENDING).exists()


def test_connection_that_somebody_holds_comes_after_the_others() -> None:
    held, free = make_connection(name="held"), make_connection(name="free")
    bulk = start(BulkAction.TAG, held, free, tag="north")

    with transaction.atomic():
        facts.lock(held.pk)
        Beside(lambda: work_off(bulk.pk, seconds=0)).start().join()
        assert list(bulk.items.order_by("number").values_list("status", "tries")) == [("pending", 1), ("pending", 0)]

    work(bulk)
    assert set(bulk.items.values_list("status", flat=True)) == {ItemStatus.DONE}


def test_fault_at_one_connection_keeps_back_no_other() -> None:
    first, second = make_connection(), make_connection()
    bulk = start(BulkAction.PAUSE, first, second)

    work(bulk)

    # Its options lack the reason: a fault of ours, told as one at each of them.
    assert set(bulk.items.values_list("code", flat=True)) == {"unknown_error"}
    assert bulk.ended_at is not None
    assert set(Connection.objects.values_list("status", flat=True)) == {Status.ACTIVE}


def test_bulk_without_news_is_taken_up_once() -> None:
    bulk, busy = start(BulkAction.SYNC, ready_entity().connection), start(BulkAction.SYNC, ready_entity().connection)
    published("system")
    Bulk.objects.filter(pk=bulk.pk).update(moved_at=timezone.now() - timedelta(seconds=6))

    assert [take_up_bulks(), take_up_bulks()] == [1, 0]

    assert published("system") == [[str(bulk.pk)]]
    assert busy.ended_at is None


def test_old_reports_are_forgotten() -> None:
    bulk = work(start(BulkAction.SYNC, ready_entity().connection))
    Bulk.objects.update(ended_at=timezone.now() - timedelta(days=61))

    take_up_bulks()

    assert not Bulk.objects.filter(pk=bulk.pk).exists()
    assert not BulkItem.objects.exists()


def worker() -> subprocess.Popen[bytes]:
    """A real worker of the system queue, on the test database."""
    environ = {**os.environ, "DATABASE_URL": POSTGRES.server.url(str(database.settings_dict["NAME"]))}
    command = [sys.executable, "-m", "celery", "-A", "dashboard", "worker", "-Q", "system", "-c", "1", "-l", "WARNING"]
    return subprocess.Popen([*command, "-n", "bulk@test"], cwd=ROOT, env=environ, start_new_session=True)


def kill(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_killed_worker_leaves_a_bulk_that_goes_on() -> None:
    published("system")
    connections = [ready_entity().connection for _ in range(150)]
    bulk = start(BulkAction.SYNC, *connections)
    done = bulk.items.filter(status=ItemStatus.DONE)
    process = worker()
    try:
        wait_until(lambda: done.count() > 5, seconds=60, what="the worker works")
    finally:
        kill(process)
    assert 0 < done.count() < 150

    Bulk.objects.update(moved_at=timezone.now() - timedelta(seconds=6))
    assert take_up_bulks() == 1
    while messages := published("system"):
        for (argument,) in messages:
            work_bulk(argument)

    assert Bulk.objects.get().ended_at is not None
    assert done.count() == 150
    assert set(Counter(Job.objects.values_list("connection", flat=True)).values()) == {1}
    assert Job.objects.count() == 150
