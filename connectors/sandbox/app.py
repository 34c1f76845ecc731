"""The sandbox as a WSGI application: bytes in, bytes out; `routes` decides what is said."""

import json
import time
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from connectors.sandbox.config import SandboxConfig
from connectors.sandbox.messages import Reply, Request
from connectors.sandbox.routes import Sandbox
from connectors.sandbox.tokens import Clock

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

# A dripping body is sent in so many pieces per second.
_DRIPS_PER_SECOND = 10
_MAX_BODY_BYTES = 1_000_000


class TruncatedBodyError(ConnectionError):
    """Raised in the middle of a body that a knob cuts short; a server must then close the connection."""


def create_app(config: SandboxConfig, clock: Clock = time.time) -> "WSGIApplication":
    """Return a WSGI application over a sandbox of its own; raise KnobError where the knobs cannot be used.

    `clock` gives seconds since 1970, for what expires.
    """
    sandbox = Sandbox(config, clock)

    def application(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        reply = sandbox.answer(_request(environ))
        body = _body(reply)
        headers = [("Content-Type", reply.content_type), ("Content-Length", str(len(body))), *reply.headers]
        start_response(f"{reply.status} {_reason(reply.status)}", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else _sent(reply, body)

    return application


def _request(environ: "WSGIEnvironment") -> Request:
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    length = environ.get("CONTENT_LENGTH") or "0"
    size = min(int(length), _MAX_BODY_BYTES) if length.isdecimal() else 0
    return Request(
        method=environ["REQUEST_METHOD"],
        path=environ.get("PATH_INFO", ""),
        query=dict(parse_qsl(environ.get("QUERY_STRING", ""))),
        headers=headers,
        body=environ["wsgi.input"].read(size) if size else b"",
        content_type=environ.get("CONTENT_TYPE", ""),
        query_string=environ.get("QUERY_STRING", ""),
    )


def _body(reply: Reply) -> bytes:
    if isinstance(reply.payload, str):
        return reply.payload.encode(errors="replace")
    return json.dumps(reply.payload, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:  # a knob may ask for a status that has no name, such as 599
        return "Unknown"


def _sent(reply: Reply, body: bytes) -> Iterable[bytes]:
    if reply.drip is None and not reply.truncated:
        return [body]
    return _suffering(reply, body)


def _suffering(reply: Reply, body: bytes) -> Iterator[bytes]:
    """Yield the body slowly, or only its first half, as the knobs ask."""
    end = len(body) // 2 if reply.truncated else len(body)
    step = max(1, int(reply.drip // _DRIPS_PER_SECOND)) if reply.drip else end
    for start in range(0, end, step):
        piece = body[start : min(start + step, end)]
        if reply.drip:
            time.sleep(len(piece) / reply.drip)
        yield piece
    if reply.truncated:
        message = "a knob cuts this body short"
        raise TruncatedBodyError(message)
