"""One `manage.py up` in a home folder of its own, and what a test may know about it: its databases, its payroll
sandbox, its log and its processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg
import requests
from psycopg.rows import TupleRow

from dashboard.stack.groups import is_alive
from dashboard.stack.ports import HOST
from dashboard.stack.register import FILE as REGISTER
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 120.0
STOP_SECONDS = 60.0
VISITED = "5 end users went through the connect flow"


@dataclass
class Stack:
    """A started stack. `process` is `manage.py up` itself, `log` holds all that it wrote since this start."""

    home: Path
    port: int
    log: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def text(self) -> str:
        """Return the log so far."""
        return self.log.read_text(encoding="utf-8")

    def wait_until_ready(self) -> None:
        """Wait for the words that a person waits for."""

        def is_ready() -> bool:
            assert self.process.poll() is None, f"it ended:\n{self.text()}"
            return "Patchbay is ready" in self.text()

        wait_until(is_ready, seconds=START_SECONDS, what="the stack is ready")

    def wait_for_visits(self) -> None:
        """Wait until the demo's end users have gone through the connect flow, which they do after that."""
        wait_until(lambda: VISITED in self.text(), seconds=START_SECONDS, what="the demo's visits are over")

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal to `manage.py up`, as Ctrl-C does, and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)

    # ---- What lies in the home folder
    def stored(self, name: str) -> dict[str, Any]:
        """Return the JSON object in a file of the home folder."""
        value: dict[str, Any] = json.loads((self.home / name).read_text(encoding="utf-8"))
        return value

    def password(self, role: str) -> str:
        """Return the password of a demo user."""
        return str(self.stored("demo-credentials.json")["users"][role])

    # ---- Databases
    @contextmanager
    def database(self, name: str = "patchbay") -> Iterator[psycopg.Connection[TupleRow]]:
        """Lend a connection to a database of the embedded server, as its owner; each statement commits."""
        with psycopg.connect(
            host=HOST,
            port=self.stored("ports.json")["postgres"],
            user="patchbay",
            password=self.stored("secrets.json")["postgres_password"],
            dbname=name,
            autocommit=True,
        ) as connection:
            yield connection

    def rows(self, query: str, *values: object, database: str = "patchbay") -> list[TupleRow]:
        """Return the rows of a query."""
        with self.database(database) as connection:
            return connection.execute(query.encode(), values).fetchall()

    def value(self, query: str, *values: object, database: str = "patchbay") -> Any:
        """Return the first column of a query's only row; None when it has none."""
        rows = self.rows(query, *values, database=database)
        assert len(rows) <= 1
        return rows[0][0] if rows else None

    def run(self, statement: str, *values: object, database: str = "patchbay") -> None:
        """Run a statement that returns nothing."""
        with self.database(database) as connection:
            connection.execute(statement.encode(), values)

    # ---- The payroll sandbox
    @property
    def sandbox_url(self) -> str:
        return f"http://{HOST}:{self.stored('ports.json')['sandbox']}"

    def payroll(self, path: str) -> list[dict[str, Any]]:
        """Return all records of a collection of the payroll API, such as `companies/co_x/employees`."""
        headers = {"Authorization": f"Bearer {self.stored('secrets.json')['sandbox_api_key']}"}
        records: list[dict[str, Any]] = []
        cursor: str | None = ""
        while cursor is not None:
            answer = requests.get(
                f"{self.sandbox_url}/v1/{path}", params={"limit": "500", "cursor": cursor}, headers=headers, timeout=10
            ).json()
            records += answer["data"]
            cursor = answer["next_cursor"]
        return records

    @contextmanager
    def knobs(self, **companies: dict[str, Any]) -> Iterator[None]:
        """Turn knobs of companies for a while, beside those that are turned already."""
        before = self._knobs("GET")
        self._knobs("PUT", {**before, **companies})
        try:
            yield
        finally:
            self._knobs("PUT", before)

    def _knobs(self, method: str, document: dict[str, Any] | None = None) -> dict[str, Any]:
        headers = {"X-Sandbox-Admin": self.stored("secrets.json")["sandbox_admin_key"]}
        answer = requests.request(
            method, f"{self.sandbox_url}/_sandbox/knobs", json=document, headers=headers, timeout=10
        )
        answer.raise_for_status()
        knobs: dict[str, Any] = answer.json()["knobs"]
        return knobs

    # ---- Processes
    def process_named(self, name: str) -> psutil.Process:
        """Return the process of a part of the stack, such as `worker-sync`."""
        entries = self.stored(REGISTER)["processes"]
        return psutil.Process(next(entry["pid"] for entry in entries if entry["name"] == name))

    def parts(self) -> list[str]:
        """Return the names of the parts of this start that run, such as `web`."""
        children = {child.pid for child in psutil.Process(self.process.pid).children() if is_alive(child)}
        return sorted(entry["name"] for entry in self.stored(REGISTER)["processes"] if entry["pid"] in children)

    def commands(self) -> list[str]:
        """Return the command lines of all processes of this home folder, `manage.py up` aside."""
        return [_command(process) for process in self._others()]

    def strays(self) -> list[str]:
        """Return the command lines of processes of this home folder that this start did not start."""
        ours = {child.pid for child in psutil.Process(self.process.pid).children(recursive=True)}
        return [_command(process) for process in self._others() if process.pid not in ours]

    def _others(self) -> list[psutil.Process]:
        return [
            process
            for process in psutil.process_iter()
            if process.pid != self.process.pid and is_alive(process) and _belongs_to(process, self.home)
        ]


def start(home: Path, port: int, *options: str, **settings: str) -> Stack:
    """Run `manage.py up` as a person does; its environment names the home folder, the port and `settings` only."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(home.parent), "PATCHBAY_HOME": str(home), "PORT": str(port)}
    environment |= settings
    log = home.parent / f"up-{time.monotonic_ns()}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up", *options],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    return Stack(home=home, port=port, log=log, process=process)


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return f"process {process.pid}, which just ended"


def _belongs_to(process: psutil.Process, home: Path) -> bool:
    """Whether a process works for this home folder, by its environment, its command or the folder it works in."""
    place = str(home)
    try:
        return (
            process.environ().get("PATCHBAY_HOME") == place
            or place in " ".join(process.cmdline())
            or process.cwd().startswith(place)
        )
    except psutil.Error:
        return False
