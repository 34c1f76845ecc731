"""An API with rows in pages, for `benchmarks.throughput`, made before the clock starts: the reading is measured."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PAGE_ROWS = 1_000


@contextmanager
def serving(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Serve rows in pages of a thousand at `/orders`, the next one named in the body; gives the base address."""
    parts = [rows[start : start + PAGE_ROWS] for start in range(0, len(rows), PAGE_ROWS)]
    links = [f"/orders?page={number}" for number in range(2, len(parts) + 1)]
    bodies = [
        json.dumps({"data": part, "next": link}).encode() for part, link in zip(parts, [*links, None], strict=True)
    ]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            """Answer with a page."""
            body = bodies[int(self.path.partition("page=")[2] or "1") - 1]
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def declared(base_url: str) -> dict[str, Any]:
    """Return the API as a connection declares it."""
    types = {
        "id": "bigint", "customer_id": "bigint", "status": "text", "placed_at": "timestamp", "updated_at": "timestamp",
        "currency": "text", "total": "double", "shipping": "double", "is_gift": "bool", "note": "text",
        "ratio": "double", "shipped_on": "date",
    }  # fmt: skip
    fields = [f"{name}: {kind}" for name, kind in types.items()]
    orders = {"name": "orders", "path": "/orders", "records": "data", "key": ["id"], "fields": fields}
    document = {"pagination": {"kind": "next_url", "path": "next"}, "resources": [orders]}
    return {"base_url": base_url, "auth": "none", "declaration": document}
