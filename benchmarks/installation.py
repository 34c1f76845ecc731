"""An installation to measure: its own Postgres, Redis and sandbox, the workers and beat that `manage.py up` starts."""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from dashboard.stack import postgres, processes, redis
from dashboard.stack.environment import Place
from dashboard.stack.home import prepare_home
from dashboard.stack.ports import kept_port
from dashboard.stack.supervisor import ProcessSpec
from tests.sandbox.running import Running, start_sandbox_process

ROOT = Path(__file__).resolve().parents[1]
# Which of `benchmarks.process`' changes the workers start with.
WORK, SPANS = "PATCHBAY_BENCH_WORK", "PATCHBAY_BENCH_SPANS"
_CELERY = ["-m", "celery"]
_STOP_SECONDS, _WEB_SECONDS = 90.0, 60.0


class Installation:
    """The running parts. Django of this process speaks to the same database and broker."""

    def __init__(self, home: Path, sandbox: Running, server: postgres.PostgresServer) -> None:
        self.home, self.sandbox, self.server = home, sandbox, server
        self._running: list[subprocess.Popen[bytes]] = []

    def start_workers(self, **extra: str) -> None:
        """Start all workers and beat, with these further variables in their environment."""
        place = Place(root=ROOT, home=self.home, web_port=0, sandbox_port=0, demo=False)
        for spec in processes.workers(place, {**os.environ, **extra}):
            self._start(spec, _with_ours(spec.command))

    def start_web(self) -> str:
        """Start the web server and return its address once it answers."""
        from django.core.management import call_command  # noqa: PLC0415 - Django is set up late

        call_command("collectstatic", verbosity=0, interactive=False)
        place = Place(root=ROOT, home=self.home, web_port=kept_port(self.home, "web"), sandbox_port=0, demo=False)
        spec = processes.web(place, os.environ)
        self._start(spec, [*spec.command])
        url = f"http://127.0.0.1:{place.web_port}"
        wait_until(lambda: _answers(f"{url}/healthz"), seconds=_WEB_SECONDS, what="the web server answers")
        return url

    def _start(self, spec: ProcessSpec, command: list[str]) -> None:
        with (self.home / f"{spec.name}.log").open("ab") as log:
            self._running.append(
                subprocess.Popen(
                    command,
                    cwd=ROOT,
                    env=dict(spec.environment),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )

    def stop_workers(self) -> None:
        """Tell what was started here to stop, and end what does not."""
        for process in self._running:
            process.send_signal(signal.SIGTERM)
        for process in self._running:
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self._running.clear()


@contextmanager
def installation() -> Iterator[Installation]:
    """Start the servers, set Django up on them, and end everything afterwards."""
    home = Path(tempfile.mkdtemp(prefix="patchbay-bench-"))
    prepare_home(home)
    database = broker = sandbox = None
    try:
        database, broker, sandbox = postgres.start(home), redis.start(home), start_sandbox_process()
        set_up(home, database.server.url(), broker.server.url())
        _migrate()
        made = Installation(home, sandbox, database.server)
        try:
            yield made
        finally:
            made.stop_workers()
    finally:
        if sandbox is not None:
            sandbox.session.close()
            sandbox.process.kill()
            sandbox.process.communicate()
        for server in (broker, database):
            if server is not None:
                server.stop()
        shutil.rmtree(home, ignore_errors=True)


def _environment(home: Path, database_url: str, redis_url: str) -> dict[str, str]:
    return {
        "DJANGO_SETTINGS_MODULE": "dashboard.settings",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "PATCHBAY_HOME": str(home),
        "PATCHBAY_HTTPS": "0",
        "PATCHBAY_SECRET_KEY": secrets.token_urlsafe(50),
        "PATCHBAY_ENCRYPTION_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "PATCHBAY_ALLOWED_NETWORKS": "127.0.0.0/8",
        "PYTHONUNBUFFERED": "1",
    }


def set_up(home: Path, database_url: str, redis_url: str) -> None:
    """Set Django of this process up, and what it hands to those it starts, with fresh keys."""
    import django  # noqa: PLC0415 - its settings read the environment that is set here

    os.environ |= _environment(home, database_url, redis_url)
    django.setup()


def _migrate() -> None:
    from django.core.management import call_command  # noqa: PLC0415 - Django is set up late

    call_command("migrate", verbosity=0, interactive=False)


def _with_ours(command: tuple[str, ...]) -> list[str]:
    """Return the product's own command, with our module in the place of Celery's."""
    words = list(command)
    place = next(n for n in range(len(words)) if words[n : n + 2] == _CELERY)
    return [*words[:place], "-m", "benchmarks.process", *words[place + 2 :]]


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except (requests.ConnectionError, requests.Timeout):
        return False


def wait_until(look: Callable[[], object], *, seconds: float, what: str) -> float:
    """Return after how many seconds `look()` was true. Raises `TimeoutError` when it never is."""
    began = time.monotonic()
    while not look():
        if time.monotonic() - began > seconds:
            message = f"{what}: not within {seconds:g} s"
            raise TimeoutError(message)
        time.sleep(0.02)
    return time.monotonic() - began


def say(text: str = "") -> None:
    """Print a line of a report at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
