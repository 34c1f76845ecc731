"""The faults that a soak draws from: what dies, hangs, is cut or refused, and what people press meanwhile."""

from __future__ import annotations

import contextlib
import random
import signal
import time
from collections import Counter
from collections.abc import Callable

import psutil
import redis
from django.contrib.auth.models import User
from django.db import connection as database

from connectors.models import Connection, Status
from connectors.services.pause import AlreadyPausedError, NotPausedError
from jobs.models import Job, JobStatus
from jobs.services.cancel import CannotCancel, request_cancel
from jobs.services.enqueue import CannotSync, enqueue_sync
from jobs.services.enqueue_test import enqueue_test
from jobs.services.pausing import pause_connection, resume_connection
from tests.faults.harness.lab import Lab

_REFUSED = (CannotSync, CannotCancel, AlreadyPausedError, NotPausedError)


class Faults:
    """Draws one fault at a time. What each did is healed before the next."""

    def __init__(self, lab: Lab, connections: list[Connection], dice: random.Random) -> None:
        self.counts: Counter[str] = Counter()
        self._lab, self._connections, self._dice = lab, connections, dice
        self._person = User.objects.get_or_create(username="operator")[0]
        self._all: dict[str, Callable[[], None]] = {
            "child of a sync worker killed": self._kill_child,
            "sync worker killed": lambda: self._end("worker-sync", signal.SIGKILL),
            "sync worker told to stop": lambda: self._end("worker-sync", signal.SIGTERM),
            "system worker killed": lambda: self._end("worker-system", signal.SIGKILL),
            "beat killed": lambda: self._end("beat", signal.SIGKILL),
            "child of a sync worker frozen": self._freeze,
            "broker killed and back empty": self._restart_broker,
            "broker emptied": self._empty_broker,
            "database restarted": lambda: self._restart_database(signal.SIGINT),
            "database crashed": lambda: self._restart_database(signal.SIGQUIT),
            "database sessions ended": self._end_sessions,
            "database line cut": self._lab.database_line.cut,
            "database unreachable": self._cut_off_database,
            "line cut after a commit": lambda: self._lab.database_line.cut_after(b"COMMIT\x00", times=2),
            "broker line cut": self._lab.broker_line.cut,
            "destination refuses": self._refuse_destination,
            "destination cut in a copy": lambda: self._lab.warehouse_line.cut_after(b"COPY ", times=1),
            "source fails": lambda: self._turn({"fail_status": 500}),
            "source breaks off": lambda: self._turn({"truncate": True}),
            "source is slow": lambda: self._turn({"page_delay_ms": 900}),
            "source asks to slow down": lambda: self._turn({"rate_limit": 0.5}),
            "people press": self._press,
        }

    def strike(self) -> None:
        """Draw a fault, let it happen, and mend it."""
        name = self._dice.choice(list(self._all))
        self.counts[name] += 1
        self._all[name]()
        # Everything that is closed or killed by now is open and running again.
        self._wait(self._dice.uniform(0.5, 3))
        self._lab.heal()

    def _end(self, name: str, number: signal.Signals) -> None:
        self._lab.end(name, number, whole_group=False)

    def _kill_child(self) -> None:
        for child in self._children():
            child.kill()

    def _freeze(self) -> None:
        for child in self._children():
            child.suspend()
            self._wait(8)
            with contextlib.suppress(psutil.Error):
                child.resume()

    def _children(self) -> list[psutil.Process]:
        """Return one child of the sync worker, drawn by chance, if there is one at this moment."""
        try:
            found = psutil.Process(self._lab.pid("worker-sync")).children()
        except psutil.NoSuchProcess:
            return []
        return [self._dice.choice(found)] if found else []

    def _restart_broker(self) -> None:
        self._lab.stop_redis()
        self._wait(self._dice.uniform(1, 6))
        self._lab.start_redis()

    def _empty_broker(self) -> None:
        with redis.Redis(unix_socket_path=str(self._lab.redis.server.socket)) as client:
            client.flushall()

    def _restart_database(self, number: signal.Signals) -> None:
        database.close()
        self._lab.stop_postgres(number)
        self._lab.start_postgres()

    def _end_sessions(self) -> None:
        self._lab.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'patchbay' "
            "AND pid <> pg_backend_pid() AND random() < 0.6"
        )
        database.close()

    def _cut_off_database(self) -> None:
        """For longer than a lease, so that whoever holds one ends itself."""
        self._lab.database_line.blackhole()
        self._wait(8)
        self._lab.database_line.heal()

    def _refuse_destination(self) -> None:
        self._lab.warehouse_line.refuse()
        self._wait(4)
        self._lab.warehouse_line.heal()

    def _turn(self, knobs: dict[str, object]) -> None:
        companies = list(self._connections[0].entities.values_list("ref", flat=True))
        self._lab.sandbox.turn_knobs(dict.fromkeys(self._dice.sample(companies, 3), knobs))
        self._wait(6)

    def _press(self) -> None:
        """Sync, test, pause, resume and cancel here and there, as people do; what is refused is refused."""
        for connection in self._dice.sample(self._connections, 6):
            with contextlib.suppress(*_REFUSED):
                self._dice.choice([self._sync, self._test, self._pause_or_resume, self._cancel])(connection)

    def _sync(self, connection: Connection) -> None:
        enqueue_sync(connection=connection, actor=self._person)

    def _test(self, connection: Connection) -> None:
        enqueue_test(connection=connection, actor=self._person)

    def _pause_or_resume(self, connection: Connection) -> None:
        now = Connection.objects.get(pk=connection.pk)
        if now.status == Status.PAUSED:
            resume_connection(connection=now, actor=self._person)
        else:
            cancels = self._dice.random() < 0.5  # noqa: PLR2004 - a coin
            pause_connection(connection=now, reason="Soak", actor=self._person, cancels_running=cancels)

    def _cancel(self, connection: Connection) -> None:
        job = Job.objects.filter(connection=connection, status__in=[JobStatus.PENDING, JobStatus.RUNNING]).first()
        if job is not None:
            request_cancel(job=job, actor=self._person)

    def _wait(self, seconds: float) -> None:
        time.sleep(seconds)
