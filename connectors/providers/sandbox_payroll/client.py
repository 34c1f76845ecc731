"""Talks to the payroll API: one session, one checked address, time limits on every call, failures as codes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Self

import requests

from connectors.failures import http_failure
from connectors.http import open_session
from connectors.plan import Endpoint, SyncError
from connectors.providers.sandbox_payroll.answers import TIMEOUT_SECONDS, refusal_of, retry_after
from connectors.providers.sandbox_payroll.tokens import renew

PAGE_LIMIT = 200
# A wait up to this long happens inside the job; a longer one is left to the job's next attempt.
LONGEST_WAIT_SECONDS = 30
_PIECE_SECONDS = 0.5
_MOST_WAITS = 20
# Answers that speak of the values that were sent.
_OF_VALUES = {HTTPStatus.CREATED, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.CONFLICT}

Pause = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a collection: its records, how long it took, and how many bytes it had."""

    number: int
    records: list[dict[str, Any]]
    status: int
    seconds: float
    bytes: int
    # How many records there are in all, those of this page where the source does not say.
    total: int = 0


class Client:
    """The API with what is stored: a key, a session's token, or a refresh token that is exchanged on the first call.

    `pause` waits, and may raise `Stopped`; use as a context manager.
    """

    def __init__(self, endpoint: Endpoint, pause: Pause = time.sleep) -> None:
        """Resolve and check the address. Raises `SyncError`."""
        secrets = endpoint.secrets
        self._refresh_token = secrets.get("refresh_token", "")
        # Of an access token nothing is kept but here, for as long as this client lives.
        self._bearer = secrets.get("api_key") or secrets.get("session_token") or ""
        if not self._bearer and not self._refresh_token:
            raise SyncError("invalid_credentials", "Neither an API key nor a sign-in is stored.")
        self._base, self._session = open_session(str(endpoint.config.get("base_url") or ""))
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

    def write(self, path: str, body: Mapping[str, Any], key: str) -> requests.Response:
        """Post an object below /v1 under an idempotency key, and return the answer where it is one to the values.

        That is one that took them or refused them; everything else raises `SyncError`.
        """
        answer = self._patiently(lambda: self._send_write(f"{self._base}/v1/{path}", body, key))
        if answer.status_code not in _OF_VALUES:
            raise refusal_of(answer)
        return answer

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
        total = body.get("total")
        whole = total if isinstance(total, int) else len(records)
        return Page(number, records, answer.status_code, seconds, len(answer.content), whole), cursor

    def _get(self, url: str, parameters: dict[str, str]) -> requests.Response:
        """Send one request; wait and repeat while the source asks for short waits. Raises `SyncError`.

        A source that asks to slow down and names no time is left alone: the job waits, as its class of failure says.
        """
        answer = self._patiently(lambda: self._send("GET", url, params=parameters))
        if answer.status_code != HTTPStatus.OK:
            raise refusal_of(answer)
        return answer

    def _patiently(self, send: Callable[[], requests.Response]) -> requests.Response:
        """Send a request, again after each short wait that the source asks for. Raises `SyncError`."""
        answer = self._renewed(send)
        for _ in range(_MOST_WAITS):
            asked = retry_after(answer) if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS else None
            if asked is None:
                break
            self._wait(asked)
            answer = self._renewed(send)
        return answer

    def _renewed(self, send: Callable[[], requests.Response]) -> requests.Response:
        """Send a request with an access token that holds: a long run outlives many. Raises `SyncError`."""
        if not self._refresh_token:
            return send()
        if self._bearer:
            answer = send()
            if answer.status_code != HTTPStatus.UNAUTHORIZED:
                return answer
        self._bearer = renew(self._session, self._base, self._refresh_token)
        return send()

    def _send_write(self, url: str, body: Mapping[str, Any], key: str) -> requests.Response:
        return self._send("POST", url, json=body, headers={"Idempotency-Key": key})

    def _send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, **content: Any
    ) -> requests.Response:
        try:
            # A redirect would lead to an address that nobody checked, with the key in its headers.
            return self._session.request(
                method,
                url,
                headers={**(headers or {}), "Authorization": f"Bearer {self._bearer}"},
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
                **content,
            )
        except requests.RequestException as error:
            raise http_failure(error) from None

    def _wait(self, seconds: float) -> None:
        if seconds > LONGEST_WAIT_SECONDS:
            raise SyncError("rate_limited", f"429, Retry-After {seconds:.0f} s", retry_after=seconds)
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._pause(min(left, _PIECE_SECONDS))
