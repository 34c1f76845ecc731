"""Talks to an S3-compatible store: one bucket, one checked address, time limits on every call, failures as codes.

Requests are signed here (AWS Signature Version 4) and not by a library, so that they go over `connectors.http`, which
connects to the address that was checked and to no other one. Names and rules: Amazon S3 API Reference; the signature is
tested against the vectors that its documentation publishes.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import IO, Self
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree as ET

import requests
import urllib3

from connectors import http, network
from connectors.failures import http_failure
from connectors.plan import SyncError
from connectors.s3_answers import body_of, refusal_of, tree_of, whole

TIMEOUT_SECONDS = (10, 60)  # to connect, and between two pieces of the answer
_BLOCK = 1024 * 1024
_EMPTY = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True)
class Place:
    """A bucket: the store's address, its region, and whether the bucket stands in the path or before the host."""

    url: str
    region: str
    bucket: str
    is_path_style: bool = True


@dataclass(frozen=True, slots=True)
class Keys:
    """What requests are signed with."""

    access_key: str
    secret_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Stored:
    """An object of a bucket; `modified` as the store tells it (ISO 8601, UTC), `tag` changes with its content."""

    key: str
    size: int
    modified: str
    tag: str


def address_of(place: Place) -> str:
    """Return the address that requests for the bucket go to. Raises `SyncError("misconfigured")`."""
    parts, _ = network.split_url(place.url)
    if not place.bucket or "/" in place.bucket:
        raise SyncError("misconfigured", f"“{place.bucket}” is no name of a bucket.")
    if place.is_path_style:
        return f"{parts.geturl()}/{quote(place.bucket)}"
    return parts._replace(netloc=f"{place.bucket}.{parts.netloc}").geturl()


class Bucket:
    """An open bucket; use as a context manager. Every method raises `SyncError`."""

    def __init__(self, place: Place, keys: Keys) -> None:
        """Resolve and check the address."""
        self._place, self._keys = place, keys
        self._base, self._session = http.open_session(address_of(place))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self._session.close()

    def check(self) -> None:
        """Look whether the keys are accepted and the bucket can be listed."""
        self._page({"max-keys": "1"})

    def stored(self, prefix: str = "") -> Iterator[Stored]:
        """Yield all objects whose keys begin with `prefix`, by key."""
        for page in self._pages({"prefix": prefix}):
            for found in page.findall("Contents"):
                yield Stored(
                    key=found.findtext("Key", ""),
                    size=int(found.findtext("Size", "0")),
                    modified=found.findtext("LastModified", ""),
                    tag=found.findtext("ETag", "").strip('"'),
                )

    def folders(self, prefix: str = "") -> Iterator[str]:
        """Yield the names of the folders directly below `prefix`, which is empty or ends with a slash."""
        for page in self._pages({"prefix": prefix, "delimiter": "/"}):
            for found in page.findall("CommonPrefixes"):
                yield found.findtext("Prefix", "").removeprefix(prefix).rstrip("/")

    def fetch(self, found: Stored, target: Path, *, passed: Callable[[int], None] = lambda _: None) -> None:
        """Write an object to `target` as it was listed; `passed` is told the bytes so far and may raise.

        Raises `SyncError("file_changed")` where it was replaced or removed since.
        """
        size = 0
        with self._object(found) as answer, target.open("wb") as file, whole(found.key):
            for block in answer.raw.stream(_BLOCK, decode_content=False):
                size += file.write(block)
                passed(size)
        if size != found.size:
            raise SyncError("file_changed", f"{found.key} has {size:,} bytes and was listed with {found.size:,}.")

    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes:
        """Return the bytes of an object from `start` to before `end`, which must be few enough for memory."""
        asked = {} if start == 0 and end is None else {"Range": f"bytes={start}-{'' if end is None else end - 1}"}
        try:
            with self._answer("GET", key, headers=asked) as answer:
                found: bytes = answer.raw.read(decode_content=False)
        except urllib3.exceptions.HTTPError as error:
            raise SyncError("provider_error", f"{key} broke off: {type(error).__name__}.") from None
        return found

    def read_part(self, found: Stored, start: int, length: int) -> bytes:
        """Return some bytes of an object as it was listed; fewer at its end. Raises as `fetch` does."""
        if start >= found.size:
            return b""
        last = min(start + length, found.size) - 1
        with self._object(found, {"Range": f"bytes={start}-{last}"}) as answer, whole(found.key):
            if start and answer.status_code != HTTPStatus.PARTIAL_CONTENT:
                raise SyncError("provider_error", "The store gives no parts of objects.")
            read: bytes = answer.raw.read(last - start + 1, decode_content=False)
        return read

    def put(self, key: str, source: Path) -> None:
        """Store the file `source` under `key` in one request: readers see the old object, then the new one."""
        digest = hashlib.sha256()
        with source.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        with source.open("rb") as file:
            # An empty file object would be sent in chunks, which the signature does not cover.
            body = file if source.stat().st_size else b""
            with self._answer("PUT", key, body=body, digest=digest.hexdigest()):
                pass

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no failure."""
        with self._answer("DELETE", key):
            pass

    def _object(self, found: Stored, headers: Mapping[str, str] | None = None) -> requests.Response:
        try:
            return self._answer("GET", found.key, headers={"If-Match": f'"{found.tag}"', **(headers or {})})
        except SyncError as error:
            if error.code == "source_object_missing":
                raise SyncError("file_changed", f"{found.key} is not there any more.") from None
            raise

    def _pages(self, query: Mapping[str, str]) -> Iterator[ET.Element]:
        token = ""
        while True:
            page = self._page({**query, **({"continuation-token": token} if token else {})})
            yield page
            if page.findtext("IsTruncated", "") != "true":
                return
            before, token = token, page.findtext("NextContinuationToken", "")
            if not token or token == before:
                raise SyncError("bad_record", "The store's list of objects has no end.")

    def _page(self, query: Mapping[str, str]) -> ET.Element:
        with self._answer("GET", "", {"list-type": "2", **query}) as answer:
            return tree_of(body_of(answer))

    def _answer(
        self,
        method: str,
        key: str,
        query: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        body: IO[bytes] | bytes | None = None,
        digest: str = _EMPTY,
    ) -> requests.Response:
        """Send one signed request and return its answer, its body still to be read."""
        query = query or {}
        url = self._base + ("/" + quote(key, safe="/-_.~") if key else "" if self._place.is_path_style else "/")
        asked = "&".join(f"{quote(name, safe='-_.~')}={quote(query[name], safe='-_.~')}" for name in sorted(query))
        signed = signature(
            method, url, asked, self._keys, region=self._place.region, digest=digest, now=datetime.now(UTC)
        )
        try:
            # A redirect would lead to an address that nobody checked.
            answer = self._session.request(
                method,
                f"{url}?{asked}" if asked else url,
                headers={**(headers or {}), **signed, "Accept-Encoding": "identity"},
                data=body,
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
                stream=True,
            )
        except requests.RequestException as error:
            raise http_failure(error) from None
        if answer.status_code not in {HTTPStatus.OK, HTTPStatus.NO_CONTENT, HTTPStatus.PARTIAL_CONTENT}:
            with answer:
                raise refusal_of(answer, self._place.bucket)
        return answer


def signature(
    method: str, url: str, query: str, keys: Keys, *, region: str, digest: str, now: datetime
) -> dict[str, str]:
    """Return the headers that sign a request (Signature Version 4).

    `url` has its path quoted, `query` is quoted and sorted; `digest` is the body's SHA-256 in hexadecimal digits.
    """
    parts = urlsplit(url)
    moment = now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    signed = {"host": parts.netloc, "x-amz-content-sha256": digest, "x-amz-date": moment}
    names = ";".join(signed)
    lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
    request = f"{method}\n{parts.path or '/'}\n{query}\n{lines}\n{names}\n{digest}"
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{keys.secret_key}".encode()
    for part in (moment[:8], region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    made = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    credential = f"{keys.access_key}/{scope}"
    return {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={credential},SignedHeaders={names},Signature={made}",
        "x-amz-content-sha256": digest,
        "x-amz-date": moment,
    }
