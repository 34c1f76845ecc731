"""Celery as `manage.py up` starts it, with syncs that do nothing, or with clocks around what they do.

The words behind are Celery's own. Nothing else of the product is changed.
"""

from __future__ import annotations

import os
import sys

import django
from celery.__main__ import main

from benchmarks.installation import SPANS, WORK

django.setup()


def _do_nothing() -> None:
    """Let a sync be over at once: claim, heartbeat, records and facts are the product's."""
    from connectors.plan import Reporter, SyncResult  # noqa: PLC0415 - Django is set up by then
    from jobs import runner  # noqa: PLC0415 - likewise
    from jobs.handlers import Handler, handler  # noqa: PLC0415 - likewise
    from jobs.models import Job, JobType  # noqa: PLC0415 - likewise

    def nothing(_job: Job, _reporter: Reporter) -> SyncResult:
        return SyncResult(())

    def chosen(job_type: str) -> Handler:
        return nothing if job_type == JobType.DATA_SYNC else handler(job_type)

    setattr(runner, "handler", chosen)  # noqa: B010 - its own name for it, which nobody else may change


if os.environ.get(WORK) == "none":
    _do_nothing()
if os.environ.get(SPANS) and "sync" in sys.argv:
    from benchmarks import spans

    spans.install()
main()
