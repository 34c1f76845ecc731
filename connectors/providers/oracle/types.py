"""What each type of Oracle becomes, and the expression of its text (SQL Language Reference, “Format Models”)."""

from __future__ import annotations

from connectors.providers.feed import DataType
from connectors.providers.sql.shapes import LOCAL_TIME, UTC_TIME, ColumnShape

_NUMBER = "TO_CHAR({}, 'TM9')"
_MOMENT = "TO_CHAR({}, 'YYYY-MM-DD HH24:MI:SS.FF6')"
# A whole number of so many digits fits 64 bits.
_BIGINT_DIGITS = 18

_KNOWN: dict[str, tuple[DataType, str, str]] = {
    "FLOAT": ("decimal", "numeric", _NUMBER),
    "BINARY_FLOAT": ("double", "real", "TO_CHAR({})"),
    "BINARY_DOUBLE": ("double", "double precision", "TO_CHAR({})"),
    # A day of Oracle has a time.
    "DATE": ("timestamp", LOCAL_TIME, "TO_CHAR({}, 'YYYY-MM-DD HH24:MI:SS')"),
    "RAW": ("binary", "bytea", "'\\x' || RAWTOHEX({})"),
    # Bytes that are no text: the driver gives them as they are.
    "BLOB": ("binary", "bytea", "{}"),
    "LONG RAW": ("binary", "bytea", "{}"),
    "BOOLEAN": ("bool", "boolean", "CASE WHEN {0} THEN 'true' WHEN NOT {0} THEN 'false' END"),
    "JSON": ("json", "json", "JSON_SERIALIZE({} RETURNING CLOB)"),
    "XMLTYPE": ("text", "text", "XMLSERIALIZE(CONTENT {} AS CLOB)"),
    "ROWID": ("text", "text", "ROWIDTOCHAR({})"),
}


def column(name: str, kind: str, length: int, precision: int | None, scale: int | None) -> ColumnShape:
    """Describe a column of the catalogue's type `kind`, with its digits where it is a number."""
    if kind == "NUMBER":
        return _number(name, precision, scale)
    if kind.startswith("TIMESTAMP"):
        is_zoned = "TIME ZONE" in kind
        text = f"{_MOMENT.format('SYS_EXTRACT_UTC({})')} || '+00'" if is_zoned else _MOMENT
        return ColumnShape(name, kind, "timestamp", UTC_TIME if is_zoned else LOCAL_TIME, text)
    if kind.startswith("INTERVAL"):
        return ColumnShape(name, kind, "text", "text", "TO_CHAR({})")
    said = f"{kind}({length})" if "CHAR" in kind or kind == "RAW" else kind
    return ColumnShape(name, said, *_KNOWN.get(kind, ("text", "text", "{}")))


def _number(name: str, precision: int | None, scale: int | None) -> ColumnShape:
    if precision is None:
        # Without digits it may hold any number; with a scale of zero it is whole.
        exact, said = ("numeric(38,0)", "NUMBER(38,0)") if scale == 0 else ("numeric", "NUMBER")
        return ColumnShape(name, said, "decimal", exact, _NUMBER)
    said = f"NUMBER({precision},{scale})"
    if scale == 0 and precision <= _BIGINT_DIGITS:
        return ColumnShape(name, said, "bigint", "bigint", _NUMBER)
    return ColumnShape(name, said, "decimal", f"numeric({precision},{scale})", _NUMBER)
