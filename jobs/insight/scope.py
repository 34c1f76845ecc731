"""Whose jobs are read: those of a connection, or of one of its entities."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

# How long what was read over weeks is kept, in each process.
KEPT_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Scope:
    """A connection, or one entity of it. Either has an index of its own jobs by id, which is by time."""

    connection: UUID
    entity: UUID | None = None

    @property
    def column(self) -> str:
        """The indexed column of jobs that holds the key."""
        return "entity_id" if self.entity else "connection_id"

    @property
    def key(self) -> UUID:
        """The value in that column."""
        return self.entity or self.connection
