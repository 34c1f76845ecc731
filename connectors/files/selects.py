"""The statement that reads a file and writes its rows: each value as the text that all destinations read.

Values that do not fit their column stop it, by DuckDB's `error`, with a mark that says where. Names and values of
people are quoted or bound; nothing of a file becomes a part of the statement unquoted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.files import conditions as conditions_of
from connectors.files import names, types
from connectors.providers.feed import Column

if TYPE_CHECKING:
    from connectors.files.opening import DataFile, Source, Wanted

MARK = "patchbay-refused"
KNOWN = "known_keys"
# The place of what is wrong with a whole line.
NO_OBJECT = 999_999
_BLANK = "NULL::VARCHAR"
_WRITTEN = "FORMAT csv, HEADER, FORCE_QUOTE *, DELIMITER ',', QUOTE '\"', ESCAPE '\"', NULLSTR '\\N'"
# Types that only Parquet tells, for values of other files of the same table.
_DUCK_TYPES = {"smallint": "SMALLINT", "integer": "INTEGER", "real": "FLOAT", "uuid": "UUID", "bytea": "BLOB"}


@dataclass(slots=True)
class Statement:
    """A statement and the values that are bound to its marks, in their order."""

    text: str = ""
    values: list[Any] = field(default_factory=list)

    def bound(self, value: str) -> str:
        """Bind a value and return the mark that stands for it."""
        self.values.append(value)
        return f"${len(self.values)}"


def quoted(name: str) -> str:
    """Return a name as an identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as a literal."""
    return "'" + text.replace("'", "''") + "'"


def copying(file: DataFile, wanted: Wanted, source: Source, target: Path, *, keys: Sequence[str] = ()) -> Statement:
    """Return the statement that writes the wanted rows of `file` to `target`, as a CSV text with a header.

    Of rows with the same `keys` the last one is written, and none whose keys are in the table `KNOWN`.
    """
    statement = Statement()
    reading = _Reading(file, {column.name: place for place, column in enumerate(file.columns)}, source)
    made = [
        f"{reading.shown(column, place, wanted, statement.bound)} AS {quoted(column.name)}"
        for place, column in enumerate(wanted.columns)
    ]
    if keys:
        made.append("r")
    text = f"SELECT {', '.join(made)} FROM ({_rows(file)})"
    conditions = [
        conditions_of.condition(one, column, reading.raw(column), statement.bound) for one, column in wanted.filters
    ]
    if file.format == "jsonl":
        conditions.insert(0, f"CASE WHEN is_object THEN true ELSE {_refusal(NO_OBJECT, 'BOOLEAN')} END")
    if conditions:
        text += f" WHERE {' AND '.join(conditions)}"
    if keys:
        by = [quoted(key) for key in keys]
        same = " AND ".join(f"{KNOWN}.{key} = found.{key}" for key in by)
        text = (
            f"SELECT * EXCLUDE (r) FROM ({text}) AS found WHERE NOT EXISTS (SELECT 1 FROM {KNOWN} WHERE {same}) "
            f"QUALIFY row_number() OVER (PARTITION BY {', '.join(by)} ORDER BY r DESC) = 1"
        )
    statement.text = f"COPY ({text}) TO {literal(str(target))} ({_WRITTEN})"
    return statement


def remembering(keys: Sequence[str], written: Path, columns: Sequence[str]) -> str:
    """Return the statement that adds the keys of written rows to the table `KNOWN`."""
    types_of = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in columns)
    return (
        f"INSERT INTO {KNOWN} SELECT DISTINCT {', '.join(quoted(key) for key in keys)} FROM read_csv("
        f"{literal(str(written))}, auto_detect = false, header = true, delim = ',', quote = '\"', escape = '\"', "
        f"nullstr = '\\N', allow_quoted_nulls = false, new_line = '\\n', columns = {{{types_of}}})"
    )


def _rows(file: DataFile) -> str:
    """Return the query that reads the file: its columns as c0, c1 and so on, and the number of each row as r."""
    path = literal(str(file.path))
    if file.format == "parquet":
        columns = ", ".join(f"{quoted(raw)} AS c{place}" for place, raw in enumerate(file.raw_names))
        rows = f"SELECT {columns}, file_row_number + 1 AS r FROM read_parquet({path}, file_row_number = true)"
    elif file.format == "jsonl":
        pointers = ", ".join(literal(_pointer(raw)) for raw in file.raw_names)
        found = f"json_extract(json, [{pointers}])" if pointers else "NULL"
        columns = "".join(f"found[{place + 1}] AS c{place}, " for place in range(len(file.raw_names)))
        inner = f"SELECT json, row_number() OVER () AS r FROM read_ndjson_objects({path}, {_longest(file)})"
        rows = (
            f"SELECT {columns}r, is_object FROM "
            f"(SELECT {found} AS found, json_type(json) = 'OBJECT' AS is_object, r FROM ({inner}))"
        )
    else:
        rows = f"SELECT *, row_number() OVER () AS r FROM {_csv(file, path)}"
    return rows


def _csv(file: DataFile, path: str) -> str:
    if file.dialect is None or not file.columns:
        return "(SELECT 1 WHERE false)"
    quote = literal(file.dialect.quote)
    longest = file.limits.line_bytes
    columns = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(len(file.columns)))
    return (
        f"read_csv({path}, auto_detect = false, header = {str(file.dialect.has_names).lower()}, "
        f"delim = {literal(file.dialect.delimiter)}, quote = {quote}, escape = {quote}, nullstr = '', "
        f"allow_quoted_nulls = false, strict_mode = true, max_line_size = {longest}, buffer_size = {longest * 2}, "
        f"columns = {{{columns}}})"
    )


def _longest(file: DataFile) -> str:
    return f"maximum_object_size = {file.limits.line_bytes}"


def _pointer(key: str) -> str:
    """Return where a key lies in an object (RFC 6901)."""
    return "/" + key.replace("~", "~0").replace("/", "~1")


@dataclass(frozen=True, slots=True)
class _Reading:
    """Expressions that give values of one file as text. `own` are the places of its columns by their names."""

    file: DataFile
    own: Mapping[str, int]
    source: Source

    def shown(self, column: Column, place: int, wanted: Wanted, bind: conditions_of.Bind) -> str:
        """Return the expression of what is written of a column: checked, and protected where that is wanted."""
        value = self._stated(column.name) or self._value(column, place)
        if not column.nullable:
            value = f"coalesce({value}, {_refusal(place)})"
        if column.name in wanted.protected:
            value = conditions_of.shown(f"({value})", wanted.protected[column.name], wanted.protection_key, bind)
        return value

    def raw(self, column: Column) -> str:
        """Return the expression of a column's text as a filter looks at it: what does not fit meets none."""
        if stated := self._stated(column.name):
            return stated
        if column.name not in self.own:
            return _BLANK
        at = self.own[column.name]
        if self.file.format == "parquet":
            return f"({_parquet_text(f'c{at}', self.file.columns[at])})"
        if self.file.format == "jsonl" and column.data_type == "json":
            return f"({_json_text(at)})"
        return f"(c{at}->>'$')" if self.file.format == "jsonl" else f"c{at}"

    def _stated(self, name: str) -> str:
        """Return what a column says of where a row comes from; empty for other columns."""
        stated = {names.FILE: literal(self.source.name), names.MODIFIED: literal(self.source.modified)}
        return "CAST(r AS VARCHAR)" if name == names.ROW else stated.get(name, "")

    def _value(self, column: Column, place: int) -> str:
        """Return the expression that gives a value of `column`, NULL where the file has no such column."""
        text = self.raw(column)
        if text == _BLANK or (self.file.format == "jsonl" and column.data_type == "json"):
            return text
        if self.file.format == "parquet":
            return _of_parquet(text, self.file.columns[self.own[column.name]], column, place)
        # A text file was made plain, so there is no NUL in it.
        is_plain = self.file.format == "csv" and types.kind_of(column) is types.TEXT
        return text if is_plain else _checked(text, column, place)


def _json_text(at: int) -> str:
    return f"CASE WHEN json_type(c{at}) = 'NULL' THEN NULL ELSE CAST(c{at} AS VARCHAR) END"


def _of_parquet(text: str, own: Column, column: Column, place: int) -> str:
    if column.data_type == "text" and own.data_type == "text":
        return _without_nul(text, place)
    is_same = own.postgres_type == column.postgres_type
    return text if is_same else _checked(text, column, place)


def _parquet_text(name: str, own: Column) -> str:
    if own.data_type == "binary":
        return f"'\\x' || lower(hex({name}))"
    if own.data_type == "json":
        return f"CAST(to_json({name}) AS VARCHAR)"
    if own.data_type == "time":
        return f"CAST(CAST({name} AS TIME) AS VARCHAR)"
    if own.postgres_type == "timestamp without time zone":
        return _era(f"CAST(CAST({name} AS TIMESTAMP) AS VARCHAR)")
    if own.data_type in {"timestamp", "date"}:
        return _era(f"CAST({name} AS VARCHAR)")
    return f"CAST({name} AS VARCHAR)"


def _era(text: str) -> str:
    """Put the mark of years before the first one where PostgreSQL has it: at the very end."""
    moved = f"regexp_replace({text}, '^(.*?) \\(BC\\)(.*)$', '\\1\\2 BC')"
    return f"CASE WHEN contains({text}, '(BC)') THEN {moved} ELSE {text} END"


def _checked(text: str, column: Column, place: int) -> str:
    """Return `text` where it is a value of the column's type, NULL where it is empty; stop where it is neither."""
    kind = types.kind_of(column)
    if kind is types.TEXT:
        return _without_nul(text, place)
    fits = _fits(text, kind) if kind else f"TRY_CAST({text} AS {_duck_type(column)}) IS NOT NULL"
    made = {types.BOOLEAN: f"lower({text})", types.ZONED: f"CAST({_tried(text, types.ZONED)} AS VARCHAR)"}
    shown = made.get(kind, text) if kind else text
    return f"CASE WHEN {fits} THEN {shown} WHEN {text} IS NULL OR {text} = '' THEN NULL ELSE {_refusal(place)} END"


def _fits(text: str, kind: types.Kind) -> str:
    """Return the cheapest condition that holds for what `types` calls a value of this kind, and for nothing else."""
    if kind is types.JSON:
        return f"json_valid({text})"
    if kind is types.BOOLEAN:
        return f"lower({text}) IN ('true', 'false')"
    if kind in {types.BIGINT, types.DATE}:
        # It comes back as it was: no zeros before it, no plus sign, no blanks.
        return f"CAST({_tried(text, kind)} AS VARCHAR) = {text}"
    matches = f"regexp_full_match({text}, {literal(kind.pattern)})"
    return matches if kind is types.NUMERIC else f"{matches} AND {_tried(text, kind)} IS NOT NULL"


def _tried(text: str, kind: types.Kind) -> str:
    return f"TRY_CAST({text} AS {kind.duck_type})"


def _without_nul(text: str, place: int) -> str:
    return f"CASE WHEN contains({text}, chr(0)) THEN {_refusal(place)} ELSE {text} END"


def _refusal(place: int, duck_type: str = "VARCHAR") -> str:
    return f"CAST(error('{MARK}|' || r || '|{place}|') AS {duck_type})"


def _duck_type(column: Column) -> str:
    if found := re.fullmatch(r"numeric\((\d+),(\d+)\)", column.postgres_type):
        return f"DECIMAL({found[1]}, {found[2]})"
    return _DUCK_TYPES.get(column.postgres_type, "VARCHAR")
