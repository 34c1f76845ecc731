"""Measures a whole installation: `python -m benchmarks [overhead] [crowd] [pages] …`; `--help` lists all names."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from functools import partial

from benchmarks import (
    crowd,
    entities,
    funnel,
    ingest,
    insight,
    joblog,
    jobs,
    overhead,
    pages,
    search,
    slots,
    soak,
    throughput,
)
from benchmarks.installation import Installation, installation, say

_ALL = ("overhead", "throughput", "crowd", "pages", "entities", "joblog", "slots")
# What takes 20 GB of disk, and what has a verdict, are asked for by name.
_NAMED = ("search", "insight", "jobs", "funnel", "ingest", "soak")


def main() -> None:
    """Measure what the command names, without a name all that needs no name. The exit code is a soak's verdict."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"{', '.join(_ALL)} (all without a name), or {' or '.join(_NAMED)}")
    parser.add_argument("--minutes", type=float, help="how long slots (10) and soak (20) go on for")
    parser.add_argument("--seed", type=int, default=1, help="of a soak's faults")
    asked = parser.parse_args()
    names = asked.names or list(_ALL)
    if unknown := set(names) - {*_ALL, *_NAMED}:
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    if len(names) > 1:
        # Each in a process of its own: Django's settings are read once.
        rest = [word for word in sys.argv[1:] if word not in names]
        sys.exit(max(subprocess.call([sys.executable, "-m", "benchmarks", name, *rest]) for name in names))
    sys.exit(_measure(names[0], asked))


def _measure(name: str, asked: argparse.Namespace) -> int:
    say(f"\n{name}")
    if name == "soak":
        return 0 if soak.run(asked.minutes or soak.MINUTES, asked.seed) else 1
    measures: dict[str, Callable[[Installation], None]] = {
        "overhead": overhead.measure,
        "crowd": crowd.measure,
        "throughput": throughput.measure,
        "pages": pages.measure,
        "entities": entities.measure,
        "joblog": joblog.measure,
        "search": search.measure,
        "insight": insight.measure,
        "jobs": jobs.measure,
        "funnel": funnel.measure,
        "ingest": ingest.measure,
        "slots": partial(slots.measure, minutes=asked.minutes or slots.MINUTES),
    }
    with installation() as here:
        measures[name](here)
    return 0


if __name__ == "__main__":
    main()
