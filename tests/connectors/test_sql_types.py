"""Types that usually break, of each SQL source, to PostgreSQL and DuckDB: what arrives, value by value.

What is expected is written here as Python values, which both destinations' clients give; docs/types.md says the same.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from connectors.plan import Endpoint, SyncError
from tests.connectors.recorder import Route, table
from tests.connectors.sql_sources import DuckDbSource, MySqlSource, SqliteSource, SqlSource, canonical
from tests.connectors.test_sql_syncs import rows_at

# A time without a zone.
local = datetime.fromisoformat

MYSQL = """
    CREATE TABLE odd (
        id bigint unsigned PRIMARY KEY, flag tinyint(1), big bigint, price decimal(38,10), huge decimal(65,30),
        day date, local datetime(6), moment timestamp(6) NULL, span time(6), made year, doc json, yes bit(1),
        bits bit(10), kind enum('a', 'b"c'), many set('x', 'y'), raw blob, fixed binary(4), note varchar(100),
        latin varchar(20) CHARACTER SET latin1, part float, ratio double, padded int(6) unsigned zerofill,
        place point, token uuid, address inet6
    )
"""
MYSQL_ROWS = (
    r"""(18446744073709551615, 2, 9223372036854775807, 1234567890123456789012345678.0123456789,
    12345678901234567890123456789012345.123456789012345678901234567890, '1000-01-01', '1899-12-31 23:59:59.999999',
    '2024-06-01 12:00:00.5', '838:59:59', 2155, '{"a": [1, "x\\"y"]}', b'1', b'1010101010', 'b"c', 'x,y', 0x00ff5c4e,
    'ab', 'line "two", 🌍 \\N\n', 'Zoë', 0.1, 0.1, 42, POINT(1, 2), '0197c0de-0000-7000-8000-00000000beef', '::1')""",
    r"""(0, -128, -9223372036854775808, 0, 0, '0000-00-00', '0000-00-00', '0000-00-00', '-838:59:59', 0, '[]', b'0', 0,
    '', '', '', '', '', '', -1.5, 1e-300, 0, NULL, NULL, NULL)""",
    "(1" + ", NULL" * 24 + ")",
    "(2, 1, 1, 1, 1, '2024-02-00', '0000-05-01', NULL, '00:00:00', 1901" + ", NULL" * 15 + ")",
)
MYSQL_FOUND: tuple[dict[str, Any], ...] = (
    {
        "id": Decimal(18446744073709551615), "flag": 2, "big": 2**63 - 1,
        "price": Decimal("1234567890123456789012345678.0123456789"),
        "huge": Decimal("12345678901234567890123456789012345.123456789012345678901234567890"),
        "day": date(1000, 1, 1), "local": local("1899-12-31 23:59:59.999999"),
        "moment": datetime(2024, 6, 1, 12, 0, 0, 500000, UTC), "span": timedelta(hours=838, minutes=59, seconds=59),
        "made": 2155, "doc": {"a": [1, 'x"y']}, "yes": True, "bits": "1010101010", "kind": 'b"c', "many": "x,y",
        "raw": b"\x00\xff\x5c\x4e", "fixed": b"ab\x00\x00", "note": 'line "two", 🌍 \\N\n', "latin": "Zoë",
        "part": 0.1, "ratio": 0.1, "padded": 42, "place": "POINT(1 2)",
        "token": UUID("0197c0de-0000-7000-8000-00000000beef"), "address": "::1",
    },
    {
        "id": Decimal(0), "flag": -128, "big": -(2**63), "price": Decimal(0), "huge": Decimal(0), "day": None,
        "local": None, "moment": None, "span": -timedelta(hours=838, minutes=59, seconds=59), "made": 0, "doc": [],
        "yes": False, "bits": "0000000000", "kind": "", "many": "", "raw": b"", "fixed": b"\x00" * 4, "note": "",
        "latin": "", "part": -1.5, "ratio": 1e-300, "padded": 0,
    },
    {"id": Decimal(1)},
    {
        "id": Decimal(2), "flag": 1, "big": 1, "price": Decimal(1), "huge": Decimal(1), "span": timedelta(0),
        "made": 1901,
    },
)  # fmt: skip

SQLITE = """
    CREATE TABLE odd (
        id INTEGER PRIMARY KEY, flag BOOLEAN, big BIGINT, price DECIMAL(38,10), day DATE, local DATETIME,
        moment TIMESTAMPTZ, note VARCHAR(100), anything, raw BLOB, ratio REAL, doc JSON, said STRING
    )
"""
SQLITE_ROWS = (
    """(9223372036854775807, 1, -9223372036854775808, 12345678.25, '1000-01-01', '1899-12-31 23:59:59.999999',
    '2024-06-01T12:00:00.5+02:00', 'line "two", 🌍 \\N', 42, x'00ff5c4e', 9e999, '{"a": [1]}', 'text')""",
    "(0, 0, 0, 3, '0001-01-01', '2024-01-01T00:00Z', '1970-01-01', '', '', '', -9e999, '[]', '')",
    "(1" + ", NULL" * 12 + ")",
    "(2, 'true', 1, '1.5', NULL, NULL, NULL, 12, x'ff', 'as text', 1e300, 'null', 1.5)",
)
SQLITE_FOUND: tuple[dict[str, Any], ...] = (
    {
        "id": 2**63 - 1, "flag": True, "big": -(2**63), "price": Decimal("12345678.25"), "day": date(1000, 1, 1),
        "local": local("1899-12-31 23:59:59.999999"), "moment": datetime(2024, 6, 1, 10, 0, 0, 500000, UTC),
        "note": 'line "two", 🌍 \\N', "anything": "42", "raw": b"\x00\xff\x5c\x4e", "ratio": math.inf,
        "doc": {"a": [1]}, "said": "text",
    },
    {
        "id": 0, "flag": False, "big": 0, "price": Decimal(3), "day": date(1, 1, 1), "local": local("2024-01-01"),
        "moment": datetime(1970, 1, 1, tzinfo=UTC), "note": "", "anything": "", "raw": b"", "ratio": -math.inf,
        "doc": [], "said": "",
    },
    {"id": 1},
    {
        "id": 2, "flag": True, "big": 1, "price": Decimal("1.5"), "note": "12", "anything": "\\xff", "raw": b"as text",
        "ratio": 1e300, "said": "1.5",
    },
)  # fmt: skip

DUCKDB = """
    CREATE TABLE odd (
        id UBIGINT PRIMARY KEY, flag BOOLEAN, tiny TINYINT, huge HUGEINT, price DECIMAL(38,10), day DATE,
        local TIMESTAMP, moment TIMESTAMPTZ, nano TIMESTAMP_NS, clock TIME, span INTERVAL, note VARCHAR, raw BLOB,
        ratio DOUBLE, part FLOAT, token UUID, doc JSON, numbers INTEGER[], pair STRUCT(a INTEGER, b VARCHAR),
        known MAP(VARCHAR, INTEGER), kind ENUM('happy', 'sad'), bits BIT
    )
"""
DUCKDB_ROWS = (
    """(18446744073709551615, true, -128, 170141183460469231731687303715884105727,
    1234567890123456789012345678.0123456789, '1000-01-01', '1899-12-31 23:59:59.999999', '2024-06-01 12:00:00.5+02',
    '2024-06-01 12:00:00.123456789', '23:59:59.123456', INTERVAL '1 year 2 days 03:04:05', 'line "two", 🌍 \\N',
    '\\x00\\xFF\\x5C\\x4E'::BLOB, 'NaN', 'Infinity', '0197c0de-0000-7000-8000-00000000beef', '{"kept":  1}',
    [1, NULL, 3], {'a': 1, 'b': 'x"y'}, MAP {'k': 1}, 'happy', '0101'::BIT)""",
    """(0, false, 127, -170141183460469231731687303715884105727, 0, '0001-01-01', '1970-01-01', '1970-01-01 00:00+00',
    '1970-01-01', '00:00', INTERVAL '-1 day', '', '', '-Infinity', 0.1, '00000000-0000-0000-0000-000000000000', '[]',
    [], {'a': NULL, 'b': ''}, MAP {}, 'sad', '1'::BIT)""",
    "(1" + ", NULL" * 21 + ")",
)
DUCKDB_FOUND: tuple[dict[str, Any], ...] = (
    {
        "id": Decimal(18446744073709551615), "flag": True, "tiny": -128, "huge": Decimal(2**127 - 1),
        "price": Decimal("1234567890123456789012345678.0123456789"), "day": date(1000, 1, 1),
        "local": local("1899-12-31 23:59:59.999999"), "moment": datetime(2024, 6, 1, 10, 0, 0, 500000, UTC),
        "nano": local("2024-06-01 12:00:00.123457"), "clock": "23:59:59.123456", "note": 'line "two", 🌍 \\N',
        "raw": b"\x00\xff\x5c\x4e", "ratio": math.nan, "part": math.inf,
        "token": UUID("0197c0de-0000-7000-8000-00000000beef"), "doc": {"kept": 1}, "numbers": [1, None, 3],
        "pair": {"a": 1, "b": 'x"y'}, "known": {"k": 1}, "kind": "happy", "bits": "0101",
    },
    {
        "id": Decimal(0), "flag": False, "tiny": 127, "huge": Decimal(-(2**127) + 1), "price": Decimal(0),
        "day": date(1, 1, 1), "local": local("1970-01-01"), "moment": datetime(1970, 1, 1, tzinfo=UTC),
        "nano": local("1970-01-01"), "clock": "00:00:00", "note": "", "raw": b"", "ratio": -math.inf, "part": 0.1,
        "token": UUID(int=0), "doc": [], "numbers": [], "pair": {"a": None, "b": ""}, "known": {}, "kind": "sad",
        "bits": "1",
    },
    {"id": Decimal(1)},
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "create", "rows", "expected"),
    [
        ("mysql", MYSQL, MYSQL_ROWS, MYSQL_FOUND),
        ("sqlite", SQLITE, SQLITE_ROWS, SQLITE_FOUND),
        ("duckdb_file", DUCKDB, DUCKDB_ROWS, DUCKDB_FOUND),
    ],
)
@pytest.mark.parametrize("end", ["warehouse", "duck"])
def test_every_type_arrives(
    name: str,
    create: str,
    rows: tuple[str, ...],
    expected: tuple[dict[str, Any], ...],
    end: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    source: SqlSource = request.getfixturevalue(name)
    source.run(create, *(f"INSERT INTO odd VALUES {row}" for row in rows))
    destination: Endpoint = request.getfixturevalue(end)
    route = Route(source.endpoint, destination, tmp_path / "work", entity=source.entity)

    route.sync(table("odd", "id"))

    for wanted in expected:
        names = list(wanted)
        columns = ", ".join(f'"{one}"' for one in names)
        (found,) = rows_at(route, f"SELECT {columns} FROM {{}}odd WHERE id = {wanted['id']}")
        assert {one: _alike(value) for one, value in zip(names, found, strict=True)} == {
            one: _alike(value) for one, value in wanted.items()
        }
    nulls = len(next(row for row in rows if row.startswith("(1,")).split(",")) - 1
    counted = rows_at(route, "SELECT * FROM {}odd WHERE id = 1")[0]
    assert sum(value is None for value in counted) == nulls


def _alike(value: Any) -> str:
    """Return one text for what a destination keeps as its own type, or as text where it has none."""
    if isinstance(value, timedelta):
        hours, rest = divmod(abs(int(value.total_seconds())), 3600)
        return f"{'-' if value < timedelta(0) else ''}{hours:02}:{rest // 60:02}:{rest % 60:02}"
    if isinstance(value, (str, IPv6Address)):
        return _of_text(str(value))
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.7g}"
    return canonical(value)


def _of_text(value: str) -> str:
    """A DuckDB file keeps some types as text: JSON, spans, decimals beyond 38 digits."""
    if value[:1] in {"{", "["}:
        return canonical(json.loads(value))
    if value.replace(".", "").replace("-", "").isdigit() and len(value) > 30:
        return canonical(Decimal(value))
    return value.removesuffix(".000000")


@pytest.mark.parametrize(
    ("declared", "value", "kind"),
    [
        ("INTEGER", "'many'", "a text"),
        ("INTEGER", "1.5", "a number"),
        ("REAL", "'many'", "a text"),
        ("DECIMAL(10,2)", "'many'", "a text"),
        ("DECIMAL(10,2)", "9e999", "a number"),
        ("BOOLEAN", "2", "a whole number"),
        ("DATE", "'2024-02-30'", "a text"),
        ("DATETIME", "1717243200", "a whole number"),
        ("DATETIME", "'soon'", "a text"),
        ("TEXT", "x'00'", "bytes"),
        ("BLOB", "1", "a whole number"),
    ],
)
def test_a_value_that_sqlite_keeps_in_a_column_of_another_type_is_told(
    sqlite: SqliteSource, to_postgres: Route, declared: str, value: str, kind: str
) -> None:
    sqlite.run(f"CREATE TABLE t (id INTEGER PRIMARY KEY, c {declared})", f"INSERT INTO t VALUES (1, {value})")
    route = Route(sqlite.endpoint, to_postgres.destination, to_postgres._folder, entity=sqlite.entity)

    with pytest.raises(SyncError, match=f"t: “c” is declared as .* one of its values is {kind} that is none") as caught:
        route.sync(table("t", "id"))

    assert caught.value.code == "bad_record"


def test_a_sqlite_file_whose_types_are_not_to_be_trusted_is_copied_as_text(
    sqlite: SqliteSource, to_postgres: Route
) -> None:
    sqlite.run("CREATE TABLE t (id INTEGER PRIMARY KEY, c INTEGER)", "INSERT INTO t VALUES (1, 'many'), (2, x'ff')")
    endpoint = Endpoint("sqlite", {**sqlite.endpoint.config, "types": "text"})
    route = Route(endpoint, to_postgres.destination, to_postgres._folder, entity=sqlite.entity)

    route.sync(table("t", "id"))

    assert rows_at(route, "SELECT id, c FROM {}t ORDER BY id") == [("1", "many"), ("2", "\\xff")]


def test_a_day_of_zeros_counts_as_no_cursor(mysql: MySqlSource, to_postgres: Route) -> None:
    """It is copied as NULL, so the row is read each time, as any row without a cursor value is."""
    mysql.run("CREATE TABLE t (id int PRIMARY KEY, at datetime)", "INSERT INTO t VALUES (1, '2024-01-01')")
    merged = table("t", "id", mode="merge", cursor="at")
    route = Route(mysql.endpoint, to_postgres.destination, to_postgres._folder, entity=mysql.entity)
    route.sync(merged)
    mysql.run("INSERT INTO t VALUES (2, '0000-00-00')")

    route.sync(merged)

    assert rows_at(route, "SELECT id, at FROM {}t ORDER BY id") == [(1, local("2024-01-01")), (2, None)]


def test_a_view_of_a_duckdb_file_reads_no_other_file(
    duckdb_file: DuckDbSource, to_postgres: Route, tmp_path: Path
) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    duckdb_file.run(f"CREATE VIEW spy AS SELECT * FROM read_csv('{tmp_path}/secret.csv')")
    route = Route(duckdb_file.endpoint, to_postgres.destination, to_postgres._folder, entity="main")

    with pytest.raises(SyncError) as caught:
        route.sync(table("spy"))

    assert caught.value.code == "insufficient_permissions"
