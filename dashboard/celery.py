"""The Celery application: what workers, beat and publishing processes share.

The settings and their reasons are the reliability rules: the message is a hint and Postgres owns the job, so
messages are acknowledged early, carry one id, and may be lost or repeated.

Handlers import what needs models inside: Django is not set up yet when this module is loaded.
"""

from __future__ import annotations

import os
import threading
from typing import Any

from celery import Celery, bootsteps
from celery.signals import setup_logging, task_prerun, worker_init, worker_shutdown, worker_shutting_down

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

app = Celery("patchbay")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["jobs", "dashboard"])


class Presence(bootsteps.StartStopStep):
    """Keeps the parent's rows in the list of workers fresh, by the timer of its event loop.

    A thread would be simpler and wrong: the parent forks children all the time, and a fork in the middle of a write
    would hand the open connection to a child.
    """

    requires = ("celery.worker.components:Timer",)

    def start(self, parent: Any) -> None:
        """Be seen at once, then every few seconds."""
        from jobs.services import drain, presence  # noqa: F401, PLC0415 - models; `drain` shares its byte by the fork

        self._be_seen(parent)
        parent.timer.call_repeatedly(presence.SEEN_EVERY_SECONDS, self._be_seen, (parent,))

    def _be_seen(self, parent: Any) -> None:
        from jobs.services import presence  # noqa: PLC0415 - models

        queues = {queue.name for queue in parent.app.amqp.queues.consume_from.values()}
        presence.be_seen(parent.hostname, queues, parent.concurrency)


app.steps["worker"].add(Presence)


@setup_logging.connect
def _keep_our_logging(**_: Any) -> None:
    """Leave logging to Django's settings: its formatter removes nothing twice and names the process once."""


@worker_init.connect
def _load_the_engine(sender: Any = None, **_: Any) -> None:
    """Import dlt once in the parent of workers that move data, before it forks (1.6 s cold, 0.2 s warm)."""
    queues = {queue.name for queue in sender.app.amqp.queues.consume_from.values()} if sender else set()
    if queues & {"sync", "bulk"}:
        from connectors.engine.run import warm_up  # noqa: PLC0415 - heavy: dlt and SQLAlchemy

        warm_up()


@task_prerun.connect
def _look_at_the_connection(**_: Any) -> None:
    """Drop a database connection that broke since the last task, and keep one that works: see CELERY_DB_REUSE_MAX."""
    from django.db import close_old_connections  # noqa: PLC0415 - needs settings

    close_old_connections()


@worker_shutting_down.connect
def _drain(**_: Any) -> None:
    """Tell the running jobs to go back to the queue, and everybody that this worker takes nothing new.

    This is a signal handler, perhaps in the middle of a write of its own thread: the row is written by another one.
    """
    from jobs.services import drain, presence  # noqa: PLC0415 - models

    drain.begin()
    threading.Thread(target=presence.be_drained, name="drain", daemon=True).start()


@worker_shutdown.connect
def _leave(**_: Any) -> None:
    """Take the stopped worker off the list."""
    from jobs.services import presence  # noqa: PLC0415 - models

    presence.leave()
