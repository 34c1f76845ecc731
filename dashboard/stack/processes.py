"""The processes of Patchbay, one line each: what to edit when a queue or a server is added."""

import sys
from collections.abc import Mapping

from dashboard.stack.account import death_prefix
from dashboard.stack.environment import Place
from dashboard.stack.ports import HOST
from dashboard.stack.supervisor import ProcessSpec

SERVERS, SOURCES, WORK = 0, 1, 2
# Seconds a worker gets. Its jobs stop at their next check and go back to the queue; a load that has begun already may
# end within a minute, and the reporter then takes some seconds to record that it did not.
WORKER_GRACE = 75.0

# Name, queue, children. A queue's waiting time is its own: what a person waits for (connection tests, discovery) never
# stands behind syncs, and syncs never behind historical ones.
WORKERS = (
    ("worker-interactive", "interactive", 1),
    ("worker-sync", "sync", 2),
    ("worker-bulk", "bulk", 1),
    ("worker-system", "system", 1),
)


def sandbox(place: Place, environment: Mapping[str, str]) -> ProcessSpec:
    """Return the sandbox provider, a payroll product to connect to."""
    command = ("-m", "connectors.sandbox", "--host", HOST, "--port", str(place.sandbox_port))
    return _python("sandbox", command, place, environment, stage=SOURCES)


def web(place: Place, environment: Mapping[str, str]) -> ProcessSpec:
    """Return the web server: one process with threads, enough for a machine of one's own."""
    command = (
        *("-m", "granian", "--interface", "wsgi", "--host", HOST, "--port", str(place.web_port)),
        *("--workers", "1", "--blocking-threads", "4", "--no-ws", "--workers-kill-timeout", "5"),
        *("--log-level", "warning", "dashboard.wsgi:application"),
    )
    return _python("web", command, place, {**environment, "PATCHBAY_PROCESS": "web"}, stage=WORK)


def workers(place: Place, environment: Mapping[str, str]) -> list[ProcessSpec]:
    """Return the Celery workers and beat."""
    # Who starts Patchbay as root knows it; each worker would say so in nine lines.
    calm = ("-W", "ignore:You're running the worker with superuser privileges")
    celery = (*calm, "-m", "celery", "--quiet", "-A", "dashboard")
    specs = [
        _python(
            name,
            (
                *(*celery, "worker", "-Q", queue, "-c", str(children), "-n", f"{queue}@%h", "-P", "prefork"),
                *("--without-gossip", "--without-mingle"),
            ),
            place,
            environment,
            stage=WORK,
            grace=WORKER_GRACE,
        )
        for name, queue, children in WORKERS
    ]
    return [*specs, _python("beat", (*celery, "beat", "--pidfile="), place, environment, stage=WORK)]


def manage(name: str, words: tuple[str, ...], place: Place, environment: Mapping[str, str]) -> ProcessSpec:
    """Return a management command that runs to its end, such as ``migrate``."""
    return _python(name, ("manage.py", *words), place, environment, stage=WORK, once=True)


def _python(
    name: str,
    words: tuple[str, ...],
    place: Place,
    environment: Mapping[str, str],
    *,
    stage: int,
    grace: float = 10.0,
    once: bool = False,
) -> ProcessSpec:
    # By module and interpreter: a script's first line must be short and without spaces, and a checkout's path need not.
    command = (*death_prefix("TERM"), sys.executable, *words)
    return ProcessSpec(
        name=name, command=command, cwd=place.root, environment=environment, stage=stage, grace=grace, once=once
    )
