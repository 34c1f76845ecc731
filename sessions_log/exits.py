"""Why somebody leaves on purpose, as he says it himself."""

from __future__ import annotations

from django.db import models


class ExitReason(models.TextChoices):
    """The answers to choose from; nothing is typed. Declining the terms is a reason of its own."""

    NOT_NOW = "not_now", "I will do it later"
    NO_ACCESS = "no_access", "I do not have the sign-in at hand"
    NOT_MINE = "not_mine", "Somebody else has to do this"
    NOT_SURE = "not_sure", "I do not want to give this access"
    NOT_FOUND = "not_found", "My service is not in the list"
    OTHER = "other", "Something else"
    TERMS_DECLINED = "terms_declined", "I do not agree to the terms"


# What the question on leaving offers.
OFFERED = tuple(reason for reason in ExitReason if reason != ExitReason.TERMS_DECLINED)
