"""The stages of a session, in the order of the funnel."""

from __future__ import annotations

from django.db import models


class Stage(models.TextChoices):
    """Where somebody is on the way from a link to a connection."""

    INVITED = "invited", "Invited"
    OPENED = "opened", "Opened"
    TERMS = "terms", "Terms"
    PROVIDER_SELECTION = "provider_selection", "Provider"
    AUTHENTICATION = "authentication", "Sign-in"
    MFA = "mfa", "MFA"
    ENTITY_SELECTION = "entity_selection", "Entities"
    VERIFICATION = "verification", "Check"
    CONNECTED = "connected", "Connected"


STAGES = tuple(Stage)
# What not every provider asks for. One that was not asked for counts as passed.
OPTIONAL = frozenset({Stage.MFA, Stage.ENTITY_SELECTION})


def number_of(stage: str) -> int:
    """Return the place of a stage in the funnel, from 0. Raises `ValueError` for an unknown one."""
    return STAGES.index(Stage(stage))
