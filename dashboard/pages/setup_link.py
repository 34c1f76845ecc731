"""Where the setup of a connection goes on."""

from __future__ import annotations

from django.urls import reverse

from connectors.models import Connection, SetupStep
from connectors.setup_steps import waiting_step


def step_href(connection: Connection, step: SetupStep) -> str:
    """Return the address of a step."""
    return reverse("connections:setup-step", args=[connection.pk, step.value])


def resume_of(connection: Connection) -> tuple[str, str]:
    """Return name and address of the step that a setup waits at; both empty once it is finished. No query."""
    waiting = waiting_step(connection)
    return (str(waiting.label), step_href(connection, waiting)) if waiting else ("", "")
