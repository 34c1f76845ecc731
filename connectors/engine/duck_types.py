"""How the text that PostgreSQL writes becomes DuckDB values: which type to create, and how to read its text.

Types and the CSV reader's options: DuckDB documentation, “Data Types” and “CSV Import”.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

# A numeric without bounds has no equal in DuckDB; this one holds 20 digits before the point and 18 after it.
UNBOUNDED_NUMERIC = "DECIMAL(38, 18)"
_WIDEST_DECIMAL = 38
_SMALLEST_LINE_LIMIT = 2 * 1024 * 1024

_CREATED = {
    "smallint": "SMALLINT",
    "integer": "INTEGER",
    "real": "FLOAT",
    "uuid": "UUID",
    "numeric": UNBOUNDED_NUMERIC,
    "time without time zone": "TIME",
}


def created(postgres_type: str) -> str:
    """Return the DuckDB type for an exact PostgreSQL type, or an empty string where the portable type decides."""
    if found := re.fullmatch(r"numeric\((\d+),(-?\d+)\)", postgres_type):
        precision, scale = int(found[1]), int(found[2])
        return f"DECIMAL({precision}, {scale})" if 0 <= scale <= precision <= _WIDEST_DECIMAL else "VARCHAR"
    if re.fullmatch(r"timestamp(\(\d\))? without time zone", postgres_type):
        return "TIMESTAMP"
    return _CREATED.get(postgres_type, "")


def reading(column: str, data_type: str) -> str:
    """Return the expression that reads the quoted `column`; a cast on insert does the rest."""
    if data_type == "binary":
        # PostgreSQL writes bytes as \x and hexadecimal digits.
        return f"unhex(substr({column}, 3))"
    if data_type in {"date", "timestamp"}:
        # PostgreSQL writes “BC” at the very end, which DuckDB passes over, and its own “(BC)” stands behind the day.
        turned = f"regexp_replace({column}, '^([0-9]+-[0-9]+-[0-9]+)(.*) BC$', '\\1 (BC)\\2')"
        return f"CASE WHEN suffix({column}, 'BC') THEN {turned} ELSE {column} END"
    return column


def reader(path: str | Sequence[str], names: Sequence[str], size: int) -> str:
    r"""Return the table function that reads our text files: every column as text, NULL only as a bare ``\N``.

    `path` is one file, or several with the same columns; `size` is that of the largest.
    """
    paths = _literal(path) if isinstance(path, str) else f"[{', '.join(_literal(one) for one in path)}]"
    columns = ", ".join(f"{_literal(name)}: 'VARCHAR'" for name in names)
    longest = max(size, _SMALLEST_LINE_LIMIT)
    return (
        f"read_csv({paths}, auto_detect = false, header = true, delim = ',', quote = '\"', escape = '\"', "
        f"nullstr = '\\N', allow_quoted_nulls = false, new_line = '\\n', parallel = false, "
        f"max_line_size = {longest}, columns = {{{columns}}})"
    )


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
