"""What sessions of one day add up to, so that a funnel over millions of them reads some thousand rows.

A day is that of a session's id, in UTC. `sessions_log.services.rollup` alone writes these; they can be dropped at any
time, for days without a `TalliedDay` are read from the sessions themselves.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models


class TallyMark(models.Model):
    """One row: all that changed before `at`, less a moment, is in the tallies of the days that have them."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S}"


class TalliedDay(models.Model):
    """A day whose sessions were added up, be there any or not."""

    day = models.DateField(primary_key=True)
    built_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d}"


class SessionTally(models.Model):
    """How many sessions of a day have the same provider, kind, furthest stage and status.

    `asked_mfa` and `asked_entities` are those of them who came by the optional stages.
    """

    pk = models.CompositePrimaryKey("day", "provider", "kind", "furthest", "status")
    day = models.DateField()
    provider = models.CharField(max_length=40)
    kind = models.CharField(max_length=12)
    furthest = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=12)
    sessions = models.PositiveIntegerField()
    asked_mfa = models.PositiveIntegerField()
    asked_entities = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d} {self.provider} {self.status}"


class FindingTally(models.Model):
    """In how many sessions of a day something stood out, and how many of these connected all the same."""

    pk = models.CompositePrimaryKey("day", "provider", "kind", "code")
    day = models.DateField()
    provider = models.CharField(max_length=40)
    kind = models.CharField(max_length=12)
    code = models.CharField(max_length=40)
    sessions = models.PositiveIntegerField()
    connected = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d} {self.code}"


class TimeTally(models.Model):
    """How long a stage took those of a day who got past it, as a histogram (`sessions_log.funnel.times`).

    `scope` is "all", "provider:<kind>" or "integration:<type>", `kind` empty for both, and an empty `stage` the whole
    time of those who connected: sums over many small histograms would cost more than the few that are kept beside them.
    """

    pk = models.CompositePrimaryKey("day", "scope", "kind", "stage")
    day = models.DateField()
    scope = models.CharField(max_length=60)
    kind = models.CharField(max_length=12)
    stage = models.CharField(max_length=20)
    buckets = ArrayField(models.PositiveSmallIntegerField())
    counts = ArrayField(models.PositiveIntegerField())

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d} {self.scope} {self.stage}"
