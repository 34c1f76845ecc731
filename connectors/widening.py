"""Whether a column's type only became wider, so that what was loaded stays as it is and need not be read again.

Types are texts as databases tell them ("numeric(12,2)", "character varying(80)", "BIGINT"). Nothing is known of a type
that is not named here, and then all rows are read again: that is right in any case.
"""

from __future__ import annotations

import re

_TYPE = re.compile(r"\s*([a-z][a-z0-9_ ]*?)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?\s*")
_INTEGERS = {
    "tinyint": 3, "smallint": 5, "int2": 5, "mediumint": 7, "integer": 10, "int": 10, "int4": 10, "bigint": 19,
    "int8": 19, "hugeint": 38,
}  # fmt: skip
_TEXTS = {"character varying", "varchar", "text", "string"}
_FLOATS = {"real": 1, "float": 1, "float4": 1, "double precision": 2, "double": 2, "float8": 2}
_DECIMALS = {"numeric", "decimal"}
_BOUNDLESS = 10**9


def is_wider(old: str, new: str) -> bool:
    """Whether every value of the type `old` is the same value of the type `new`, which is the same or wider."""
    if old.lower() == new.lower():
        return True
    before, after = _parts(old), _parts(new)
    if before is None or after is None:
        return False
    name, other = before[0], after[0]
    for family in (_INTEGERS, _FLOATS):
        if name in family and other in family:
            return family[other] >= family[name]
    if name in _TEXTS and other in _TEXTS:
        return (after[1] or _BOUNDLESS) >= (before[1] or _BOUNDLESS)
    if other in _DECIMALS and (name in _DECIMALS or name in _INTEGERS):
        return _holds(_digits(before), _digits(after))
    return False


def _parts(text: str) -> tuple[str, int, int] | None:
    """Return name, first and second number of a type; 0 for a number that is not there."""
    found = _TYPE.fullmatch(text.lower())
    return (found[1], int(found[2] or 0), int(found[3] or 0)) if found else None


def _digits(parts: tuple[str, int, int]) -> tuple[int, int]:
    """Return how many digits stand before and after the point at most."""
    name, precision, scale = parts
    if name in _INTEGERS:
        return _INTEGERS[name], 0
    return (precision - scale, scale) if precision else (_BOUNDLESS, _BOUNDLESS)


def _holds(before: tuple[int, int], after: tuple[int, int]) -> bool:
    return after[0] >= before[0] and after[1] >= before[1]
