"""Readers of files: which columns are found, what each value becomes, and what is refused in which words."""

from __future__ import annotations

import csv
import gzip
import json
import resource
from pathlib import Path

import duckdb
import pytest

from connectors import protect
from connectors.engine import shaping
from connectors.files import names, types
from connectors.files.layout import Layout, Limits, format_of, stem_of
from connectors.files.opening import DataFile, Source, Wanted, open_file
from connectors.plan import Protection, RowFilter, SyncError
from connectors.providers.feed import Column

ROW = Column(names.ROW, "bigint", postgres_type="bigint")


def ready(folder: Path, name: str, content: bytes | str, layout: Layout | None = None, **limits: int) -> DataFile:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return open_file(path, name=name, folder=folder, layout=layout, limits=Limits(**limits))


def kinds(file: DataFile) -> dict[str, str]:
    return {column.name: column.postgres_type for column in file.columns}


def written(file: DataFile, folder: Path, *columns: Column) -> list[list[str | None]]:
    r"""The rows as the engine's text holds them, header first; a bare \N is None."""
    target = folder / "written.csv"
    target.unlink(missing_ok=True)
    count = file.write(Wanted(columns or file.columns), Source(file.name, "2026-01-01"), target)
    text = target.read_text(encoding="utf-8")
    # Every value is quoted, so a mark outside of quotes is NULL.
    rows = list(csv.reader(text.replace("\\N", '"\x01"').splitlines(keepends=True)))
    assert count == len(rows) - 1
    return [[None if value == "\x01" else value for value in row] for row in rows]


def test_types_of_csv_keep_each_value_as_it_is(tmp_path: Path) -> None:
    file = ready(
        tmp_path,
        "all.csv",
        "id,zip,price,ratio,tiny,on,day,moment,local,clock,long,none,text\n"
        "9223372036854775807,007,12.50,1e-300,0.00012345678901234567,TRUE,1899-12-31,2024-06-01T12:00:00+02:00,"
        '2024-06-01 12:00:00.5,23:59,12345678901234567890123,,"a ""b""\nc"\n'
        "-1,1,-0.5,NaN,1,false,2024-02-29,2024-06-01 12:00:00Z,1800-01-01T00:00,00:00:01,1,,\\N\n",
    )

    assert kinds(file) == {
        "id": "bigint", "zip": "text", "price": "numeric", "ratio": "double precision", "tiny": "double precision",
        "on": "boolean", "day": "date", "moment": "timestamp with time zone", "local": "timestamp without time zone",
        "clock": "time without time zone", "long": "text", "none": "text", "text": "text",
    }  # fmt: skip
    assert written(file, tmp_path)[1] == [
        "9223372036854775807", "007", "12.50", "1e-300", "0.00012345678901234567", "true", "1899-12-31",
        "2024-06-01 10:00:00+00", "2024-06-01 12:00:00.5", "23:59", "12345678901234567890123", None, 'a "b"\nc',
    ]  # fmt: skip


def test_of_json_lines_objects_stay_json_and_numbers_keep_their_digits(tmp_path: Path) -> None:
    lines = [
        {
            "id": 1,
            "big": 12345678901234567890,
            "x": 1,
            "on": True,
            "at": "2024-06-01T12:00:00Z",
            "doc": {"a": [1, None]},
        },
        {"id": 2, "big": 5, "x": 0.5, "on": None, "at": None, "doc": "plain", "A/b~": "007", "a/B~": ""},
    ]  # fmt: skip
    file = ready(tmp_path, "all.jsonl", "\n".join(json.dumps(line) for line in lines))

    assert kinds(file) == {
        "id": "bigint", "big": "numeric", "x": "double precision", "on": "boolean", "at": "timestamp with time zone",
        "doc": "jsonb", "A/b~": "text", "a/B~_2": "text",
    }  # fmt: skip
    assert written(file, tmp_path)[1:] == [
        ["1", "12345678901234567890", "1", "true", "2024-06-01 12:00:00+00", '{"a":[1,null]}', None, None],
        ["2", "5", "0.5", None, None, '"plain"', "007", ""],
    ]


def test_of_parquet_each_type_has_its_equal(tmp_path: Path) -> None:
    duckdb.connect().execute(
        "SET TimeZone = 'UTC'; COPY (SELECT 1::utinyint AS u, 18446744073709551615::ubigint AS ub, "
        "1.5::decimal(38, 10) AS d, 'nan'::double AS f, date '0044-03-15 (BC)' AS day, "
        "timestamp '0044-03-15 (BC) 10:00:00' AS early, timestamptz '1850-01-01 00:00:00+00' AS moment, "
        "'\\x00\\xFF'::blob AS raw, '0197c0de-0000-7000-8000-00000000beef'::uuid AS token, [1, NULL] AS list, "
        "{'a': 'x'} AS struct, MAP {'k': 1} AS map, time '10:00:00.5' AS clock, '' AS empty, NULL::int AS none, "
        f"timestamp_ns '2020-01-01 10:00:00.123456789' AS fine) TO '{tmp_path}/all.parquet' (FORMAT parquet)"
    )
    file = open_file(tmp_path / "all.parquet", name="all.parquet", folder=tmp_path)

    assert kinds(file) == {
        "u": "smallint", "ub": "numeric(20,0)", "d": "numeric(38,10)", "f": "double precision", "day": "date",
        "early": "timestamp without time zone", "moment": "timestamp with time zone", "raw": "bytea", "token": "uuid",
        "list": "jsonb", "struct": "jsonb", "map": "jsonb", "clock": "time without time zone", "empty": "text",
        "none": "integer", "fine": "timestamp without time zone",
    }  # fmt: skip
    assert written(file, tmp_path)[1] == [
        "1", "18446744073709551615", "1.5000000000", "nan", "0044-03-15 BC", "0044-03-15 10:00:00 BC",
        "1850-01-01 00:00:00+00", "\\x00ff", "0197c0de-0000-7000-8000-00000000beef", "[1,null]", '{"a":"x"}',
        '{"k":1}', "10:00:00.5", "", None, "2020-01-01 10:00:00.123457",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "columns", "rows"),
    [
        ("semi.csv", 'x;y\n1,5;"a,b"\n', ["x", "y"], [["1,5", "a,b"]]),
        ("tabs.tsv", "1\t2\n3\t4\n", ["column_1", "column_2"], [["1", "2"], ["3", "4"]]),
        ("mark.csv", b"\xef\xbb\xbfa,b\n1,2\n", ["a", "b"], [["1", "2"]]),
        ("wide.csv", "a,b\nü,2\n".encode("utf-16"), ["a", "b"], [["ü", "2"]]),
        ("ends.csv", "a,b\r\n1,2\r\n", ["a", "b"], [["1", "2"]]),
        ("packed.csv.gz", gzip.compress(b"a\n1\n") + gzip.compress(b"2\n"), ["a"], [["1"], ["2"]]),
        ("packed.jsonl.gz", gzip.compress(b'{"a":1}\n'), ["a"], [["1"]]),
        ("one.csv", "a\n1\n\n2\n", ["a"], [["1"], [None], ["2"]]),
        ("head.csv", "a,b\n", ["a", "b"], []),
        ("empty.csv", "", [], []),
        ("blank.csv", "\n\n", [], []),
        ("empty.jsonl", "", [], []),
    ],
)  # fmt: skip
def test_how_a_file_is_laid_out_is_found_out(
    name: str, content: bytes | str, columns: list[str], rows: list[list[str]], tmp_path: Path
) -> None:
    file = ready(tmp_path, name, content)

    assert [column.name for column in file.columns] == columns
    assert written(file, tmp_path, *file.columns, ROW)[1:] == [
        [*row, str(number)] for number, row in enumerate(rows, start=1)
    ]


def test_what_is_said_of_the_layout_is_kept(tmp_path: Path) -> None:
    said = Layout(format="csv", delimiter=";", quote="'", encoding="windows-1252", first_line="data", is_all_text=True)

    file = ready(tmp_path, "export.dat", "1;'ü;x'\n2;€\n".encode("windows-1252"), said)

    assert kinds(file) == {"column_1": "text", "column_2": "text"}
    assert written(file, tmp_path)[1:] == [["1", "ü;x"], ["2", "€"]]


def test_names_are_usable_everywhere_and_each_is_there_once() -> None:
    found = names.column_names(["a", "A", 'x"y', "", "_file", "\u202eevil\x00\nname", "n" * 80, "é" * 40, "n" * 70])

    assert found == (
        "a", "A_2", 'x"y', "column_4", "_file_2", "evil name", "n" * 63, "é" * 31, "n" * 61 + "_2",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "code", "told"),
    [
        ("more.csv", "a,b\n" + "1,2\n" * 5000 + "1,2,3\n" + "1,2\n" * 5000, "bad_record",
         "more.csv, line 5,002 has another number of values than the file has columns."),
        ("less.csv", "a,b\n1,2\n1\n", "bad_record",
         "less.csv, line 3 has another number of values than the file has columns."),
        ("open.csv", 'a,b\n1,2\n1,"x\n', "bad_record",
         "open.csv, line 3 holds a quotation mark that is not closed, or stands in the middle of a value."),
        ("late.csv", "a,b\n" + "1,2\n" * 50 + '1,"3"\n1,N/A\n', "bad_record",
         "late.csv, line 53: “b” is bigint in what was looked at to find its type, and this value is not."),
        ("zeros.csv", "a\n" + "1\n" * 50 + "007\n", "bad_record",
         "zeros.csv, line 52: “a” is bigint in what was looked at to find its type, and this value is not."),
        ("mixed.csv", b"a,b\n1,2\n\xfc,2\n", "bad_record",
         "mixed.csv, line 3 is not written in UTF-8. Say in the settings how it is encoded."),
        ("nul.csv", "a,b\n1,2\nx\x00,2\n", "bad_record", "nul.csv, line 3 holds a NUL character, which is no text."),
        ("nul.jsonl", '{"a":"x\\u0000"}\n', "bad_record",
         "nul.jsonl, line 1: “a” holds a NUL character, which is no text."),
        ("cut.jsonl", '{"a":1}\n{"a":2\n{"a":3}\n', "bad_record", "cut.jsonl, line 2 is no valid JSON."),
        ("list.jsonl", '{"a":1}\n\n[1]\n', "bad_record", "list.jsonl, line 3: it holds no JSON object."),
        ("deep.jsonl", '{"a":1}\n' + "[" * 90_000 + "]" * 90_000, "bad_record",
         "deep.jsonl, line 2: it holds no JSON object."),
        ("cut.csv.gz", gzip.compress(b"a,b\n1,2\n" * 1000)[:-20], "bad_record",
         "cut.csv.gz cannot be unpacked: it is damaged, or was cut off."),
        ("cut.parquet", b"PAR1" + b"x" * 40, "bad_record",
         "cut.parquet is no whole Parquet file: it is another kind of file, or was cut off."),
        ("odd.parquet", b"PAR1" + b"x" * 40 + b"PAR1", "bad_record",
         "odd.parquet cannot be read as Parquet: it is damaged."),
        ("bomb.csv.gz", gzip.compress(b"0,0\n" * 1_000_000, mtime=0), "file_too_large",
         "bomb.csv.gz has 3,916 bytes and grows to more than 200 times that when unpacked. This is not allowed."),
        ("wide.csv", ",".join(f"c{n}" for n in range(5000)), "file_too_large",
         "wide.csv has 5,000 columns; 1,500 are allowed."),
        ("large.csv", "a\n" * 2_000_000, "file_too_large", "large.csv has 4,000,000 bytes; 3,900,000 are allowed."),
        ("page.html", "<html>", "misconfigured",
         "page.html is no CSV, JSON lines or Parquet file, as far as its name tells."),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_refused_with_its_line(
    name: str, content: bytes | str, code: str, told: str, tmp_path: Path
) -> None:
    def read() -> None:
        file = ready(tmp_path, name, content, free_bytes=1_000_000, file_bytes=3_900_000, sample_rows=20)
        written(file, tmp_path, *file.columns, ROW)

    with pytest.raises(SyncError) as refused:
        read()

    assert (refused.value.code, refused.value.detail) == (code, told)


def test_a_line_without_end_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "endless.csv"
    with path.open("wb") as file:
        file.write(b"a,b\n1,")
        # A hole of 200 MB, then text: a sparse file costs no disk here.
        for _ in range(200):
            file.write(b"x" * 1_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with pytest.raises(SyncError) as refused:
        open_file(path, name="endless.csv", folder=tmp_path)

    assert refused.value.detail == "endless.csv, line 2 is longer than 8,388,608 characters."
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


def test_a_column_that_a_file_has_not_is_null(tmp_path: Path) -> None:
    file = ready(tmp_path, "less.csv", "id,v\n1,a\n")
    columns = (*file.columns, types.column("more", types.TEXT), types.column(names.FILE, types.TEXT), ROW)

    assert written(file, tmp_path, *columns)[1:] == [["1", "a", None, "less.csv", "1"]]


def test_a_value_of_another_file_is_held_to_the_type_of_the_table(tmp_path: Path) -> None:
    duckdb.connect().execute(f"COPY (SELECT '12' AS n, 5 AS t) TO '{tmp_path}/n.parquet' (FORMAT parquet)")
    file = open_file(tmp_path / "n.parquet", name="n.parquet", folder=tmp_path)

    assert written(file, tmp_path, types.column("n", types.BIGINT), types.column("t", types.TEXT))[1:] == [["12", "5"]]
    with pytest.raises(SyncError, match=r"n\.parquet, row 1: “t” is boolean in what was looked at"):
        written(file, tmp_path, types.column("t", types.BOOLEAN))


def test_names_tell_the_format_and_the_table() -> None:
    assert [format_of(name) for name in ("a.CSV", "b.tsv.gz", "c.ndjson", "d.parquet", "e.xlsx", "f")] == [
        "csv", "csv", "jsonl", "parquet", None, None,
    ]  # fmt: skip
    assert [stem_of(name) for name in ("x/a.csv", "b.tar.jsonl.GZ", "c", "d.e")] == ["a", "b.tar", "c", "d.e"]


ROWS: list[dict[str, str | int | float | bool | None]] = [
    {"id": 1, "name": "Zoë O'Hara", "amount": 10.5, "paid": True, "day": "2024-01-31", "at": "2024-01-31T12:00:00Z"},
    {"id": 2, "name": "%_", "amount": -1.25, "paid": False, "day": "2024-02-01", "at": "2024-02-01T00:00:00+02:00"},
    {"id": 10, "name": "雪🌍4711", "amount": 2.0, "paid": None, "day": None, "at": None},
    {"id": 11, "name": None, "amount": None, "paid": True, "day": "1899-12-31", "at": "1899-12-31T00:00:00Z"},
]
FILTERS = [
    RowFilter("id", "gt", "2"), RowFilter("id", "in", "1\n11\n"), RowFilter("name", "ne", "%_"),
    RowFilter("name", "contains", "%"), RowFilter("name", "starts_with", "Zoë O'"),
    RowFilter("name", "eq", "zoë o'hara"),
    RowFilter("amount", "le", " 2.00 "), RowFilter("paid", "eq", "yes"), RowFilter("paid", "ne", "f"),
    RowFilter("day", "lt", "2024-02-01"), RowFilter("at", "ge", "2024-01-31 22:00"), RowFilter("at", "is_null"),
    RowFilter("name", "is_not_null"), RowFilter("name", "in", ""),
]  # fmt: skip


@pytest.mark.parametrize("one", FILTERS, ids=lambda one: f"{one.column} {one.operator}")
def test_row_filters_leave_the_rows_that_they_leave_everywhere(one: RowFilter, tmp_path: Path) -> None:
    file = ready(tmp_path, "rows.jsonl", "\n".join(json.dumps(row) for row in ROWS))
    column = next(known for known in file.columns if known.name == one.column)
    keeps = shaping.condition(one, column.data_type)
    target = tmp_path / "written.csv"

    file.write(Wanted((file.columns[0],), ((one, column),)), Source(file.name, ""), target)

    assert target.read_text().split()[1:] == [f'"{row["id"]}"' for row in ROWS if keeps(dict(row))]


@pytest.mark.parametrize("how", ["hash", "mask"])
def test_protected_values_are_those_that_they_are_everywhere(how: Protection, tmp_path: Path) -> None:
    file = ready(tmp_path, "rows.jsonl", "\n".join(json.dumps(row) for row in ROWS))
    column = types.column("name", types.TEXT)
    target = tmp_path / "written.csv"

    file.write(Wanted((column,), protected={"name": how}, protection_key="k'ey"), Source(file.name, ""), target)

    expected = [protect.protected(str(row["name"]) if row["name"] else None, how, "k'ey") for row in ROWS]
    told = ["\\N" if one is None else f'"{one}"' for one in expected]
    assert target.read_text(encoding="utf-8").splitlines()[1:] == told
