"""One question to an API while a person writes its declaration: what comes, and where the next page would be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import parse_qsl, urlencode, urlsplit

from connectors.plan import Endpoint, SyncError
from connectors.providers.rest_api import access, fields, pages
from connectors.providers.rest_api.declaration import FieldSpec
from connectors.providers.rest_api.manifest import API_KEY_QUERY
from connectors.providers.rest_api.reader import ApiReader, from_parent, open_reader, parent_column, with_parent


@dataclass(frozen=True, slots=True)
class Trial:
    """What an API answered. `next` is the request for the next page, empty at the end; secrets are in none of it.

    Where nothing came that can be read, `code` and `words` say why.
    """

    status: int = 0
    milliseconds: int = 0
    bytes: int = 0
    records: int = 0
    fields: tuple[FieldSpec, ...] = ()
    new: int = 0
    next: str = ""
    address: str = ""
    entity: str = ""
    hint: str = ""
    code: str = ""
    words: str = ""


def try_resource(endpoint: Endpoint, name: str) -> Trial:
    """Ask for the first page of a resource, of the first account and the first parent. Raises `SyncError`."""
    with open_reader(endpoint, "", _refuse_to_wait, longest_wait=0) as reader:
        resource = access.resource_named(reader.declared, name)
        reader.entity = _first_entity(reader)
        page = next(reader.read(resource, None, only_first=True), None)
        if page is None:
            said = f"“{resource.parent}” has no record on its first page, so there is nothing to ask for."
            return Trial(entity=reader.entity, hint=said)
        answer = page.page.answer
        records = page.records[: access.SAMPLE_ROWS]
        known = with_parent(resource.fields, resource, reader.declared)
        found = fields.find(records, known)
        own = [one for one in page.records[:1] if len(page.records) == 1]
        is_wrapped = bool(own) and not resource.records and isinstance(page.page.content, dict)
        hidden = {str(endpoint.config.get("key_name"))} if endpoint.config.get("auth") == API_KEY_QUERY else set()
        return Trial(
            status=answer.status,
            milliseconds=round(answer.seconds * 1000),
            bytes=len(answer.body),
            records=len(page.records),
            fields=_own(found, from_parent(resource, reader.declared)),
            new=len(found) - len(known),
            next=_shown(page.page.next, hidden) if page.page.next else "",
            address=_without_query(answer.url),
            entity=reader.entity,
            hint=pages.holds(page.page.content) if is_wrapped or not page.records else "",
        )


def _own(found: tuple[FieldSpec, ...], names: tuple[str, ...]) -> tuple[FieldSpec, ...]:
    """Leave out what comes from the parent: it is added in every run, and declared nowhere."""
    added = {parent_column(name) for name in names}
    return tuple(spec for spec in found if spec.name not in added)


def _first_entity(reader: ApiReader) -> str:
    if reader.declared.entities is None:
        return ""
    found = reader.list_entities()
    if not found:
        raise SyncError("bad_record", "The list of accounts is empty, so there is none to ask for.")
    return found[0][0]


def _shown(call: pages.Call, hidden: set[str]) -> str:
    """Return a request as an address, without what signs it."""
    parts = urlsplit(call.url)
    asked: Mapping[str, Any] = {**dict(parse_qsl(parts.query)), **call.params}
    query = urlencode({name: value for name, value in asked.items() if name not in hidden})
    return f"{parts.path or '/'}{'?' if query else ''}{query}"


def _without_query(url: str) -> str:
    return urlsplit(url)._replace(query="", fragment="").geturl()


def _refuse_to_wait(seconds: float) -> NoReturn:
    raise SyncError(
        "rate_limited", "The API asks to wait before the next request. Try again later.", retry_after=seconds
    )
