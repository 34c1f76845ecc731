"""dlt's progress, told to the job's reporter, and the job's cancel, told to dlt.

dlt calls the collector from the main thread between chunks and between load jobs; raising there ends the step.
"""

from __future__ import annotations

from dlt.common.runtime.collector_base import Collector

from connectors.engine.meter import Meter
from connectors.plan import Reporter


class Progress(Collector):
    """Passes on the rows of finished load jobs and asks, at each of dlt's steps, whether to go on."""

    def __init__(self, reporter: Reporter, meter: Meter) -> None:
        self.step = ""
        self._reporter = reporter
        self._meter = meter

    def update(self, *_counted: object, **_more: object) -> None:
        """Report what the load jobs did since the last call. May raise `Stopped`."""
        self.tell()
        self._reporter.check()

    def tell(self) -> None:
        """Report what the load jobs did since the last call."""
        rows, lines = self._meter.take()
        for line in lines:
            self._reporter.log("info", "load", line)
        for table, count in rows.items():
            self._reporter.rows(table, loaded=count)

    def _start(self, step: str) -> None:
        """Do nothing: the run reports its steps itself."""

    def _stop(self) -> None:
        """Do nothing, as above."""
