"""Is Patchbay itself well: workers, system tasks, and accounts that asked to slow down."""

from __future__ import annotations

from django.db import models

from jobs.models.enums import Queue


class Worker(models.Model):
    """One worker process with its slots, renewed by itself every few seconds; gone when it stopped in order."""

    identity = models.CharField(max_length=160, primary_key=True)
    name = models.CharField(max_length=120)
    queue = models.CharField(max_length=12, choices=Queue)
    slots = models.PositiveSmallIntegerField()
    version = models.CharField(max_length=20)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    # Set once it was told to stop: it takes nothing new, and its jobs go back to the queue.
    draining_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


class Pulse(models.Model):
    """When each system task last ran, how long it took, and what it found."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()
    took_ms = models.PositiveIntegerField(default=0)
    detail = models.JSONField(default=dict, blank=True)

    def __str__(self) -> str:
        return f"{self.name} at {self.at}"


class AccountBlock(models.Model):
    """An account at a provider that asked to slow down: none of its jobs starts before `until`."""

    account_key = models.CharField(max_length=64, primary_key=True)
    until = models.DateTimeField()
    reason = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"{self.account_key} until {self.until}"
