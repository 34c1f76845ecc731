"""A server that answers as a function says, for APIs that behave in ways no real one documents."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Asked:
    """One request: its path, its parameters, its headers, and for a POST its form."""

    path: str
    params: dict[str, str]
    headers: Mapping[str, str]
    form: dict[str, str] = field(default_factory=dict)


@dataclass
class Answer:
    """What is sent back. A body that is neither bytes nor pieces of them is written as JSON."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Api:
    """A running server: where it is, and what it was asked."""

    url: str
    asked: list[Asked] = field(default_factory=list)


@contextmanager
def answering(how: Callable[[Asked], Answer]) -> Iterator[Api]:
    """Serve on this machine what `how` says, for as long as the block runs."""
    api = Api("")

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            self._answer({name: values[0] for name, values in parse_qs(body).items()})

        def _answer(self, form: dict[str, str]) -> None:
            parts = urlsplit(self.path)
            params = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
            asked = Asked(parts.path, params, dict(self.headers), form)
            api.asked.append(asked)
            answer = how(asked)
            pieces = _pieces(answer.body)
            self.send_response(answer.status)
            for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                for piece in pieces:
                    self.wfile.write(piece)
            except OSError:
                # Whoever asked has had enough.
                pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    api.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _pieces(body: Any) -> Iterable[bytes]:
    if isinstance(body, bytes):
        return (body,)
    if isinstance(body, Iterator):
        return body
    return (json.dumps(body).encode(),)
