"""Hostile SQL sources: names and values made to break something. A clear code each, and nothing half-loaded."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from psycopg.rows import TupleRow

from connectors.plan import Endpoint, RowFilter, SyncError
from connectors.providers import registry
from tests.connectors.recorder import Route, table
from tests.connectors.sql_sources import DuckDbSource, MySqlSource, SqliteSource, SqlSource
from tests.connectors.test_sql_syncs import rows_at

QUOTED = {"mysql": "`{}`", "sqlite": '"{}"', "duckdb_file": '"{}"'}
# A turn of the direction of writing, which may make a name read as another one.
BIDI = "user\u202etxt.exe"
LONG = "c" * 64


def route_of(source: SqlSource, destination: Endpoint, tmp_path: Path) -> Route:
    return Route(source.endpoint, destination, tmp_path / "work", entity=source.entity)


def refusal(route: Route, name: str, *keys: str) -> SyncError:
    with pytest.raises(SyncError) as caught:
        route.sync(table(name, *keys))
    return caught.value


def test_names_of_columns_arrive_whatever_is_in_them(
    sql_source: SqlSource, warehouse: Endpoint, tmp_path: Path
) -> None:
    names = ["select", "a b", "a`b", "it's", "drop--", BIDI, LONG, "Ünïcode 雪"]
    quoted = [_quote(sql_source, name) for name in names]
    columns = ", ".join(f"{name} varchar(20)" for name in quoted)
    sql_source.run(f"CREATE TABLE odd (id int PRIMARY KEY, {columns})")
    sql_source.run(f"INSERT INTO odd VALUES (1, {', '.join(repr(str(n)) for n in range(len(names)))})")
    route = route_of(sql_source, warehouse, tmp_path)

    route.sync(table("odd", "id"))

    found = dict(zip(_columns(route), rows_at(route, "SELECT * FROM {}odd")[0], strict=True))
    assert found == {"id": 1, **{_kept(name, found): str(n) for n, name in enumerate(names)}}


def test_a_name_that_would_be_run_at_the_destination_is_refused(
    sql_source: SqlSource, warehouse: Endpoint, warehouse_db: psycopg.Connection[TupleRow], tmp_path: Path
) -> None:
    """dlt cuts its statements at a semicolon, in a quoted name as well."""
    evil = "a; CREATE TABLE public.taken (id int) --"
    sql_source.run(f"CREATE TABLE t (id int PRIMARY KEY, {_quote(sql_source, evil)} int)")
    sql_source.run("INSERT INTO t VALUES (1, 2)", f"CREATE TABLE {_quote(sql_source, 'b; SELECT 1')} (id int)")
    route = route_of(sql_source, warehouse, tmp_path)

    said = [refusal(route, "t", "id").detail, refusal(route, "b; SELECT 1").detail]
    route.sync(table("t", "id", columns=("id",)))

    assert said == [
        f"The column “{evil}” of t cannot be copied with “;” in its name. Leave it out.",
        "The table “b; SELECT 1” cannot be copied with “;” in its name.",
    ]
    assert warehouse_db.execute("SELECT to_regclass('public.taken')").fetchone() == (None,)


def _quote(source: SqlSource, name: str) -> str:
    kept = name.replace("`", "``") if source.endpoint.kind == "mysql" else name.replace('"', '""')
    return QUOTED[source.endpoint.kind].format(kept)


def _columns(route: Route) -> list[str]:
    asked = "SELECT attname FROM pg_attribute WHERE attrelid = '{}odd'::regclass AND attnum > 0 ORDER BY attnum"
    return [str(row[0]) for row in rows_at(route, asked)]


def _kept(name: str, found: dict[str, object]) -> str:
    """Return what dlt makes of a name: it writes “_” for a quote, and a digest at the end of more than 63 bytes."""
    if name != LONG:
        return name.replace("'", "_")
    (shortened,) = [one for one in found if one.startswith("ccc")]
    assert len(shortened) <= 63
    return shortened


@pytest.mark.parametrize("name", ['quote"d', "dotted.name", "percent%s", "it's"])
def test_a_table_whose_name_cannot_be_kept_is_refused(
    sql_source: SqlSource, warehouse: Endpoint, tmp_path: Path, name: str
) -> None:
    sql_source.run(f"CREATE TABLE {_quote(sql_source, name)} (id int PRIMARY KEY)")

    error = refusal(route_of(sql_source, warehouse, tmp_path), name, "id")

    assert (error.code, "cannot be copied with" in error.detail) == ("misconfigured", True)


def test_a_table_whose_name_is_beyond_all_measure_is_not_offered(
    sqlite: SqliteSource, duckdb_file: DuckDbSource
) -> None:
    for source in (sqlite, duckdb_file):
        source.run(f'CREATE TABLE "{"x" * 201}" (id int)', f'CREATE TABLE "{"y" * 200}" (id int)')

        found = registry.access(source.endpoint.kind).list_tables(source.endpoint, source.entity)

        assert [table.name for table in found] == ["y" * 200]


@pytest.mark.parametrize("value", ["a\x00b", "\x00"])
def test_a_nul_in_a_text_is_refused_and_nothing_is_loaded(
    sql_source: SqlSource, warehouse: Endpoint, tmp_path: Path, value: str
) -> None:
    sql_source.run("CREATE TABLE t (id int PRIMARY KEY, note varchar(20))")
    sql_source.fill("t", [(1, "before"), (2, "good")])
    route = route_of(sql_source, warehouse, tmp_path)
    route.sync(table("t", "id"))
    sql_source.fill("t", [(3, value), (4, "after")])

    error = refusal(route, "t", "id")

    assert (error.code, "holds the character NUL" in error.detail) == ("bad_record", True)
    assert rows_at(route, "SELECT id, note FROM {}t ORDER BY id") == [(1, "before"), (2, "good")]


def test_more_columns_than_a_destination_takes_are_refused(
    duckdb_file: DuckDbSource, warehouse: Endpoint, duck: Endpoint, tmp_path: Path
) -> None:
    columns = ", ".join(f"c{number} INTEGER" for number in range(5_000))
    duckdb_file.run(f"CREATE TABLE wide ({columns})", "INSERT INTO wide (c0, c4999) VALUES (1, 2)")

    error = refusal(route_of(duckdb_file, warehouse, tmp_path), "wide")
    few = route_of(duckdb_file, duck, tmp_path / "few")
    few.sync(table("wide", columns=("c0", "c4999")))

    assert (error.code, "1600 columns" in error.detail) == ("misconfigured", True)
    assert rows_at(few, "SELECT c0, c4999 FROM {}wide") == [(1, 2)]


def test_text_that_is_none_in_its_encoding_is_refused(
    sqlite: SqliteSource, warehouse: Endpoint, tmp_path: Path
) -> None:
    sqlite.run("CREATE TABLE t (id INTEGER PRIMARY KEY, note TEXT)", "INSERT INTO t VALUES (1, CAST(x'ff41' AS TEXT))")

    error = refusal(route_of(sqlite, warehouse, tmp_path), "t", "id")

    assert (error.code, error.detail) == ("bad_record", "A text of the file is no UTF-8.")


def test_a_row_beyond_what_the_server_hands_over_is_refused(
    mysql: MySqlSource, warehouse: Endpoint, tmp_path: Path
) -> None:
    mysql.run("CREATE TABLE t (id int PRIMARY KEY, big longtext)", "SET @@global.max_allowed_packet = 1048576")
    try:
        writer = MySqlSource.__new__(MySqlSource)
        writer._connection = mysql.server.connect("shop")
        half = "INSERT INTO t VALUES (1, REPEAT('x', 600000))"
        writer.run(half, "UPDATE t SET big = CONCAT(big, REPEAT('y', 448574))")
        writer.close()

        error = refusal(route_of(mysql, warehouse, tmp_path), "t", "id")
    finally:
        mysql.run("SET @@global.max_allowed_packet = 16777216")

    assert (error.code, "max_allowed_packet" in error.detail) == ("bad_record", True)


def test_a_filter_is_never_read_as_sql(mysql: MySqlSource, warehouse: Endpoint, tmp_path: Path) -> None:
    mysql.run("CREATE TABLE t (id int PRIMARY KEY, note text)")
    evil = ["' OR 1=1 -- ", "\\' OR 1=1 -- ", "\\", "%", "_", "`", "\x1a", "🌍"]
    mysql.fill("t", list(enumerate(evil)))
    route = route_of(mysql, warehouse, tmp_path)
    for number, value in enumerate(evil):
        plan = table("t", "id")
        asked = (RowFilter("note", "contains", value), RowFilter("id", "eq", str(number)))
        object.__setattr__(plan, "filters", asked)

        assert route.sync(plan).tables[0].rows_extracted == 1, value


def test_a_server_that_goes_away_in_the_middle_is_told(
    mysql: MySqlSource, warehouse: Endpoint, warehouse_db: psycopg.Connection[TupleRow], tmp_path: Path
) -> None:
    mysql.run("CREATE TABLE t AS SELECT seq AS id, REPEAT('x', 200) AS note FROM seq_1_to_60000")
    route = route_of(mysql, warehouse, tmp_path)

    from tests.connectors.recorder import Recorder  # noqa: PLC0415

    def kill(kind: str, _what: str) -> bool:
        if kind == "extracted":
            asked = "SELECT id FROM information_schema.processlist WHERE user = 'shop_reader'"
            mysql.run(*(f"KILL CONNECTION {row[0]}" for row in mysql.rows(asked)))
        return False

    with pytest.raises(SyncError) as caught:
        route.sync(table("t"), recorder=Recorder(stop_when=kill))

    assert caught.value.code in {"unreachable", "provider_unavailable"}
    there = f"SELECT to_regclass('{route.dataset}.t')"
    assert warehouse_db.execute(there.encode()).fetchone() == (None,)
