"""What comes in and what goes out, as plain values without HTTP."""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qsl

from connectors.sandbox.people import Record

JSON, HTML, CSS = "application/json", "text/html; charset=utf-8", "text/css; charset=utf-8"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `query` and `headers` hold the last value of each name, header names in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""
    content_type: str = ""
    query_string: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; a `payload` that is no text becomes JSON.

    `drip` (bytes per second) and `truncated` say how its body suffers.
    """

    status: int
    payload: Record | str
    headers: tuple[tuple[str, str], ...] = ()
    drip: float | None = None
    truncated: bool = False
    content_type: str = JSON


class ApiError(Exception):
    """An answer that is not the data asked for."""

    def __init__(self, status: int, code: str, message: str, *headers: tuple[str, str], **more: object) -> None:
        """Say the HTTP status, the error's code and its words, headers such as Retry-After, and what else it tells."""
        super().__init__(message)
        self.reply = Reply(status, {"error": {"code": code, "message": message, **more}}, headers)


def allow(request: Request, *methods: str) -> None:
    """Raise ApiError 405 for a method that is none of `methods`."""
    if request.method not in methods:
        allowed = ", ".join(methods)
        raise ApiError(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", f"Use {allowed}.", ("Allow", allowed))


def same(given: str, expected: str) -> bool:
    """Compare in constant time, as bytes: compare_digest refuses text beyond ASCII."""
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode())


def not_found() -> ApiError:
    """Return the answer at an address where nothing is."""
    return ApiError(404, "not_found", "There is nothing at this address.")


def object_in(request: Request) -> dict[str, str]:
    """Return the texts of the JSON object that was sent; raise ApiError 400 where it is none."""
    try:
        found = json.loads(request.body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ApiError(400, "invalid_request", "Send a JSON object.")
    return {name: value for name, value in found.items() if isinstance(value, str)}


def pairs_in(text: str) -> dict[str, list[str]]:
    """Return the values of each name in a query or a form, in their order; a name without a value counts as not sent.

    (RFC 6749, 3.1: parameters sent without a value are treated as if they were omitted.) Bytes that are no text are
    kept, so that a client's state goes back as it came.
    """
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(text, errors="surrogateescape"):
        found.setdefault(name, []).append(value)
    return found
