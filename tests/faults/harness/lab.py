"""A whole Patchbay to break: its own Postgres, Redis and payroll source, its workers and beat, a proxy on every line.

The workers reach everything through proxies; the tests reach the database, the destination and the source directly,
so that they see what is true while the workers are cut off.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg
from psycopg.rows import TupleRow
from redis import Redis

from dashboard.stack import postgres, redis
from dashboard.stack.groups import wait_gone
from dashboard.stack.home import prepare_home
from tests.faults.harness import guards, points
from tests.faults.harness.guards import Guard
from tests.faults.harness.programs import workers_and_beat
from tests.faults.harness.proxy import Proxies
from tests.sandbox.running import ROOT, start_sandbox_process
from tests.waiting import wait_until

WAREHOUSE = "warehouse"
_STOP_SECONDS = 10.0
_READY_SECONDS = 60.0
_PID = "substring(identity FROM '([0-9]+)-[0-9]+:')::int"


class Lab:
    """The running parts. `start` makes one; `close` ends everything and removes its folder."""

    def __init__(self, home: Path) -> None:
        self.home = home
        prepare_home(home)
        self.points = home / "points"
        self.points.mkdir(mode=0o777)
        self.logs = home / "logs"
        self.logs.mkdir()
        self.postgres = postgres.start(home)
        self.redis = redis.start(home)
        self.sandbox = start_sandbox_process()
        self._proxies = Proxies()
        server = ("127.0.0.1", self.postgres.server.port)
        self.database_line = self._proxies.open(server)
        self.warehouse_line = self._proxies.open(server)
        self.broker_line = self._proxies.open(self.redis.server.socket)
        source = ("127.0.0.1", urlsplit(self.sandbox.url).port or 0)
        self.source_line = self._proxies.open(source)
        self.postgres.server.create_database(WAREHOUSE)
        specs = workers_and_beat(
            home,
            self.points,
            database_url=f"postgresql://{postgres.USER}:{self.postgres.server.password}"
            f"@127.0.0.1:{self.database_line.port}/{postgres.DATABASE}",
            redis_url=f"redis://127.0.0.1:{self.broker_line.port}/0",
            source_port=source[1],
        )
        self._specs = {spec.name: spec for spec in specs}
        # What always runs; the dispatcher does only where a test starts it.
        self.names = [name for name in self._specs if name != guards.DISPATCH]
        # The guards that each process was started without, by its name.
        self._without: dict[str, str] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        # Started with settings of one test: not for the next one.
        self._special: set[str] = set()
        self._links: dict[str, psycopg.Connection[TupleRow]] = {}

    # ---- Its processes
    def start(self, *names: str, twin: bool = False, **extra: str) -> None:
        """Start processes that do not run; workers and beat without a name. A `twin` runs beside the one that does."""
        for name in names or self.names:
            label = f"{name}-twin" if twin else name
            if self.is_running(label):
                continue
            spec = self._specs[name]
            if extra or name not in self.names:
                self._special.add(label)
            with (self.logs / f"{label}.log").open("ab") as log:
                self._running[label] = subprocess.Popen(
                    spec.command,
                    cwd=ROOT,
                    env={**spec.environment, guards.WITHOUT: self._without.get(name, ""), **extra},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )

    def take_out(self, out: Iterable[Guard]) -> None:
        """End the processes that run with other guards than they shall: `heal` starts them anew, without `out`."""
        for name in self._specs:
            wanted = ",".join(one.name for one in out if name in one.places)
            if wanted == self._without.get(name, ""):
                continue
            self._without[name] = wanted
            if self.is_running(name):
                self.end(name)

    def wait_until_ready(self) -> None:
        """Wait until each worker has told that it is there."""
        pids = {self.pid(name) for name in self.names if name.startswith("worker-")}

        def told() -> bool:
            found = self.rows(f"SELECT {_PID} FROM jobs_worker")
            return pids <= {pid for (pid,) in found}

        wait_until(told, seconds=_READY_SECONDS, what="every worker is there")

    def is_running(self, name: str) -> bool:
        """Whether a process runs."""
        process = self._running.get(name)
        return process is not None and process.poll() is None

    def pid(self, name: str) -> int:
        """Return the process id of a started process."""
        return self._running[name].pid

    def end(self, name: str, number: signal.Signals = signal.SIGKILL, *, whole_group: bool = True) -> None:
        """Send a signal to a process, and to its children where it is told, and wait for the process' end."""
        process = self._running[name]
        with contextlib.suppress(ProcessLookupError):
            if whole_group:
                os.killpg(process.pid, number)
            else:
                process.send_signal(number)
        process.wait(_STOP_SECONDS * 6)

    def tell(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a process alone, and do not wait."""
        self._running[name].send_signal(number)

    def exit_code(self, name: str) -> int | None:
        """Return with what a process ended, None while it runs."""
        return self._running[name].poll()

    def log_of(self, name: str) -> str:
        """Return what a process, and those before it of its name, have said so far."""
        return (self.logs / f"{name}.log").read_text("utf-8", "replace")

    def end_all(self) -> None:
        """Kill every process of the lab, servers aside."""
        for name in list(self._running):
            if self.is_running(name):
                self.end(name)
        wait_gone(self._strays(), _STOP_SECONDS)

    def _strays(self) -> list[psutil.Process]:
        """Return what is left of the lab's processes, killed: children that outlived their parent."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                words = process.cmdline()
                if "tests.faults.harness.process" in words and process.environ().get("PATCHBAY_HOME") == str(self.home):
                    process.kill()
                    found.append(process)
        return found

    # ---- Its servers
    def stop_postgres(self, number: signal.Signals = signal.SIGINT) -> None:
        """Stop the database: SIGINT is a fast shutdown, SIGQUIT an immediate one, as after a crash."""
        self.forget_links()
        self.postgres.process.send_signal(number)
        self.postgres.process.wait(_STOP_SECONDS * 6)

    def start_postgres(self) -> None:
        """Start the database again on its old port."""
        port = self.postgres.server.port
        self.postgres = postgres.start(self.home)
        assert self.postgres.server.port == port

    def stop_redis(self) -> None:
        """Kill the broker: everything in it is gone."""
        self.redis.process.kill()
        self.redis.process.wait(_STOP_SECONDS)

    def start_redis(self) -> None:
        """Start an empty broker in the old place."""
        self.redis = redis.start(self.home)

    def broker(self) -> Redis:
        """Return a client of the broker itself, past its proxy."""
        return Redis(unix_socket_path=str(self.redis.server.socket))

    # ---- What is stored
    def rows(self, query: str, *values: object, database: str = postgres.DATABASE) -> list[TupleRow]:
        """Return the rows of a query, or those that a statement returns. Each statement commits."""
        try:
            cursor = self._link(database).execute(query.encode(), values)
        except psycopg.OperationalError:
            # The server went away since the last call; one that is away now raises again.
            self.forget_links()
            cursor = self._link(database).execute(query.encode(), values)
        return cursor.fetchall() if cursor.description else []

    def value(self, query: str, *values: object, database: str = postgres.DATABASE) -> Any:
        """Return the first column of a query's only row; None when it has none."""
        rows = self.rows(query, *values, database=database)
        assert len(rows) <= 1
        return rows[0][0] if rows else None

    def _link(self, database: str) -> psycopg.Connection[TupleRow]:
        link = self._links.get(database)
        if link is None or link.closed:
            link = self._links[database] = psycopg.connect(self.postgres.server.url(database), autocommit=True)
        return link

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Do what the block does to Patchbay's tables in one transaction that is rolled back."""
        with self._link(postgres.DATABASE).transaction(force_rollback=True):
            yield

    def forget_links(self) -> None:
        """Close our own connections."""
        for link in self._links.values():
            link.close()
        self._links.clear()

    # ---- Between two faults
    def heal(self) -> None:
        """Mend every line, take back every knob and point, and start what does not run."""
        for line in (self.database_line, self.warehouse_line, self.broker_line, self.source_line):
            line.heal()
        if self.postgres.process.poll() is not None:
            self.start_postgres()
        if self.redis.process.poll() is not None:
            self.start_redis()
        points.disarm(self.points)
        self.sandbox.turn_knobs({})
        for name in self._special:
            if self.is_running(name):
                self.end(name)
        self._special.clear()
        for name in [name for name in self._running if name.endswith("-twin") and self.is_running(name)]:
            self.end(name)
        self.start()

    def clear(self) -> None:
        """Take away what a failed test left: live jobs, plans and blocked accounts. A worker on one ends itself."""
        self.rows("UPDATE connectors_connection SET schedule_kind = 'manual', next_run_at = NULL")
        self.rows("UPDATE connectors_entity SET next_run_at = NULL")
        self.rows("DELETE FROM jobs_lease")
        self.rows(
            "UPDATE jobs_job SET status = 'cancelled', ended_at = now(), error_code = 'cancelled_by_user' "
            "WHERE status IN ('pending', 'running')"
        )
        self.rows("UPDATE jobs_attempt SET status = 'cancelled', ended_at = now() WHERE ended_at IS NULL")
        self.rows("DELETE FROM jobs_accountblock")
        # A worker that was killed counts as one with room until it was silent for a while.
        running = [self.pid(name) for name in self.names]
        self.rows(f"DELETE FROM jobs_worker WHERE NOT {_PID} = ANY(%s)", running)
        (self.points / points.LEDGER).unlink(missing_ok=True)

    def forget_jobs(self) -> None:
        """Take away every job and message: what a missing guard did to them is not for the next fault to find."""
        self.clear()
        with self.broker() as client:
            client.flushall()
        self.rows("TRUNCATE jobs_job, jobs_attempt, jobs_step, jobs_logline, jobs_lease CASCADE")

    def close(self) -> None:
        """End everything and remove the folder."""
        self.end_all()
        self.forget_links()
        self._proxies.close()
        self.sandbox.session.close()
        self.sandbox.process.kill()
        self.sandbox.process.communicate()
        self.redis.stop()
        self.postgres.stop()
        shutil.rmtree(self.home, ignore_errors=True)


assert sys.platform == "linux", "the faults freeze and kill processes by Linux' means"
