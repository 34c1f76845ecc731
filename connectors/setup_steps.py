"""The steps of a new connection's setup: which one it waits at, and which can be opened."""

from __future__ import annotations

from connectors.models import Connection, SetupStep

STEPS = tuple(SetupStep)
# The step that gives what is missing.
_STEP_OF = {
    "missing_config": SetupStep.CONFIGURE,
    "missing_credentials": SetupStep.CONFIGURE,
    "never_tested": SetupStep.TEST,
    "no_tables_selected": SetupStep.TABLES,
}


def waiting_step(connection: Connection) -> SetupStep | None:
    """Return the first step of the setup that is not done, None once the setup is finished. No query."""
    if not connection.setup_step:
        return None
    reached = SetupStep(connection.setup_step)
    if connection.status_reason in _STEP_OF:
        return _STEP_OF[connection.status_reason]
    # A test that works moves on without a word of its own.
    return reached if connection.tested_at is None else max(reached, SetupStep.TABLES, key=STEPS.index)


def is_open(step: SetupStep, connection: Connection) -> bool:
    """Whether a step can be opened: the one that the setup waits at, and all before it."""
    waiting = waiting_step(connection)
    return waiting is not None and STEPS.index(step) <= STEPS.index(waiting)


def after(step: SetupStep) -> SetupStep:
    """Return the step that follows; the last one is followed by itself."""
    return STEPS[min(STEPS.index(step) + 1, len(STEPS) - 1)]
