"""A real source that changes between two runs, under each of the four policies, into each kind of database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest
from django.utils import timezone
from psycopg import sql
from pytest_django import Settings

from connectors.engine.run import warm_up
from connectors.models import Connection, SchemaChange, SchemaPolicy, Status, Table
from connectors.services.connect import check_and_discover, create_destination, set_credentials
from connectors.services.decide import accept_changes, ignore_changes
from jobs.models import Job, JobStatus
from jobs.runner import run_job
from jobs.services.enqueue import enqueue_sync
from jobs.services.enqueue_discover import enqueue_discover
from tests.factories import make_connection
from tests.jobs.chain import assert_statuses_derived
from tests.sandbox.running import API_KEY, Running, start_sandbox_process
from tests.servers import POSTGRES

pytestmark = pytest.mark.django_db(transaction=True)

SOURCE, TARGET = "schema_changes_source", "schema_changes_target"
READER, PASSWORD = "schema_changes_reader", "reader-password-4711"
MERGED = ("plain", "grows", "shrinks", "renamed", "widens", "turns", "rekeyed", "goes")
TABLES = (*MERGED, "emptied")
Rows = list[tuple[Any, ...]]
Read = Callable[[str], Rows]
# What happens at the source between the runs, by table; “emptied” is replaced, all others are merged by their key.
CHANGES = """
    ALTER TABLE grows ADD extra text DEFAULT 'x';
    ALTER TABLE shrinks DROP v;
    ALTER TABLE emptied DROP v;
    ALTER TABLE renamed RENAME v TO w;
    ALTER TABLE widens ALTER n TYPE bigint;
    ALTER TABLE turns ALTER n TYPE text USING 'n' || n;
    ALTER TABLE rekeyed DROP CONSTRAINT rekeyed_pkey;
    ALTER TABLE rekeyed ADD PRIMARY KEY (id, n);
    DROP TABLE goes;
    CREATE TABLE comes AS SELECT 1 AS id;
    INSERT INTO plain VALUES (3, 'c', 3, now() - interval '1 hour');
    INSERT INTO grows VALUES (3, 'c', 3, now() - interval '1 hour', 'y');
    INSERT INTO shrinks VALUES (3, 3, now() - interval '1 hour');
    INSERT INTO emptied VALUES (3, 3, now() - interval '1 hour');
    INSERT INTO renamed VALUES (3, 'c', 3, now() - interval '1 hour');
    INSERT INTO widens VALUES (3, 'c', 9000000000, now() - interval '1 hour');
    INSERT INTO turns VALUES (3, 'c', 'n3', now() - interval '1 hour');
    INSERT INTO rekeyed VALUES (2, 'c', 3, now() - interval '1 hour');
"""
WAITS_ALWAYS = {
    "column_dropped shrinks.v", "column_dropped emptied.v", "column_dropped renamed.v", "column_retyped widens.n",
    "column_retyped turns.n", "key_changed rekeyed.", "table_dropped goes.", "table_added comes.",
}  # fmt: skip
NEW_COLUMNS = {"column_added grows.extra", "column_added renamed.w"}
WAITING: dict[SchemaPolicy, set[str]] = {
    SchemaPolicy.ACCEPT_ALL: set(),
    SchemaPolicy.ACCEPT_COLUMNS: WAITS_ALWAYS,
    SchemaPolicy.REVIEW: WAITS_ALWAYS | NEW_COLUMNS,
    SchemaPolicy.STOP: WAITS_ALWAYS | NEW_COLUMNS,
}
# What each query gives after the second run, first as it was before. Row 2 is read again, since it is the last one.
BEFORE: dict[str, Rows] = {
    "SELECT id FROM {}.plain ORDER BY id": [(1,), (2,)],
    "SELECT id, v FROM {}.grows ORDER BY id": [(1, "a"), (2, "b")],
    "SELECT id, v FROM {}.shrinks ORDER BY id": [(1, "a"), (2, "b")],
    "SELECT id, v FROM {}.emptied ORDER BY id": [(1, "a"), (2, "b")],
    "SELECT id, v FROM {}.renamed ORDER BY id": [(1, "a"), (2, "b")],
    "SELECT id, n FROM {}.widens ORDER BY id": [(1, 1), (2, 2)],
    "SELECT id, n FROM {}.turns ORDER BY id": [(1, 1), (2, 2)],
    "SELECT id, n FROM {}.rekeyed ORDER BY id, n": [(1, 1), (2, 2)],
    "SELECT id FROM {}.goes ORDER BY id": [(1,), (2,)],
}
FLOWS: dict[str, Rows] = {
    "SELECT id FROM {}.plain ORDER BY id": [(1,), (2,), (3,)],
    "SELECT id, v FROM {}.grows ORDER BY id": [(1, "a"), (2, "b"), (3, "c")],
    "SELECT id, v FROM {}.shrinks ORDER BY id": [(1, "a"), (2, None), (3, None)],
    "SELECT id, v FROM {}.renamed ORDER BY id": [(1, "a"), (2, None), (3, None)],
}
COLUMNS_FLOW: dict[str, Rows] = {
    "SELECT id, extra FROM {}.grows ORDER BY id": [(1, None), (2, "x"), (3, "y")],
    "SELECT id, w FROM {}.renamed ORDER BY id": [(1, None), (2, "b"), (3, "c")],
}
ALL_FLOWS: dict[str, Rows] = {
    "SELECT id, v FROM {}.emptied ORDER BY id": [(1, None), (2, None), (3, None)],
    "SELECT id, n FROM {}.widens ORDER BY id": [(1, 1), (2, 2), (3, 9_000_000_000)],
    "SELECT id, n FROM {}.turns ORDER BY id": [(1, "n1"), (2, "n2"), (3, "n3")],
    "SELECT id, n FROM {}.rekeyed ORDER BY id, n": [(1, 1), (2, 2), (2, 3)],
    "SELECT id FROM {}.comes ORDER BY id": [(1,)],
}
DATA: dict[SchemaPolicy, dict[str, Rows]] = {
    SchemaPolicy.ACCEPT_ALL: BEFORE | FLOWS | COLUMNS_FLOW | ALL_FLOWS,
    SchemaPolicy.ACCEPT_COLUMNS: BEFORE | FLOWS | COLUMNS_FLOW,
    SchemaPolicy.REVIEW: BEFORE | FLOWS,
    SchemaPolicy.STOP: BEFORE,
}
# Columns and tables that nobody agreed to are not at the destination at all.
ABSENT: dict[SchemaPolicy, set[str]] = {
    SchemaPolicy.ACCEPT_ALL: set(),
    SchemaPolicy.ACCEPT_COLUMNS: {"comes.id"},
    SchemaPolicy.REVIEW: {"comes.id", "grows.extra", "renamed.w"},
    SchemaPolicy.STOP: {"comes.id", "grows.extra", "renamed.w"},
}


@pytest.fixture(scope="module", autouse=True)
def _databases() -> Iterator[None]:
    warm_up()
    role = sql.Identifier(READER)
    with psycopg.connect(POSTGRES.server.url("postgres"), autocommit=True) as admin:
        for name in (SOURCE, TARGET):
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(PASSWORD)))
        admin.execute(sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(sql.Identifier(TARGET), role))
        yield
        for name in (SOURCE, TARGET):
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        admin.execute(sql.SQL("DROP ROLE {}").format(role))


@pytest.fixture
def source() -> Iterator[psycopg.Connection[Any]]:
    """The source, with two rows in each table, a day apart."""
    with psycopg.connect(POSTGRES.server.url(SOURCE), autocommit=True) as made:
        made.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        for name in TABLES:
            made.execute(
                f"CREATE TABLE {name} (id int PRIMARY KEY, v text, n int, updated_at timestamptz);"
                f"INSERT INTO {name} VALUES (1, 'a', 1, now() - interval '2 days'), (2, 'b', 2, now() - interval '1 day')".encode()  # noqa: E501
            )
        for grant in (
            "GRANT USAGE ON SCHEMA public TO {}",
            "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {}",
        ):
            made.execute(sql.SQL(grant).format(sql.Identifier(READER)))
        yield made


def where(database: str) -> dict[str, str]:
    return {"host": "127.0.0.1", "port": str(POSTGRES.server.port), "database": database, "user": READER}


@pytest.fixture
def connection(source: object, request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> Connection:
    """A connection whose first run is done."""
    settings.PATCHBAY_HOME = tmp_path
    secret = {"password": PASSWORD}
    if request.param == "postgres":
        target = create_destination(name="There", kind="postgres", config=where(TARGET), credentials=secret)
    else:
        target = create_destination(name="There", kind="duckdb", config={"file": "lake"})
    made = make_connection(config=where(SOURCE), destination=target, dataset=f"d_{tmp_path.name[-30:]}".lower())
    made.tables.all().delete()
    set_credentials(connection=made, credentials=secret)
    check_and_discover(connection=made)
    made.tables.filter(name__in=MERGED).update(mode="merge", cursor="updated_at")
    assert sync(made).status == JobStatus.SUCCESS
    return made


@pytest.fixture
def read(connection: Connection, tmp_path: Path) -> Read:
    """Read from the destination; `{}` stands for the dataset."""
    kind = connection.destination.kind if connection.destination else ""

    def ask(statement: str) -> Rows:
        whole = statement.format(connection.dataset)
        if kind == "postgres":
            with psycopg.connect(POSTGRES.server.url(TARGET)) as target:
                return target.execute(whole.encode()).fetchall()
        with duckdb.connect(str(tmp_path / "duckdb" / "lake.duckdb"), read_only=True) as lake:
            return lake.execute(whole).fetchall()

    return ask


def sync(connection: Connection) -> Job:
    (job,) = enqueue_sync(connection=Connection.objects.get(pk=connection.pk), actor=None)
    run_job(job.pk)
    job.refresh_from_db()
    return job


def pending(connection: Connection) -> set[str]:
    found = SchemaChange.objects.pending().filter(connection=connection).select_related("table")
    return {f"{one.kind} {one.table.name}.{one.column}" for one in found}


def columns_there(read: Read) -> set[str]:
    found = read("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = '{}'")
    return {f"{table}.{column}" for table, column in found}


@pytest.mark.parametrize(
    ("connection", "policy"),
    [*(("postgres", policy) for policy in SchemaPolicy), ("duckdb", SchemaPolicy.ACCEPT_ALL)],
    indirect=["connection"],
)
def test_what_a_changed_source_leads_to(
    source: psycopg.Connection[Any], connection: Connection, read: Read, policy: SchemaPolicy
) -> None:
    Connection.objects.update(schema_policy=policy)
    source.execute(CHANGES)

    job = sync(connection)

    assert pending(connection) == WAITING[policy]
    assert {query: read(query) for query in DATA[policy]} == DATA[policy]
    assert columns_there(read).isdisjoint(ABSENT[policy])
    connection.refresh_from_db()
    assert connection.pending_changes == len(WAITING[policy])
    if policy == SchemaPolicy.STOP:
        assert (job.status, job.error_code) == (JobStatus.FAILED, "schema_review_pending")
        assert (connection.status, connection.status_reason) == (Status.INCOMPLETE, "schema_review_pending")
    else:
        assert (job.status, job.error_code) == (JobStatus.SUCCESS, "")
        assert (connection.status, connection.status_reason) == (Status.ACTIVE, "ok")
    assert_statuses_derived(connection)


@pytest.mark.parametrize("connection", ["postgres"], indirect=True)
def test_what_is_accepted_flows_and_what_is_ignored_stays_out(
    source: psycopg.Connection[Any], connection: Connection, read: Read
) -> None:
    Connection.objects.update(schema_policy=SchemaPolicy.STOP)
    source.execute(CHANGES)
    sync(connection)
    waiting = {f"{one.kind} {one.table.name}": one.pk for one in SchemaChange.objects.select_related("table")}
    ignored = {waiting["column_added grows"], waiting["column_retyped widens"], waiting["column_dropped emptied"]}
    ignore_changes(connection=connection, ids=ignored, actor=None)
    accept_changes(connection=connection, ids=set(waiting.values()) - ignored, actor=None)

    assert sync(connection).status == JobStatus.SUCCESS

    expected = BEFORE | FLOWS | ALL_FLOWS | {
        "SELECT id, w FROM {}.renamed ORDER BY id": [(1, None), (2, "b"), (3, "c")],
        # The column that has another type is left out; the other rows and columns go on.
        "SELECT id, n FROM {}.widens ORDER BY id": [(1, 1), (2, None), (3, None)],
        "SELECT id, v FROM {}.widens ORDER BY id": [(1, "a"), (2, "b"), (3, "c")],
        # A table that is replaced keeps its rows until its column is back.
        "SELECT id, v FROM {}.emptied ORDER BY id": [(1, "a"), (2, "b")],
    }  # fmt: skip
    assert {query: read(query) for query in expected} == expected
    assert "grows.extra" not in columns_there(read)

    source.execute("ALTER TABLE emptied ADD v text DEFAULT 'back'; ALTER TABLE grows ALTER extra TYPE varchar(9)")
    assert sync(connection).status == JobStatus.FAILED
    assert pending(connection) == {"column_added grows.extra"}
    back = SchemaChange.objects.pending().get()
    accept_changes(connection=connection, ids={back.pk}, actor=None)
    assert sync(connection).status == JobStatus.SUCCESS
    assert read("SELECT id, v FROM {}.emptied ORDER BY id") == [(1, "back"), (2, "back"), (3, "back")]
    assert read("SELECT id, extra FROM {}.grows ORDER BY id") == [(1, None), (2, None), (3, "y")]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Running]:
    running = start_sandbox_process()
    yield running
    running.session.close()
    running.process.kill()
    running.process.communicate()


@pytest.mark.parametrize("policy", [SchemaPolicy.ACCEPT_ALL, SchemaPolicy.REVIEW])
def test_api_that_has_changed(sandbox: Running, settings: Settings, tmp_path: Path, policy: SchemaPolicy) -> None:
    """What is stored is brought to how an older version of the API would have been found."""
    settings.PATCHBAY_HOME = tmp_path
    lake = create_destination(name="There", kind="duckdb", config={"file": "lake"})
    made = make_connection(
        provider="sandbox_payroll", config={"base_url": sandbox.url}, destination=lake, dataset="payroll"
    )
    made.tables.all().delete()
    set_credentials(connection=made, credentials={"api_key": API_KEY})
    check_and_discover(connection=made)
    made.entities.exclude(pk=made.entities.order_by("name").values_list("pk", flat=True)[0]).update(is_selected=False)
    Table.objects.filter(name="pay_statements").delete()
    Table.objects.create(connection=made, name="shifts", keys=["id"], agreed=[["id", "text"]], found=[["id", "text"]])
    older = {"title": None, "department": "bigint", "badge": "text"}
    employees = Table.objects.get(name="employees")
    kept = [[name, older.get(name, kind)] for name, kind in employees.agreed if older.get(name, kind) is not None]
    employees.agreed = employees.found = [*kept, ["badge", "text"]]
    employees.save()
    Connection.objects.update(schema_policy=policy, schema_read_at=None)

    job = sync(made)

    assert job.status == JobStatus.SUCCESS
    waits = {
        "column_added employees.title", "column_dropped employees.badge", "column_retyped employees.department",
        "table_dropped shifts.", "table_added pay_statements.",
    }  # fmt: skip
    is_all = policy == SchemaPolicy.ACCEPT_ALL
    assert pending(made) == (set() if is_all else waits)
    copied = {one["name"] for one in job.tables}
    assert copied & {"employees", "pay_runs", "pay_statements", "shifts"} == (
        {"employees", "pay_runs", "pay_statements"} if is_all else {"pay_runs"}
    )


@pytest.mark.parametrize("connection", ["postgres"], indirect=True)
def test_new_table_is_noticed_a_quarter_of_an_hour_later_or_when_asked(
    source: psycopg.Connection[Any], connection: Connection
) -> None:
    source.execute("CREATE TABLE comes AS SELECT 1 AS id")
    sync(connection)
    assert pending(connection) == set()

    Connection.objects.update(schema_read_at=timezone.now() - timedelta(minutes=16))
    job = sync(connection)

    assert (job.status, pending(connection)) == (JobStatus.SUCCESS, {"table_added comes."})
    source.execute("DROP TABLE comes")
    asked = enqueue_discover(connection=connection, actor=None)
    run_job(asked.pk)
    assert pending(connection) == set()
    assert Table.objects.get(name="comes").gone_at is not None
