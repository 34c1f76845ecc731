"""Talks to the payroll API: one session, one checked address, time limits on every call, failures as codes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Self

import requests

from connectors.failures import http_failure
from connectors.http import open_session
from connectors.plan import Endpoint, SyncError

TIMEOUT_SECONDS = (10, 60)  # to connect, and between two pieces of the answer
PAGE_LIMIT = 200
# A wait up to this long happens inside the job; a longer one is left to the job's next attempt.
LONGEST_WAIT_SECONDS = 30
_PIECE_SECONDS = 0.5
_MOST_WAITS = 20
_CODES: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "invalid_credentials",
    HTTPStatus.FORBIDDEN: "insufficient_permissions",
    HTTPStatus.NOT_FOUND: "misconfigured",
    HTTPStatus.BAD_GATEWAY: "provider_unavailable",
    HTTPStatus.SERVICE_UNAVAILABLE: "provider_unavailable",
    HTTPStatus.GATEWAY_TIMEOUT: "provider_unavailable",
}

Pause = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a collection: its records, how long it took, and how many bytes it had."""

    number: int
    records: list[dict[str, Any]]
    status: int
    seconds: float
    bytes: int


class Client:
    """The API with one key. `pause` waits, and may raise `Stopped`; use as a context manager."""

    def __init__(self, endpoint: Endpoint, pause: Pause = time.sleep) -> None:
        """Resolve and check the address. Raises `SyncError`."""
        key = endpoint.secrets.get("api_key", "")
        if not key:
            raise SyncError("invalid_credentials", "No API key is stored.")
        self._base, self._session = open_session(str(endpoint.config.get("base_url") or ""))
        self._session.headers["Authorization"] = f"Bearer {key}"
        self._pause = pause

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self._session.close()

    def pages(self, path: str, *, limit: int = PAGE_LIMIT, filters: Mapping[str, str] | None = None) -> Iterator[Page]:
        """Yield the pages of the collection at `path` below /v1. Raises `SyncError`."""
        cursor: str | None = None
        seen: set[str] = set()
        number = 1
        while True:
            parameters = {"limit": str(limit), **(filters or {}), **({"cursor": cursor} if cursor else {})}
            page, cursor = self._page(path, parameters, number)
            yield page
            if cursor is None:
                return
            if cursor in seen:
                raise SyncError("bad_record", f"{path}: the source gave the same page cursor twice.")
            seen.add(cursor)
            number += 1

    def _page(self, path: str, parameters: dict[str, str], number: int) -> tuple[Page, str | None]:
        started = time.monotonic()
        answer = self._get(f"{self._base}/v1/{path}", parameters)
        try:
            body = answer.json()
        except ValueError as error:
            raise http_failure(error) from None
        records, cursor = (body.get("data"), body.get("next_cursor")) if isinstance(body, dict) else (None, None)
        if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
            raise SyncError("bad_record", f"{path}, page {number}: the answer holds no list of records.")
        if cursor is not None and not isinstance(cursor, str):
            raise SyncError("bad_record", f"{path}, page {number}: the page cursor is not text.")
        seconds = time.monotonic() - started
        return Page(number, records, answer.status_code, seconds, len(answer.content)), cursor

    def _get(self, url: str, parameters: dict[str, str]) -> requests.Response:
        """Send one request; wait and repeat while the source asks for short waits. Raises `SyncError`.

        A source that asks to slow down and names no time is left alone: the job waits, as its class of failure says.
        """
        answer = self._send(url, parameters)
        for _ in range(_MOST_WAITS):
            asked = _retry_after(answer) if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS else None
            if asked is None:
                break
            self._wait(asked)
            answer = self._send(url, parameters)
        if answer.status_code != HTTPStatus.OK:
            raise _refusal(answer)
        return answer

    def _send(self, url: str, parameters: dict[str, str]) -> requests.Response:
        try:
            # A redirect would lead to an address that nobody checked, with the key in its headers.
            return self._session.get(url, params=parameters, timeout=TIMEOUT_SECONDS, allow_redirects=False)
        except requests.RequestException as error:
            raise http_failure(error) from None

    def _wait(self, seconds: float) -> None:
        if seconds > LONGEST_WAIT_SECONDS:
            raise SyncError("rate_limited", f"429, Retry-After {seconds:.0f} s", retry_after=seconds)
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._pause(min(left, _PIECE_SECONDS))


def _retry_after(answer: requests.Response) -> float | None:
    """Read Retry-After, seconds or a date (RFC 9110, 10.2.3), in seconds from now. None where it is neither."""
    text = answer.headers.get("Retry-After", "").strip()
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None


def _refusal(answer: requests.Response) -> SyncError:
    status, said, words = answer.status_code, *_error_of(answer)
    detail = f"{status} {said}: {words}".strip(": ")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return SyncError("rate_limited", detail, retry_after=_retry_after(answer))
    if said.startswith("company_") and status in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}:
        return SyncError("entity_access_lost", detail)
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return SyncError("misconfigured", f"{status}: the address leads elsewhere, and redirects are not followed.")
    return SyncError(_CODES.get(status, "provider_error"), detail)


def _error_of(answer: requests.Response) -> tuple[str, str]:
    """Return the code and the words of an error answer, as far as it has them."""
    try:
        error = answer.json().get("error", {})
        return str(error.get("code", "")), str(error.get("message", ""))[:300]
    except (ValueError, AttributeError):
        return "", (answer.reason or "")[:300]
