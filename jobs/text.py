"""Text of sources, made fit to be stored: an error must never be lost because of the words it came with."""

from __future__ import annotations


def storable(text: str, length: int) -> str:
    """Return at most `length` characters of `text` that Postgres can store: no NUL, no half of a surrogate pair."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()[:length]
