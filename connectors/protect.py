"""Hides a column's values before they leave the source's side. Plain functions on text, the same for every source.

A source that can do it by itself gives the same text: a digest is hexadecimal SHA-256 over the connection's key and
then the value, both in UTF-8; a mask keeps the last four characters. NULL stays NULL. A protected column is text.
"""

from __future__ import annotations

from hashlib import sha256

from connectors.plan import Protection

# So many characters at the end of a masked value stay readable; one that has no more of them is hidden wholly.
SHOWN = 4
HIDDEN = "•"
# The exact type of every protected column, in the language of `Column.postgres_type`.
TYPE = "text"


def protected(text: str | None, how: Protection, key: str) -> str | None:
    """Return what is copied in place of `text`; None for None. `key` goes into digests only."""
    if text is None:
        return None
    return hashed(text, key) if how == "hash" else masked(text)


def hashed(text: str, key: str) -> str:
    """Return the digest of `text`: equal for equal values of one connection, so that they can still be joined."""
    return sha256(f"{key}{text}".encode()).hexdigest()


def masked(text: str) -> str:
    """Return `text` with all but its last characters hidden, each by one sign, so that its length stays."""
    hidden = len(text) if len(text) <= SHOWN else len(text) - SHOWN
    return HIDDEN * hidden + text[hidden:]
