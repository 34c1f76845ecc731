"""Each check of the history can fail: what it looks for is put into a lab by hand, found, and taken out again."""

from __future__ import annotations

import pytest

from connectors.models import Connection, Status
from jobs.models import Job
from tests.faults.harness import history, points
from tests.faults.harness.doing import SMALL, connect, sync, wait_for_end
from tests.faults.harness.lab import WAREHOUSE, Lab
from tests.sandbox.running import API_KEY

pytestmark = pytest.mark.fault

# What is done to the tables of Patchbay, by invariant: `{job}` and `{entity}` are of one sync.
TAMPERED = {
    "I1": "UPDATE connectors_entity SET next_run_at = now() - interval '1 hour' WHERE id = '{entity}'",
    "I2": "UPDATE jobs_job SET status = 'running', ended_at = NULL WHERE entity_id = '{entity}'",
    "I4": "UPDATE jobs_job SET status = 'running', ended_at = NULL WHERE id = '{job}'",
    "I8": "UPDATE jobs_job SET attempt = 7 WHERE id = '{job}'",
    "I9": "UPDATE jobs_job SET error_detail = 'sent with {key}' WHERE id = '{job}'",
}
TAMPERED_AT_DESTINATION = {
    "I5": ('DELETE FROM "{dataset}".employees WHERE id = (SELECT min(id) FROM "{dataset}".employees)', "lacks 1 rows"),
    "I5-twice": ('INSERT INTO "{dataset}".employees SELECT * FROM "{dataset}".employees LIMIT 1', "has 1 too many"),
    "I6": ("UPDATE \"{dataset}\".employees SET updated_at = updated_at - interval '9 years'", "I6: the cursor"),
}


@pytest.fixture
def synced(lab: Lab) -> tuple[Connection, Job]:
    """A connection after two syncs, and its last job."""
    connection = connect(lab, SMALL)
    assert wait_for_end(lab, sync(connection)) == "success"
    job = sync(connection)
    assert wait_for_end(lab, job) == "success"
    assert history.check(lab, connection) == []
    return connection, job


def _found(lab: Lab, connection: Connection) -> list[str]:
    return sorted({words.partition(":")[0] for words in history.check(lab, connection)})


@pytest.mark.parametrize("invariant", TAMPERED)
def test_what_is_stored_wrong_is_found(lab: Lab, synced: tuple[Connection, Job], invariant: str) -> None:
    connection, job = synced
    statement = TAMPERED[invariant].format(job=job.pk, entity=job.entity_id, key=API_KEY)

    with lab.undone():
        lab.rows(statement)

        assert invariant in _found(lab, connection)


@pytest.mark.parametrize("tampered", TAMPERED_AT_DESTINATION)
def test_what_arrived_wrong_is_found(lab: Lab, synced: tuple[Connection, Job], tampered: str) -> None:
    connection, _ = synced
    statement, words = TAMPERED_AT_DESTINATION[tampered]

    lab.rows(statement.format(dataset=connection.entities.get().dataset), database=WAREHOUSE)

    assert any(words in violation for violation in history.check(lab, connection))


def test_second_job_of_a_slot_is_found(lab: Lab, synced: tuple[Connection, Job]) -> None:
    connection, job = synced
    with lab.undone():
        lab.rows("UPDATE jobs_job SET slot_at = now() WHERE entity_id = %s", job.entity_id)

        assert _found(lab, connection) == ["I1"]


def test_status_that_differs_from_the_facts_is_found(lab: Lab, synced: tuple[Connection, Job]) -> None:
    connection = synced[0]
    Connection.objects.filter(pk=connection.pk).update(status=Status.BROKEN, status_reason="unreachable")

    assert _found(lab, connection) == ["I7"]


def test_loads_at_the_same_time_are_found(lab: Lab) -> None:
    lines = ["1.0 10 begin pb_1", "2.0 20 begin pb_1", "3.0 10 end pb_1", "4.0 20 end pb_1", "9.0 30 begin pb_2"]
    (lab.points / points.LEDGER).write_text("\n".join(lines), encoding="ascii")

    assert history.loads_never_overlap(lab) == ["I3: processes 10 and 20 loaded pb_1 at the same time"]
