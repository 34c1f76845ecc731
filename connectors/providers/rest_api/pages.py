"""Follows the pages of one resource, as the declaration says they follow each other, and never in a circle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import requests.utils

from connectors.plan import SyncError
from connectors.providers.rest_api import answers, json_paths
from connectors.providers.rest_api.answers import Answer
from connectors.providers.rest_api.client import Client
from connectors.providers.rest_api.declaration import Pagination

_NO_MORE = (None, False, 0, "", "false", "False", "0")


@dataclass(frozen=True, slots=True)
class Call:
    """A request to send: where, and with which parameters and headers."""

    url: str
    params: Mapping[str, str]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its records, how it was answered, and the request for the next one, None at the end."""

    number: int
    records: list[dict[str, Any]]
    answer: Answer
    content: Any
    next: Call | None


def pages(
    client: Client, call: Call, pagination: Pagination, records: str, *, most: int, is_exact: bool = False
) -> Iterator[Page]:
    """Yield the pages that begin with `call`, `most` at most. Raises `SyncError`."""
    walk = _Walk(client, pagination, records)
    following: Call | None = walk.first(call)
    number = 1
    while following is not None:
        if number > most:
            said = f"There are more than {most:,} pages. Raise the limit of pages, or ask for larger ones."
            raise SyncError("misconfigured", said)
        page = walk.page(following, number, is_exact=is_exact)
        if page is None:
            return
        yield page
        following = page.next
        number += 1


class _Walk:
    """The way through the pages of one resource; remembers where it was."""

    def __init__(self, client: Client, pagination: Pagination, records: str) -> None:
        self._client, self._by, self._records = client, pagination, records
        self._seen: set[bytes] = set()
        self._offset = 0

    def first(self, call: Call) -> Call:
        """Add to a request what the first page needs."""
        params = {**call.params, **({self._by.size_param: str(self._by.size)} if self._by.size_param else {})}
        if self._by.kind == "page":
            params[self._by.param] = str(self._by.first)
        if self._by.kind == "offset":
            params[self._by.param] = "0"
        return Call(call.url, params, call.headers)

    def page(self, call: Call, number: int, *, is_exact: bool) -> Page | None:
        """Ask for one page; None where the API says that there is none of this number. Raises `SyncError`."""
        try:
            answer = self._client.get(call.url, call.params, call.headers)
        except SyncError as error:
            # Some APIs count their pages, and know none behind the last one.
            if number > 1 and self._by.kind == "page" and error.code == "source_object_missing":
                return None
            raise
        content = answers.content_of(answer, is_exact=is_exact)
        records = records_of(content, self._records, number)
        return Page(number, records, answer, content, self._next(call, content, records, answer, number))

    def _next(
        self, call: Call, content: Any, records: list[dict[str, Any]], answer: Answer, number: int
    ) -> Call | None:
        by = self._by
        if by.kind == "none" or (by.more_path and json_paths.first(content, by.more_path) in _NO_MORE):
            return None
        if by.kind in {"page", "offset"}:
            return self._counted(call, records, answer, number)
        if by.kind in {"next_url", "link"}:
            link = _link(answer) if by.kind == "link" else json_paths.first(content, by.path)
            if not link:
                return None
            if not isinstance(link, str):
                raise SyncError("bad_record", f"Page {number}: “{by.path}” is no address of a next page.")
            address = self._client.next_address(answer.url, link)
            self._remember(address, number)
            return Call(address, {}, call.headers)
        if by.kind == "last_record":
            cursor = json_paths.first(records[-1], by.path) if records else None
        else:
            cursor = json_paths.first(content, by.path)
        if cursor is None or cursor == "" or cursor is False:
            return None
        if isinstance(cursor, dict | list | bool):
            raise SyncError("bad_record", f"Page {number}: “{by.path}” is neither a text nor a number.")
        self._remember(str(cursor), number)
        return Call(call.url, {**call.params, by.param: str(cursor)}, call.headers)

    def _counted(self, call: Call, records: list[dict[str, Any]], answer: Answer, number: int) -> Call | None:
        """Return the request for the page of the next number or offset; the end is a page without records."""
        by = self._by
        if not records or (by.stop == "short" and len(records) < by.size):
            return None
        digest = blake2b(answer.body, digest_size=16).digest()
        if digest in self._seen:
            said = f"Page {number} is the same as one before: the source does not know the parameter “{by.param}”."
            raise SyncError("misconfigured", said)
        # One page back is enough to find a parameter that is not listened to.
        self._seen = {digest}
        self._offset += len(records)
        value = by.first + number if by.kind == "page" else self._offset
        return Call(call.url, {**call.params, by.param: str(value)}, call.headers)

    def _remember(self, place: str, number: int) -> None:
        digest = blake2b(place.encode("utf-8", "replace"), digest_size=16).digest()
        if digest in self._seen:
            raise SyncError("bad_record", f"Page {number}: the source leads to a page that was read already.")
        self._seen.add(digest)


def records_of(content: Any, path: str, number: int = 1) -> list[dict[str, Any]]:
    """Return the records that a path leads to; plain values become records with one field, “value”.

    Raises `SyncError("bad_record")` with what the answer holds instead.
    """
    found = list(json_paths.find(content, json_paths.steps_of(path)))
    flat = [one for value in found for one in (value if isinstance(value, list) else [value]) if one is not None]
    if not found and "*" not in path:
        raise SyncError("bad_record", f"Page {number}: “{path}” leads to nothing. {holds(content)}")
    if all(isinstance(one, dict) for one in flat):
        return flat
    if any(isinstance(one, dict | list) for one in flat):
        raise SyncError("bad_record", f"Page {number}: “{path}” leads to lists inside of lists. {holds(content)}")
    return [{"value": one} for one in flat]


def holds(content: Any) -> str:
    """Say in a sentence what an answer holds, for who looks for its records."""
    lists = list(json_paths.lists_in(content))[:5]
    if lists:
        told = ", ".join(f"{f'“{path}”' if path else 'the answer itself'} with {count}" for path, count in lists)
        return f"Lists of objects in the answer: {told}."
    if isinstance(content, dict):
        names = ", ".join(f"“{str(name)[:40]}”" for name in list(content)[:12])
        return f"The answer is an object with {names}." if names else "The answer is an empty object."
    return "The answer is an empty list." if content == [] else f"The answer is {type(content).__name__}, no object."


def _link(answer: Answer) -> str:
    """Return where the Link header says that the next page is (RFC 8288); empty where it does not."""
    for link in requests.utils.parse_header_links(answer.headers.get("Link", "")):
        if "next" in link.get("rel", "").lower().split():
            return link.get("url", "")
    return ""
