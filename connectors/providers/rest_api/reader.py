"""Reads the resources of a declaration: a resource by itself, or a child once for each record of its parent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from urllib.parse import quote

from connectors.plan import Endpoint, SyncError
from connectors.providers.rest_api import json_paths, pages
from connectors.providers.rest_api.client import LONGEST_WAIT_SECONDS, Client, Pause
from connectors.providers.rest_api.declaration import (
    PLACEHOLDER,
    Declaration,
    DeclarationError,
    FieldSpec,
    Incremental,
    Resource,
    stored,
)
from connectors.providers.rest_api.pages import Call, Page
from connectors.providers.rest_api.reading import read

# Of these, a child that is gone says nothing of the others: its parent was deleted meanwhile.
_GONE = "source_object_missing"


def declared_in(endpoint: Endpoint) -> Declaration:
    """Return what is declared in the settings of a source. Raises `SyncError("misconfigured")`."""
    try:
        return read(stored(endpoint.config))
    except DeclarationError as error:
        raise SyncError("misconfigured", f"The declaration cannot be used: {str(error)[:400]}") from None


@dataclass(slots=True)
class ResourcePage:
    """A page of a resource. `records` hold what comes from the parent, too; `number` counts all pages of the resource.

    `parents` is how many parents were read before this one.
    """

    number: int
    records: list[dict[str, Any]]
    page: Page
    parents: int = 0


@dataclass(slots=True)
class _Children:
    read: int = 0
    gone: SyncError | None = None
    number: int = 0


@dataclass(slots=True)
class ApiReader:
    """An API as it is declared, for one of its entities. `client` is open."""

    client: Client
    declared: Declaration
    entity: str = ""
    is_exact: bool = False
    skipped: dict[str, int] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.client.__exit__(*details)

    def read(self, resource: Resource, since: str | None, *, only_first: bool = False) -> Iterator[ResourcePage]:
        """Yield the pages of a resource, of what changed `since` where it can say so. Raises `SyncError`.

        With `only_first` there is one page at most, of one parent.
        """
        most = 1 if only_first else self.declared.most_pages
        if not resource.parent:
            try:
                for page in self._pages(resource, since, {}, most):
                    yield ResourcePage(page.number, page.records, page)
            except SyncError as error:
                if error.code == _GONE and "{entity}" in resource.path:
                    raise SyncError("entity_access_lost", error.detail) from None
                raise
            return
        done = _Children()
        for parent in self._parents(resource, since, only_first=only_first):
            yield from self._children(resource, since, parent, done, most)
            if only_first and done.number:
                return
        if done.gone is not None and not done.read:
            # Not one of them is there: it is the path that is wrong.
            raise done.gone

    def list_entities(self) -> list[tuple[str, str]]:
        """Return the id and the name of every account. Raises `SyncError`."""
        entities = self.declared.entities
        if entities is None:
            return []
        call = Call(self.client.address_of(entities.path), {}, {})
        found: dict[str, str] = {}
        walk = pages.pages(self.client, call, self.declared.pagination, entities.records, most=self.declared.most_pages)
        for page in walk:
            for number, record in enumerate(page.records, start=1):
                ref = json_paths.first(record, entities.id)
                if isinstance(ref, dict | list | bool | None) or not str(ref) or "\x00" in str(ref):
                    raise SyncError("bad_record", f"Accounts, page {page.number}, record {number}: no “{entities.id}”.")
                name = json_paths.first(record, entities.name) if entities.name else None
                found.setdefault(str(ref)[:200], _name(name, str(ref)))
        return list(found.items())

    def _parents(self, child: Resource, since: str | None, *, only_first: bool) -> Iterator[Mapping[str, Any]]:
        parent = self.declared.resource(child.parent)
        if parent is None:
            raise SyncError("misconfigured", f"“{child.name}” has the parent “{child.parent}”, which is not declared.")
        for found in self.read(parent, since if child.parents == "changed" else None, only_first=only_first):
            yield from found.records

    def _children(
        self, child: Resource, since: str | None, parent: Mapping[str, Any], done: _Children, most: int
    ) -> Iterator[ResourcePage]:
        values = {name: json_paths.first(parent, name) for name in from_parent(child, self.declared)}
        added = {parent_column(name): value for name, value in values.items()}
        try:
            for page in self._pages(child, None if child.parents == "changed" else since, values, most):
                done.number += 1
                records = [{**record, **added} for record in page.records]
                yield ResourcePage(done.number, records, page, done.read)
        except SyncError as error:
            if error.code != _GONE:
                raise
            done.gone = error
            self.skipped[child.name] = self.skipped.get(child.name, 0) + 1
        else:
            done.read += 1

    def _pages(self, resource: Resource, since: str | None, parent: Mapping[str, Any], most: int) -> Iterator[Page]:
        params = {name: self._filled(value, parent, resource) for name, value in resource.params.items()}
        if resource.incremental and (asked := first_asked(resource.incremental, since)):
            params[resource.incremental.param] = asked
        headers = {}
        entities = self.declared.entities
        if entities and entities.header and self.entity:
            headers[entities.header] = self.entity
        call = Call(
            self.client.address_of(self._filled(resource.path, parent, resource, in_path=True)), params, headers
        )
        return pages.pages(
            self.client,
            call,
            self.declared.pagination_of(resource),
            resource.records,
            most=most,
            is_exact=self.is_exact,
        )

    def _filled(self, text: str, parent: Mapping[str, Any], resource: Resource, *, in_path: bool = False) -> str:
        """Put the entity and the parent's fields into a path or a parameter. Raises `SyncError`."""

        def value_of(name: str, field_name: str | None) -> str:
            value = parent.get(field_name) if field_name else self.entity
            if isinstance(value, dict | list | bool | None) or str(value) == "":
                said = f"The parent of “{resource.name}” has no “{field_name}” to ask with."
                raise SyncError("bad_record", said) if field_name else SyncError("entity_access_lost", "No account.")
            if not in_path:
                return str(value)
            # An account may be known by two names with a slash between them; a parent's field is one step.
            found = quote(str(value), safe="" if field_name else "/")
            if {".", ".."} & set(found.split("/")):
                raise SyncError("bad_record", f"“{name}” holds “..”, which would lead elsewhere.")
            return found

        return PLACEHOLDER.sub(lambda found: value_of(found[1], found[2]), text)


def open_reader(
    endpoint: Endpoint,
    entity: str,
    pause: Pause,
    *,
    is_exact: bool = False,
    longest_wait: float = LONGEST_WAIT_SECONDS,
) -> ApiReader:
    """Return a reader with an open client, which the caller closes. Raises `SyncError`."""
    declared = declared_in(endpoint)
    client = Client(endpoint, declared, pause, longest_wait=longest_wait)
    return ApiReader(client, declared, entity, is_exact=is_exact)


def parent_column(name: str) -> str:
    """Return the column of a child in which a field of its parent stands."""
    return f"parent_{name.replace('.', '_')}"


def cursor_of(resource: Resource, declared: Declaration) -> str:
    """Return the column by which a resource is read incrementally, empty where it is not."""
    if resource.incremental:
        return resource.incremental.cursor
    parent = declared.resource(resource.parent)
    if resource.parents == "changed" and parent is not None and parent.incremental:
        return parent_column(parent.incremental.cursor)
    return ""


def incremental_of(resource: Resource, declared: Declaration) -> Incremental | None:
    """Return how a resource is asked for what changed: its own way, or its parent's."""
    if resource.incremental or resource.parents != "changed":
        return resource.incremental
    parent = declared.resource(resource.parent)
    return parent.incremental if parent else None


def first_asked(incremental: Incremental, since: str | None) -> str:
    """Return the value to ask with: what the last run reached less the lag, or the start. Raises `SyncError`."""
    if since is None:
        return incremental.start
    if incremental.format == "as_is":
        return since
    try:
        moment = moment_of(since) - timedelta(seconds=incremental.lag_seconds)
    except (ValueError, OverflowError):
        said = f"“{incremental.cursor}” is no moment, so it cannot be written as “{incremental.format}”."
        raise SyncError("misconfigured", said) from None
    return _written(moment, incremental.format)


def moment_of(text: str) -> datetime:
    """Return the moment that a cursor's text stands for: ISO 8601, or seconds since 1970. Raises `ValueError`."""
    if text.replace(".", "", 1).isdigit():
        number = float(text)
        return datetime.fromtimestamp(number / 1000 if number > 1e11 else number, tz=UTC)  # noqa: PLR2004 - in 5138
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _written(moment: datetime, form: str) -> str:
    if form == "date":
        return moment.astimezone(UTC).date().isoformat()
    if form in {"seconds", "milliseconds"}:
        return str(int(moment.timestamp() * (1000 if form == "milliseconds" else 1)))
    # Whole seconds: not every API reads more, and the lag covers them.
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _name(value: Any, ref: str) -> str:
    return str(value)[:200] if isinstance(value, str | int) and str(value).strip() else ref[:200]


def with_parent(
    fields: Sequence[FieldSpec], resource: Resource, declared: Declaration, of_parent: Sequence[FieldSpec] = ()
) -> tuple[FieldSpec, ...]:
    """Return the fields of a child with what comes from its parent, in the types of its fields where they are known."""
    parent = declared.resource(resource.parent)
    if parent is None:
        return tuple(fields)
    types = {spec.name: spec.type for spec in (*parent.fields, *of_parent)}
    there = {spec.name for spec in fields}
    added = {parent_column(name): types.get(name, "text") for name in from_parent(resource, declared)}
    return (*fields, *(FieldSpec(name, kind, name) for name, kind in added.items() if name not in there))


def from_parent(resource: Resource, declared: Declaration) -> tuple[str, ...]:
    """Return the parent's fields that stand in the records of a child: those it is asked with, and what changed."""
    parent = declared.resource(resource.parent)
    if parent is None:
        return ()
    changed = (parent.incremental.cursor,) if resource.parents == "changed" and parent.incremental else ()
    return tuple(dict.fromkeys((*resource.parent_fields, *changed)))
