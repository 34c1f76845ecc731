"""From what stands in the rows of the form to a document, and back. What is empty, or as usual, is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Values = dict[str, Any]

_PAGINATION = ("kind", "param", "path", "size_param", "size", "first", "more_path", "stop")
_USUAL_PAGINATION = {"kind": "none", "size": "100", "first": "1", "stop": "empty"}
_INCREMENTAL = ("param", "cursor", "format", "start", "lag_seconds")
_USUAL_INCREMENTAL = {"format": "iso", "lag_seconds": "300"}
_ENTITIES = ("path", "records", "id", "name", "header")
_GENERAL = ("requests_per_second", "most_pages", "most_megabytes")
_USUAL_GENERAL = {"requests_per_second": "0", "most_pages": "10000", "most_megabytes": "20"}
_PLAIN = ("name", "path", "records")


def document_of(
    general: Mapping[str, str],
    pagination: Mapping[str, str],
    entities: Mapping[str, str],
    resources: Sequence[tuple[Mapping[str, str], Mapping[str, str]]],
) -> Values:
    """Return the document of all rows; a resource is its own row and that of its pagination."""
    found: Values = {}
    if headers := pairs_of(general.get("headers", ""), ":"):
        found["headers"] = headers
    found |= _without(general, _GENERAL, _USUAL_GENERAL)
    if paged := _without(pagination, _PAGINATION, _USUAL_PAGINATION):
        found["pagination"] = paged
    if accounts := _without(entities, _ENTITIES, {"id": "id"}):
        found["entities"] = accounts
    return {**found, "resources": [_resource(row, own) for row, own in resources]}


def normal(document: Mapping[str, Any]) -> Values:
    """Return a document as the rows write it, so that one that was written as text is the same as one of the form."""
    resources = document.get("resources")
    listed = resources if isinstance(resources, list) else []
    return document_of(
        _texts(general_rows(document)),
        _texts(pagination_rows(document.get("pagination"))),
        _texts(entities_rows(document.get("entities"))),
        [(_texts(resource_rows(one)), _texts(pagination_rows(_object(one).get("pagination")))) for one in listed],
    )


def general_rows(document: Mapping[str, Any]) -> Values:
    """Return what stands in the general rows."""
    kept = {name: document[name] for name in _GENERAL if document.get(name) is not None}
    return {**_USUAL_GENERAL, "requests_per_second": "", **kept, "headers": lines_of(document.get("headers"), ": ")}


def pagination_rows(part: Any) -> Values:
    """Return what stands in the rows of a pagination."""
    return {**_USUAL_PAGINATION, **_object(part)}


def entities_rows(part: Any) -> Values:
    """Return what stands in the rows of the accounts."""
    return {"id": "id", **_object(part)}


def resource_rows(part: Any) -> Values:
    """Return what stands in the row of a resource."""
    one = _object(part)
    incremental = {**_USUAL_INCREMENTAL, **_object(one.get("incremental"))}
    key = one.get("key")
    return {
        **{name: one.get(name, "") for name in (*_PLAIN, "parent", "parents")},
        "key": ", ".join(str(name) for name in key) if isinstance(key, list) else key or "",
        "params": lines_of(one.get("params"), "="),
        **{f"inc_{name}": incremental.get(name, "") for name in _INCREMENTAL},
        "has_pagination": bool(one.get("pagination")),
        "fields_text": _field_lines(one.get("fields")),
    }


def pairs_of(text: str, sign: str) -> dict[str, str]:
    """Return the names and values of lines, parted by the first `sign` of each."""
    parted = (line.partition(sign) for line in text_lines(text))
    return {name.strip(): value.strip() for name, _, value in parted}


def text_lines(text: str) -> list[str]:
    """Return the lines of a text that are not empty."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def lines_of(pairs: Any, sign: str) -> str:
    """Return names and values as lines."""
    return "\n".join(f"{name}{sign}{value}" for name, value in _object(pairs).items())


def _resource(row: Mapping[str, str], own: Mapping[str, str]) -> Values:
    found: Values = {name: row[name] for name in _PLAIN if row.get(name)}
    if key := [one.strip() for one in row.get("key", "").split(",") if one.strip()]:
        found["key"] = key
    if params := pairs_of(row.get("params", ""), "="):
        found["params"] = params
    incremental = {name: row.get(f"inc_{name}", "") for name in _INCREMENTAL}
    if changed := _without(incremental, _INCREMENTAL, _USUAL_INCREMENTAL):
        found["incremental"] = changed
    if row.get("parent"):
        found["parent"] = row["parent"]
        if row.get("parents", "all") != "all":
            found["parents"] = row["parents"]
    if row.get("has_pagination"):
        # As it stands, since “one page only” may be what is meant.
        found["pagination"] = {"kind": own.get("kind", "none"), **_without(own, _PAGINATION, _USUAL_PAGINATION)}
    if fields := text_lines(row.get("fields_text", "")):
        found["fields"] = fields
    return found


def _without(row: Mapping[str, str], names: tuple[str, ...], usual: Mapping[str, str]) -> Values:
    return {name: row[name] for name in names if row.get(name, "") not in {"", usual.get(name)}}


def _field_lines(fields: Any) -> str:
    return "\n".join(str(line) for line in fields) if isinstance(fields, list) else lines_of(fields, ": ")


def _texts(row: Mapping[str, Any]) -> dict[str, str]:
    return {name: "" if value in (None, False) else str(value) for name, value in row.items()}


def _object(value: Any) -> Values:
    return {str(name): held for name, held in value.items()} if isinstance(value, Mapping) else {}
