"""Sends requests to an API: every host checked, its own sign-in sent nowhere else, waits as the source asks for."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Self
from urllib.parse import SplitResult, parse_qsl, urlencode, urljoin, urlsplit

import requests

from connectors import network
from connectors.failures import http_failure
from connectors.http import open_session
from connectors.plan import Endpoint, SyncError
from connectors.providers.rest_api import answers
from connectors.providers.rest_api.answers import Answer
from connectors.providers.rest_api.auth import TIMEOUT_SECONDS, Auth
from connectors.providers.rest_api.declaration import Declaration

# A wait up to this long happens inside the job; a longer one is left to the job's next attempt.
LONGEST_WAIT_SECONDS = 60
_PIECE_SECONDS = 0.5
_MOST_WAITS = 20
_MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

Pause = Callable[[float], None]


class Client:
    """One run's requests. `pause` waits and may raise `Stopped`; use as a context manager.

    `longest_wait` is how many seconds a source may ask to wait before that is left to somebody else.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        declaration: Declaration,
        pause: Pause = time.sleep,
        *,
        longest_wait: float = LONGEST_WAIT_SECONDS,
    ) -> None:
        """Resolve and check the base address. Raises `SyncError`."""
        self._declared = declaration
        self._auth = Auth(endpoint)
        self._pause, self._longest_wait = pause, longest_wait
        self._sessions: dict[str, requests.Session] = {}
        self._next_at = 0.0
        parts, _ = network.split_url(str(endpoint.config.get("base_url") or ""))
        self._base = parts.geturl()
        self._origin = _origin(parts)
        self._session_of(self._origin)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        for session in self._sessions.values():
            session.close()

    def address_of(self, path: str) -> str:
        """Return the whole address of a path below the base address."""
        return f"{self._base}/{path.lstrip('/')}".rstrip("/") if path.strip("/") else self._base

    def next_address(self, here: str, link: str) -> str:
        """Return the whole address of a link in the answer from `here`. Raises `SyncError` where it leaves the API.

        What is asked for there would be asked without the sign-in, so it could not be what belongs to this page.
        """
        found = _joined(here, link.strip())
        if _origin(urlsplit(found)) != self._origin:
            said = f"The next page is said to be at {urlsplit(found).netloc or 'no address'}, which is another server."
            raise SyncError("bad_record", said)
        return found

    def get(self, url: str, params: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        """Send one request and return a good answer; short waits that the source asks for happen here.

        A source that asks to slow down and names no time is left alone: the job waits, as its class of failure says.
        Raises `SyncError`.
        """
        answer = self._sent(url, params, headers)
        for _ in range(_MOST_WAITS):
            asked = answers.waits_for(answer)
            if asked is None:
                break
            self._wait(asked, answer.status)
            answer = self._sent(url, params, headers)
        if not answer.is_good:
            raise answers.refusal_of(answer)
        return answer

    def _sent(self, url: str, params: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        answer = self._followed(url, params, headers)
        if answer.status == HTTPStatus.UNAUTHORIZED and self._auth.renew():
            answer = self._followed(url, params, headers)
        return answer

    def _followed(self, url: str, params: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        """Send one request and follow where it is sent on, each server checked like the first. Raises `SyncError`."""
        address = _with(url, params)
        for _ in range(_MOST_REDIRECTS + 1):
            answer = self._once(address, headers)
            link = answer.headers.get("Location", "") if answer.status in _REDIRECTS else ""
            if not link:
                return answer
            address = _joined(address, link)
        raise SyncError("misconfigured", f"The address is sent on more than {_MOST_REDIRECTS} times.")

    def _once(self, address: str, headers: Mapping[str, str]) -> Answer:
        origin = _origin(urlsplit(address))
        session = self._session_of(origin)
        sent = {**self._declared.headers, **headers}
        if origin == self._origin:
            sent |= self._auth.headers()
            address = _with(address, self._auth.query())
        else:
            # What one API gave out is no business of another server.
            sent = {}
        self._keep_pace()
        started = time.monotonic()
        try:
            with session.get(
                address, headers=sent, timeout=TIMEOUT_SECONDS, allow_redirects=False, stream=True
            ) as answer:
                return answers.read(answer, most_megabytes=self._declared.most_megabytes, started=started)
        except requests.RequestException as error:
            raise http_failure(error) from None

    def _session_of(self, origin: str) -> requests.Session:
        if origin not in self._sessions:
            if origin.startswith("http://"):
                _refuse_plain(origin)
            _, session = open_session(origin)
            session.headers["Accept-Encoding"] = "gzip, deflate"
            self._sessions[origin] = session
        return self._sessions[origin]

    def _keep_pace(self) -> None:
        """Wait until the next request may be sent, where the declaration says how many a second."""
        if not self._declared.requests_per_second:
            return
        now = time.monotonic()
        if self._next_at > now:
            self._pause(self._next_at - now)
        self._next_at = max(now, self._next_at) + 1 / self._declared.requests_per_second

    def _wait(self, seconds: float, status: int) -> None:
        if seconds > self._longest_wait:
            raise SyncError("rate_limited", f"{status}, asked to wait {seconds:.0f} s", retry_after=seconds)
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._pause(min(left, _PIECE_SECONDS))


def _origin(parts: SplitResult) -> str:
    return f"{parts.scheme}://{parts.netloc}".lower()


def _joined(here: str, link: str) -> str:
    try:
        found = urljoin(here, link)
        urlsplit(found)
    except ValueError:
        raise SyncError("bad_record", "The source leads to an address that is none.") from None
    return found


def _with(address: str, params: Mapping[str, str]) -> str:
    """Return an address with parameters added; those that it has already stay, since a link is kept as it is given."""
    there = {name for name, _ in parse_qsl(urlsplit(address).query, keep_blank_values=True)}
    added = urlencode({name: value for name, value in params.items() if name not in there})
    return f"{address}{'&' if '?' in address else '?'}{added}" if added else address


def _refuse_plain(origin: str) -> None:
    """Refuse an address without encryption, except in the networks that an admin allowed. Raises `SyncError`."""
    parts, port = network.split_url(origin)
    address = network.resolve(parts.hostname or "", port, allowed=network.allowed_networks())
    if ipaddress.ip_address(address.ip).is_global:
        raise SyncError("misconfigured", "The address must begin with https://: without encryption everybody reads on.")
