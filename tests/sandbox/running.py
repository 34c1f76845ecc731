"""A sandbox server as a process of its own, for the tests of anything that talks to one."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parents[2]
API_KEY = "key-of-the-tests"
ADMIN_KEY = "admin-key-of-the-tests"


@dataclass
class Running:
    """A started sandbox: its process, its address and a session that holds the API key."""

    process: subprocess.Popen[str]
    url: str
    session: requests.Session

    def get(self, path: str, **query: str | int) -> requests.Response:
        return self.session.get(self.url + path, params=query, timeout=5)

    def rows(self, path: str, **query: str | int) -> list[dict[str, Any]]:
        """Return all rows of a collection, page by page."""
        rows: list[dict[str, Any]] = []
        cursor: str | None = ""
        while cursor is not None:
            page = self.get(path, cursor=cursor, **query).json()
            rows += page["data"]
            cursor = page["next_cursor"]
        return rows

    def turn_knobs(self, knobs: object) -> requests.Response:
        headers = {"X-Sandbox-Admin": ADMIN_KEY}
        return self.session.put(self.url + "/_sandbox/knobs", json=knobs, headers=headers, timeout=5)

    def sign_in(self, user: str) -> requests.Response:
        """Sign in by the API, with the right password."""
        typed = {"username": user, "password": f"payroll-{user}"}
        return self.session.post(self.url + "/v1/sign-in", json=typed, timeout=5)

    def stderr_after(self, wait_seconds: int = 5) -> str:
        """Wait for the process to end and return what it still had to say."""
        return self.process.communicate(timeout=wait_seconds)[1]


def start_sandbox_process(*arguments: str, **settings: str) -> Running:
    """Start a sandbox on a free port and wait until it listens; `settings` become PATCHBAY_SANDBOX_ variables."""
    settings = {"API_KEY": API_KEY, "ADMIN_KEY": ADMIN_KEY, **settings}
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PATCHBAY_")}
    environ |= {f"PATCHBAY_SANDBOX_{name}": value for name, value in settings.items()}
    process = subprocess.Popen(
        [sys.executable, "-m", "connectors.sandbox", "--port", "0", *arguments],
        cwd=ROOT,
        env=environ,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    line = process.stderr.readline()
    match = re.search(r"listening on (http://\S+)", line)
    assert match is not None, line + process.communicate(timeout=5)[1]
    session = requests.Session()
    session.trust_env = False
    session.headers["Authorization"] = f"Bearer {API_KEY}"
    return Running(process, match[1], session)
