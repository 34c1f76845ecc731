"""What an answer of an API holds, bounded while it is read, and a code for every refusal."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, NoReturn

import orjson
import requests

from connectors.failures import http_failure
from connectors.plan import SyncError

# For a whole answer, however slowly its pieces come.
ANSWER_SECONDS = 120
_PIECE_BYTES = 64 * 1024
_LONGEST_WORDS = 300
_MEGABYTE = 1024 * 1024
_CODES: dict[int, str] = {
    HTTPStatus.BAD_REQUEST: "misconfigured",
    HTTPStatus.UNAUTHORIZED: "invalid_credentials",
    HTTPStatus.FORBIDDEN: "insufficient_permissions",
    HTTPStatus.NOT_FOUND: "source_object_missing",
    HTTPStatus.METHOD_NOT_ALLOWED: "misconfigured",
    HTTPStatus.NOT_ACCEPTABLE: "misconfigured",
    HTTPStatus.GONE: "source_object_missing",
    HTTPStatus.UNPROCESSABLE_ENTITY: "misconfigured",
    HTTPStatus.BAD_GATEWAY: "provider_unavailable",
    HTTPStatus.SERVICE_UNAVAILABLE: "provider_unavailable",
    HTTPStatus.GATEWAY_TIMEOUT: "provider_unavailable",
}
_HTML = re.compile(rb"\s*<(?:!doctype|html|head|body|\?xml|!--)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that was read whole. `bytes` of the body as unpacked, `seconds` until its end."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes
    seconds: float
    url: str

    @property
    def is_good(self) -> bool:
        """Whether it is the answer that was asked for."""
        return self.status == HTTPStatus.OK


def read(answer: requests.Response, *, most_megabytes: int, started: float) -> Answer:
    """Read an answer to its end. Raises `SyncError` where it is too large, too slow, or breaks off.

    The pieces are counted as unpacked, and no more is unpacked at a time than a piece, so a bomb stays packed.
    """
    most, until = most_megabytes * _MEGABYTE, started + ANSWER_SECONDS
    pieces, size = [], 0
    try:
        for piece in answer.iter_content(_PIECE_BYTES):
            pieces.append(piece)
            size += len(piece)
            if size > most:
                said = f"The answer is larger than {most_megabytes} MB. Ask for smaller pages, or raise the limit."
                raise SyncError("misconfigured", said)
            if time.monotonic() > until:
                raise SyncError("connection_timeout", f"The answer did not end within {ANSWER_SECONDS} s.")
    except requests.RequestException as error:
        raise http_failure(error) from None
    seconds = time.monotonic() - started
    return Answer(answer.status_code, answer.reason or "", answer.headers, b"".join(pieces), seconds, answer.url or "")


def content_of(answer: Answer, *, is_exact: bool = False) -> Any:
    """Return what the JSON of an answer holds; `is_exact` keeps every digit of its numbers, which takes longer.

    Raises `SyncError`: `misconfigured` for a web page, `bad_record` for what is no JSON.
    """
    if _HTML.match(answer.body):
        said = "The answer is a web page and not JSON: the address leads to a website, or to a sign-in page."
        raise SyncError("misconfigured", said)
    try:
        if is_exact:
            return json.loads(answer.body, parse_float=Decimal, parse_constant=_refuse)
        return orjson.loads(answer.body)
    except RecursionError:
        raise SyncError("bad_record", "The answer is nested too deeply to be read.") from None
    except ValueError as error:
        # The first words of the error only: what follows may quote the body.
        raise SyncError("bad_record", f"The answer is not valid JSON: {str(error)[:100]}.") from None


def refusal_of(answer: Answer) -> SyncError:
    """Return what an answer means that is not the one that was asked for."""
    status = answer.status
    words = words_of(answer) or answer.reason
    detail = f"{status} {words}".strip()
    if waits_for(answer) is not None or status == HTTPStatus.TOO_MANY_REQUESTS:
        return SyncError("rate_limited", detail, retry_after=waits_for(answer))
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return SyncError("misconfigured", f"{status}: the address leads elsewhere without saying where.")
    return SyncError(_CODES.get(status, "provider_error"), detail)


def words_of(answer: Answer) -> str:
    """Return what an error answer says of itself, as most APIs write it; empty where it says nothing."""
    try:
        found = orjson.loads(answer.body)
    except ValueError:
        return ""
    for _ in range(4):
        if isinstance(found, list):
            found = found[0] if found else ""
        if not isinstance(found, dict):
            break
        names = ("error_description", "message", "detail", "error", "errors", "title", "description")
        found = next((found[name] for name in names if found.get(name)), "")
    return " ".join(found.split())[:_LONGEST_WORDS] if isinstance(found, str) else ""


def waits_for(answer: Answer) -> float | None:
    """Return for how many seconds an answer asks to wait; None where it does not.

    That is Retry-After, seconds or a date (RFC 9110, 10.2.3), or the time at which a spent allowance comes back.
    """
    limited = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.FORBIDDEN, HTTPStatus.SERVICE_UNAVAILABLE}
    if answer.status not in limited:
        return None
    if text := answer.headers.get("Retry-After", "").strip():
        return _seconds_until(text)
    if answer.status == HTTPStatus.SERVICE_UNAVAILABLE:
        return None
    for prefix in ("X-RateLimit", "RateLimit", "X-Rate-Limit"):
        left, at = answer.headers.get(f"{prefix}-Remaining", ""), answer.headers.get(f"{prefix}-Reset", "")
        if left.strip() == "0" and at.strip().isdigit():
            # Some say when, in seconds since 1970, and others in how many seconds.
            moment = float(at)
            return max(0.0, moment - time.time()) if moment > 1e9 else moment  # noqa: PLR2004 - in 2001
    return None


def _seconds_until(text: str) -> float | None:
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON")
