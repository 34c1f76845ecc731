"""How a status looks: one word, one icon, one colour, the same on every page.

The shapes differ in silhouette, so that a status reads without colour and at 12 pixels.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Look:
    """The appearance of one status: class ``is-<tone>``, symbol ``i-st-<icon>``, and the word beside it."""

    tone: str
    icon: str
    word: str
    is_turning: bool = False


LOOKS: dict[str, Look] = {
    # Connections and entities
    "active": Look("ok", "st-ok", "Active"),
    "broken": Look("bad", "st-bad", "Broken"),
    "incomplete": Look("warn", "st-incomplete", "Incomplete"),
    "paused": Look("idle", "st-paused", "Paused"),
    # Jobs, attempts and steps
    "pending": Look("idle", "st-queue", "Pending"),
    "running": Look("run", "st-run", "In progress", is_turning=True),
    "success": Look("ok", "st-ok", "Success"),
    "failed": Look("bad", "st-bad", "Failed"),
    "cancelled": Look("idle", "st-cancel", "Cancelled"),
    "skipped": Look("idle", "st-skip", "Skipped"),
    # Sessions: a person's way through the connect flow
    "created": Look("idle", "clock", "Created"),
    "opened": Look("run", "st-run", "Opened", is_turning=True),
    "completed": Look("ok", "st-ok", "Completed"),
    "exited": Look("warn", "st-warn", "Exited"),
    "abandoned": Look("warn", "st-warn", "Abandoned"),
    "expired": Look("idle", "st-cancel", "Expired"),
    # Entities that a person took out, and those that wait for their first run
    "excluded": Look("idle", "st-skip", "Excluded"),
    "never": Look("idle", "st-skip", "No run yet"),
    # Files that people upload
    "waiting": Look("run", "st-run", "Being checked", is_turning=True),
    "checked": Look("ok", "check", "Checked"),
    "refused": Look("bad", "st-bad", "Refused"),
    "loaded": Look("ok", "st-ok", "Loaded"),
    "replaced": Look("idle", "st-skip", "Replaced"),
    # Works, but look at it
    "warning": Look("warn", "st-warn", "Warning"),
}


def look_of(status: str) -> Look:
    """The look of ``status``; a status without one is a mistake of ours and raises ``KeyError``."""
    return LOOKS[str(status)]
