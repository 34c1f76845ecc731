"""A code forge's API, served here, as GitHub documents its own: repositories, issues and their comments.

Bearer token; pages by `page` and `per_page` (100 at most), the next one in the Link header; `state` (open unless asked
otherwise) and `since` (changed at or after then) on issues, the newest first; what is left of the allowance in
X-RateLimit headers, and 403 or 429 once it is spent.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

TOKEN = "ghp_Hm4rXw81sTq0Lc2vBn7Yk3Zd5Fa9Gj6Re1Pu"
BEGAN = datetime(2026, 1, 5, 8, tzinfo=UTC)
_LARGEST_PAGE, _USUAL_PAGE = 100, 30


@dataclass
class Forge:
    """What the forge holds, and what was asked of it. The next `spent` requests are refused, with `refusal` as headers.

    `hidden` are the numbers of issues that are listed still, and gone when their comments are asked for.
    """

    issues: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    comments: dict[tuple[str, int], list[dict[str, Any]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    hidden: set[int] = field(default_factory=set)
    spent: int = 0
    refusal: dict[str, str] = field(default_factory=lambda: {"Retry-After": "0"})
    url: str = ""

    def open(self, repository: str, number: int, /, **values: Any) -> dict[str, Any]:
        """Open an issue, or change it."""
        known = self.issues.setdefault(repository, [])
        issue = next((one for one in known if one["number"] == number), None)
        if issue is None:
            issue = _issue(repository, number)
            known.append(issue)
        issue.update(values)
        return issue

    def comment(self, repository: str, number: int, text: str, at: datetime) -> None:
        """Comment on an issue, which changes that."""
        said = self.comments.setdefault((repository, number), [])
        key = number * 1000 + len(said)
        moment = _written(at)
        said.append({"id": key, "body": text, "user": {"login": "hubot"}, "created_at": moment, "updated_at": moment})
        self.open(repository, number, updated_at=moment, comments=len(said))


def _issue(repository: str, number: int) -> dict[str, Any]:
    at = _written(BEGAN + timedelta(hours=number))
    return {
        "id": 5_000_000_000 + number,
        "number": number,
        "title": f"Found a bug, “{number}” 🪲",
        "state": "closed" if number % 4 == 0 else "open",
        "locked": False,
        "comments": 0,
        "user": {"login": "octocat", "id": 1, "site_admin": False},
        "labels": [{"id": 208045946, "name": "bug", "default": True}] if number % 3 == 0 else [],
        "milestone": None,
        "closed_at": at if number % 4 == 0 else None,
        "created_at": at,
        "updated_at": at,
        "body": None if number % 5 == 0 else 'I\'m having a problem with this.\nIt says "no".',
        "repository_url": f"/repos/{repository}",
    }


def _written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def filled() -> Forge:
    """Return a forge with two repositories, one of them with more issues than a page holds."""
    forge = Forge()
    for number in range(1, 121):
        forge.open("octo-org/hello-world", number)
    for number in range(1, 8):
        forge.open("octo-org/spoon", number)
    for number in (3, 7, 7, 120):
        forge.comment("octo-org/hello-world", number, f"Me too, {number}", BEGAN + timedelta(hours=number, minutes=5))
    return forge


@contextmanager
def serving(forge: Forge) -> Iterator[Forge]:
    """Serve a forge at its `url` for as long as the block runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            forge.asked.append(self.path)
            status, found, headers = _answer(forge, self.path, self.headers.get("Authorization", ""))
            body = json.dumps(found).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json; charset=utf-8", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    forge.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield forge
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _answer(forge: Forge, address: str, authorization: str) -> tuple[int, Any, dict[str, str]]:
    if authorization not in {f"Bearer {TOKEN}", f"token {TOKEN}"}:
        return 401, {"message": "Bad credentials", "documentation_url": "https://docs.example/rest"}, {}
    if forge.spent:
        forge.spent -= 1
        return 403, {"message": "API rate limit exceeded"}, {"X-RateLimit-Remaining": "0", **forge.refusal}
    parts = urlsplit(address)
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
    found = _found(forge, parts.path.strip("/").split("/"), asked)
    if found is None:
        return 404, {"message": "Not Found"}, {}
    size = min(int(asked.get("per_page", _USUAL_PAGE)), _LARGEST_PAGE)
    page = int(asked.get("page", "1"))
    limits = {"X-RateLimit-Remaining": "4999", "X-RateLimit-Reset": str(int(time.time()) + 3600)}
    links = _links(forge.url + parts.path, asked, page, -(-len(found) // size))
    return 200, found[(page - 1) * size : page * size], {**limits, **links}


def _found(forge: Forge, steps: list[str], asked: dict[str, str]) -> list[dict[str, Any]] | None:
    if steps == ["user", "repos"]:
        return [{"id": place, "full_name": name, "private": False} for place, name in enumerate(forge.issues, start=1)]
    if len(steps) < 4 or steps[0] != "repos" or steps[3] != "issues":
        return None
    repository = "/".join(steps[1:3])
    if repository not in forge.issues:
        return None
    if steps[4:]:
        number = int(steps[4])
        is_there = number not in forge.hidden
        return forge.comments.get((repository, number), []) if is_there and steps[5:] == ["comments"] else None
    state, since = asked.get("state", "open"), asked.get("since", "")
    found = [one for one in forge.issues[repository] if state in {"all", one["state"]} and one["updated_at"] >= since]
    return sorted(found, key=lambda one: one["created_at"], reverse=True)


def _links(url: str, asked: dict[str, str], page: int, last: int) -> dict[str, str]:
    def link(number: int, name: str) -> str:
        return f'<{url}?{urlencode({**asked, "page": number})}>; rel="{name}"'

    links = [link(page - 1, "prev"), link(1, "first")] if page > 1 else []
    links += [link(page + 1, "next"), link(last, "last")] if page < last else []
    return {"Link": ", ".join(links)} if links else {}
