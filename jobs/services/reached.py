"""How far an attempt had come that did not succeed."""

from __future__ import annotations

from typing import Any

from jobs.models import Job, Lease


def read_so_far(job: Job, lease: Lease) -> dict[str, Any]:
    """Return what the last attempt had read of each table, for the record of a job that does not succeed.

    What it had loaded is left out: it gathers beside the tables, and nobody ever saw it.
    """
    read = {name: extracted for name, (extracted, _) in lease.progress.get("tables", {}).items()}
    if not read:
        return {}
    tables = [{**table, "extracted": read[table["name"]]} if table["name"] in read else table for table in job.tables]
    return {"tables": tables, "rows_extracted": sum(read.values())}
