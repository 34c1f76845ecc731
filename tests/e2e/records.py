"""What the database knows of jobs, read past our own code: a page and its model would agree on the same mistake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.e2e.stack import Stack
from tests.waiting import wait_until

JOB_SECONDS = 60.0
_ENDED = {"success", "failed", "cancelled"}
_COLUMNS = "j.id::text, j.status, j.error_code, j.tables"


@dataclass(frozen=True)
class JobRecord:
    """A job as it is stored. `tables` has one entry per table, with its name and its counts."""

    id: str
    status: str
    error_code: str
    tables: list[dict[str, Any]]

    @property
    def path(self) -> str:
        """The address of its page."""
        return f"/jobs/{self.id}/"


@dataclass(frozen=True)
class EntityRecord:
    """An entity with the connection it is part of. `dataset` is its schema at the destination."""

    id: str
    connection_id: str
    ref: str
    dataset: str

    @property
    def path(self) -> str:
        """The address of its drawer."""
        return f"/connections/{self.connection_id}/entities/{self.id}/"


def connection_id(stack: Stack, name: str) -> str:
    """Return the id of a connection of the demo."""
    return str(stack.value("SELECT id FROM connectors_connection WHERE name = %s", name))


def destination_id(stack: Stack, name: str) -> str:
    """Return the id of a destination of the demo."""
    return str(stack.value("SELECT id FROM connectors_destination WHERE name = %s", name))


def entity(stack: Stack, ref: str, connection: str = "Halden payroll") -> EntityRecord:
    """Return the entity that the source calls `ref`, of the connection of that name: others may have the same ones."""
    query = """
        SELECT e.id::text, e.connection_id::text, e.ref, e.dataset
        FROM connectors_entity e JOIN connectors_connection c ON c.id = e.connection_id
        WHERE e.ref = %s AND c.name = %s
    """
    return EntityRecord(*stack.rows(query, ref, connection)[0])


def job(stack: Stack, job_id: str) -> JobRecord:
    """Return a job by its id."""
    return JobRecord(*stack.rows(f"SELECT {_COLUMNS} FROM jobs_job j WHERE j.id = %s", job_id)[0])


def last_job(stack: Stack, connection: str, entity: EntityRecord | None = None) -> JobRecord:
    """Return the newest job of the connection of that name, or of one of its entities."""
    query = f"""
        SELECT {_COLUMNS} FROM jobs_job j JOIN connectors_connection c ON c.id = j.connection_id
        WHERE c.name = %s AND (%s::uuid IS NULL OR j.entity_id = %s::uuid) ORDER BY j.id DESC LIMIT 1
    """
    of = entity.id if entity else None
    return JobRecord(*stack.rows(query, connection, of, of)[0])


def count_jobs(stack: Stack) -> int:
    """Return how many jobs there are."""
    return int(stack.value("SELECT count(*) FROM jobs_job"))


def attempts(stack: Stack, job_id: str) -> list[tuple[str, str]]:
    """Return how each attempt of a job ended, the first one first: its status and its error code."""
    query = "SELECT status, error_code FROM jobs_attempt WHERE job_id = %s ORDER BY number"
    return [(status, code) for status, code in stack.rows(query, job_id)]


def wait_for_end(stack: Stack, job_id: str, *, seconds: float = JOB_SECONDS) -> JobRecord:
    """Wait until a job is over, and return it."""

    def ended() -> JobRecord | None:
        found = job(stack, job_id)
        return found if found.status in _ENDED else None

    found = wait_until(ended, seconds=seconds, what=f"the end of job {job_id}")
    assert found is not None
    return found


def wait_for_rest(stack: Stack, *, seconds: float = JOB_SECONDS) -> None:
    """Wait until no job runs or waits."""
    wait_until(lambda: stack.value("SELECT count(*) FROM jobs_lease") == 0, seconds=seconds, what="no job is live")


def hold_schedules(stack: Stack) -> None:
    """Move the next planned run of everything far ahead, so that only what a test presses starts."""
    stack.run("UPDATE connectors_connection SET interval_seconds = 6 * 60 * 60")
    stack.run("UPDATE connectors_entity SET next_run_at = now() + interval '6 hours' WHERE next_run_at IS NOT NULL")
