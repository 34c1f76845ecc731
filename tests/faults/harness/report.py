"""The tables at the end: of each fault what was done and what held, and what its checks said without its guard.

Loaded as a pytest plugin, since the process that prints them may not be one that ran a fault (`-n 3`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

import pytest

from tests.faults.harness import mode


@dataclass(frozen=True, slots=True)
class Row:
    """One fault. `seconds` go from the fault to its recovery."""

    name: str
    done: str
    held: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Proof:
    """One fault without its guard: what was taken out, what the check said, and how long that took."""

    name: str
    without: str
    said: str
    seconds: float


ROWS: list[Row] = []
PROOFS: list[Proof] = []


def table() -> list[str]:
    """Return the lines of the table of faults, in the order of their names; none without a fault."""
    lines = [(row.name, row.done, row.held, row.seconds) for row in ROWS]
    return _laid_out(("Fault", "What was done", "What held"), lines)


def proof_table() -> list[str]:
    """Return the lines of the table of guards, in the order of the faults' names; none without a proof."""
    lines = [(proof.name, proof.without, proof.said, proof.seconds) for proof in PROOFS]
    return _laid_out(("Fault", "Without", "What its check said"), lines)


def _laid_out(heads: tuple[str, str, str], lines: Sequence[tuple[str, str, str, float]]) -> list[str]:
    lines = sorted(lines)
    if not lines:
        return []
    widths = [max(len(str(line[place])) for line in [heads, *lines]) for place in range(len(heads))]
    head = "  ".join(f"{word:<{width}}" for word, width in zip(heads, widths, strict=True))
    rows = ["  ".join(f"{word:<{width}}" for word, width in zip(line[:3], widths, strict=True)) for line in lines]
    return [f"{head}  Seconds", *(f"{row}  {line[3]:7.1f}" for row, line in zip(rows, lines, strict=True))]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send the rows of this process to the one that handed its tests out."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["faults"] = [astuple(row) for row in ROWS]
        output["proofs"] = [astuple(proof) for proof in PROOFS]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take in the rows that such a process sent; one that crashed sent none."""
    sent = getattr(node, "workeroutput", {})
    ROWS.extend(Row(*row) for row in sent.get("faults", []))
    PROOFS.extend(Proof(*proof) for proof in sent.get("proofs", []))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table of what was broken and what held, or that of the guards."""
    title, lines = ("guards taken out", proof_table()) if mode.IS_OF_GUARDS else ("faults", table())
    if lines:
        terminalreporter.section(title)
        for line in lines:
            terminalreporter.write_line(line)
