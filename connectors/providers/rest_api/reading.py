"""Reads a declaration from its document and says everything that is wrong with it, each with its place."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from connectors.providers.rest_api.declaration import (
    FORMATS,
    KINDS,
    MOST_MEGABYTES,
    MOST_PAGES,
    MOST_RESOURCES,
    PARENTS,
    PLACEHOLDER,
    STOPS,
    TYPES,
    Declaration,
    DeclarationError,
    Entities,
    FieldSpec,
    Incremental,
    Pagination,
    Place,
    Resource,
)
from connectors.providers.rest_api.json_paths import steps_of
from connectors.providers.rest_api.values import Reader

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# Set by the sign-in or by the line itself, so a declaration must not.
_OWN_HEADERS = frozenset({"authorization", "host", "content-length", "transfer-encoding", "connection", "cookie"})
_LONGEST = 500
# What a kind of pages cannot do without: the name in the document, and what it is in words.
_NEEDED = {
    "page": (("param", "the parameter that takes the page's number"),),
    "offset": (("param", "the parameter that takes the offset"),),
    "cursor": (("param", "the parameter that takes the cursor"), ("path", "the path to the next cursor in the answer")),
    "last_record": (
        ("param", "the parameter that takes the last record's value"),
        ("path", "the field of the last record"),
    ),
    "next_url": (("path", "the path to the next address in the answer"),),
}


def read(document: Mapping[str, Any]) -> Declaration:
    """Return the declaration of a document. Raises `DeclarationError` with all that is wrong."""
    top = Reader(document)
    pagination = _pagination(top.part("pagination"))
    declared = Declaration(
        resources=tuple(_resource(one) for one in top.parts("resources", most=MOST_RESOURCES)),
        pagination=pagination or Pagination(),
        entities=_entities(top.part("entities")),
        headers=_headers(top, "headers"),
        requests_per_second=top.number("requests_per_second", default=0, highest=1000),
        most_pages=top.whole("most_pages", default=MOST_PAGES, lowest=1, highest=1_000_000),
        most_megabytes=top.whole("most_megabytes", default=MOST_MEGABYTES, lowest=1, highest=512),
    )
    top.refuse_others()
    if not declared.resources:
        top.problem(("resources",), "Declare at least one resource: without one there is nothing to read.")
    for place, text in _across(declared):
        top.problem(place, text)
    if top.problems:
        raise DeclarationError(tuple(top.problems))
    return declared


def _pagination(one: Reader | None) -> Pagination | None:
    if one is None:
        return None
    kind = one.choice("kind", KINDS, default="none")
    found = Pagination(
        kind=kind,
        param=one.text("param"),
        path=_path(one, "path"),
        size_param=one.text("size_param"),
        size=one.whole("size", default=100, lowest=1, highest=100_000),
        first=one.whole("first", default=1, lowest=0, highest=1_000_000),
        more_path=_path(one, "more_path"),
        stop=one.choice("stop", STOPS, default="empty"),
    )
    for name, words in _NEEDED.get(kind, ()):
        if not getattr(found, name):
            one.problem((name,), f"Name {words}: pages of the kind “{kind}” need it.")
    one.refuse_others()
    return found


def _entities(one: Reader | None) -> Entities | None:
    if one is None:
        return None
    found = Entities(
        path=_address(one, "path"),
        records=_path(one, "records"),
        id=_path(one, "id", default="id"),
        name=_path(one, "name"),
        header=one.text("header"),
    )
    if found.header and not _HEADER.fullmatch(found.header):
        one.problem(("header",), f"“{found.header}” cannot be the name of a header.")
    if PLACEHOLDER.search(found.path):
        one.problem(("path",), "The list of accounts is asked for once, so its path holds no {…}.")
    one.refuse_others()
    return found


def _resource(one: Reader) -> Resource:
    name = one.text("name", needed="Give the resource a name: it becomes the table's.")
    if name and not _NAME.fullmatch(name):
        one.problem(
            ("name",),
            f"“{name}” cannot be a table's name: letters, digits and “_”, no digit first, at most 63 characters.",
        )
    incremental = one.part("incremental")
    found = Resource(
        name=name,
        path=_address(one, "path"),
        records=_path(one, "records"),
        key=one.texts("key"),
        params=one.pairs("params"),
        incremental=_incremental(incremental) if incremental else None,
        parent=one.text("parent"),
        parents=one.choice("parents", PARENTS, default="all"),
        pagination=_pagination(one.part("pagination")),
        fields=_fields(one),
    )
    one.refuse_others()
    return found


def _incremental(one: Reader) -> Incremental:
    found = Incremental(
        param=one.text("param", needed="Name the parameter that takes the moment to read from."),
        cursor=one.text("cursor", needed="Name the field that says when a record was changed."),
        format=one.choice("format", FORMATS, default="iso"),
        start=one.text("start"),
        lag_seconds=one.whole("lag_seconds", default=300, lowest=0, highest=30 * 86_400),
    )
    one.refuse_others()
    return found


def _fields(one: Reader) -> tuple[FieldSpec, ...]:
    found = []
    for name, text in one.pairs("fields").items():
        kind, _, path = (part.strip() for part in text.partition(" from "))
        if "\x00" in name:
            one.problem(("fields",), "A field's name holds a NUL character, which no table can have in a column's.")
        elif kind not in TYPES:
            one.problem(("fields", name), f"“{kind}” is no type. There are {', '.join(TYPES)}.")
        else:
            found.append(FieldSpec(name, kind, path or name))
            if path:
                _check_path(one, path, ("fields", name))
    return tuple(found)


def _headers(one: Reader, name: str) -> Mapping[str, str]:
    found = one.pairs(name)
    for header, value in found.items():
        if not _HEADER.fullmatch(header):
            one.problem((name, header), f"“{header}” cannot be the name of a header.")
        elif header.lower() in _OWN_HEADERS:
            one.problem((name, header), f"“{header}” is set by the sign-in or by the connection, not here.")
        elif not value.isprintable() or not value.isascii():
            one.problem((name, header), "The value of a header is printable ASCII text.")
    return found


def _path(one: Reader, name: str, *, default: str = "") -> str:
    found = one.text(name, default=default)
    _check_path(one, found, (name,))
    return found


def _check_path(one: Reader, path: str, place: Place) -> None:
    try:
        steps_of(path)
    except ValueError as error:
        one.problem(place, str(error))


def _address(one: Reader, name: str) -> str:
    """Read where a resource is, below the base address: secrets go nowhere else."""
    found = one.text(name, needed="Say where it is below the base address, such as /v1/orders.")
    if "://" in found or found.startswith("//"):
        one.problem((name,), "This is a path below the base address: leave out the server's name.")
    elif set(found) & set("?#\\") or not found.isprintable() or " " in found:
        one.problem((name,), "A path has no “?”, “#”, “\\” or blank. What stands behind “?” belongs to the parameters.")
    elif any(step in {".", ".."} for step in found.split("/")):
        one.problem((name,), "A path does not go up: leave out “..” and “.”.")
    elif len(found) > _LONGEST:
        one.problem((name,), f"A path has at most {_LONGEST} characters.")
    elif left := re.search(r"[{}][^{}]*[{}]?", PLACEHOLDER.sub("", found)):
        one.problem((name,), f"“{left[0]}” is unknown. Written in braces are {{entity}} and {{parent.a_field}}.")
    return found


def _across(declared: Declaration) -> Iterator[tuple[Place, str]]:
    """Give what is wrong between the parts."""
    names = [one.name for one in declared.resources]
    for number, one in enumerate(declared.resources):
        here: Place = ("resources", number)
        if one.name and one.name in names[:number]:
            yield (*here, "name"), f"Another resource is named “{one.name}” already."
        for place, text in (*_of_parent(one, declared, names), *_of_entity(one, declared), *_of_cursor(one)):
            yield (*here, *place), text


def _of_parent(one: Resource, declared: Declaration, names: Collection[str]) -> Iterator[tuple[Place, str]]:
    if not one.parent:
        if one.parent_fields:
            yield ("path",), f"{{parent.{one.parent_fields[0]}}} needs a parent: choose the resource it is a field of."
        return
    if one.parent not in names:
        yield ("parent",), f"There is no resource “{one.parent}”."
        return
    if not one.parent_fields:
        yield ("path",), "A child's path holds a field of its parent, such as {parent.id}."
    if one.name in _ancestors(one, declared):
        yield ("parent",), "A resource cannot be a child of itself, nor of its own children."
    parent = declared.resource(one.parent)
    if one.parents == "changed" and (parent is None or parent.incremental is None):
        yield ("parents",), f"“{one.parent}” is not read incrementally, so nobody knows which of its records changed."
    if one.parents == "changed" and one.incremental:
        yield ("parents",), "Either the parent says what changed, or the child's own parameter does: not both."


def _ancestors(one: Resource, declared: Declaration) -> list[str]:
    found: list[str] = []
    while one.parent and one.parent not in found:
        found.append(one.parent)
        above = declared.resource(one.parent)
        if above is None:
            break
        one = above
    return found


def _of_entity(one: Resource, declared: Declaration) -> Iterator[tuple[Place, str]]:
    if declared.entities is None:
        if "{entity}" in one.path or any("{entity}" in value for value in one.params.values()):
            yield ("path",), "{entity} needs the list of accounts: say where it is under “Accounts”."
        return


def _of_cursor(one: Resource) -> Iterator[tuple[Place, str]]:
    """A cursor needs a key, since what changed is read again and has to take the place of what is there."""
    if (one.incremental or one.parents == "changed") and not one.key:
        yield ("key",), "Records that changed are read again and replaced by their key, so name the key's fields."
    declared = {spec.name: spec.type for spec in one.fields}
    if declared and one.incremental and one.incremental.cursor not in declared:
        yield ("incremental", "cursor"), f"“{one.incremental.cursor}” is none of the fields of this resource."
