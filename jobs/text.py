"""Text of sources, made fit to be stored (an error must never be lost because of its words), and counts in words."""

from __future__ import annotations


def storable(text: str, length: int) -> str:
    """Return at most `length` characters of `text` that Postgres can store: no NUL, no half of a surrogate pair."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()[:length]


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: "1 row", "51,230 rows"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
