"""Which files of a table have been read: the cursor of a table of files.

Each file is remembered by a digest of its name, time, size and content's tag, so one that is written anew is new, and
so is one that arrives late with an old date. Only so many are remembered; up to the time of the newest one that is not,
all count as read.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from connectors.file_sources.stores import StoredFile

# The place where a destination records the cursor of an appended table holds 4,000 characters.
MOST, MOST_APPENDED = 5_000, 250


@dataclass(frozen=True, slots=True)
class Seen:
    """The files that were read: the digests of the newest ones, and the time up to which all were."""

    digests: frozenset[str] = frozenset()
    until: str = ""

    def is_new(self, file: StoredFile) -> bool:
        """Whether a file has not been read as it is now."""
        return file.modified > self.until and digest(file) not in self.digests


def parsed(cursor: str | None) -> Seen:
    """Return what a cursor says; without one, or with another kind's, nothing was read."""
    try:
        known = json.loads(cursor or "{}")
        return Seen(frozenset(known.get("seen", "").split()), str(known.get("until", "")))
    except (ValueError, AttributeError):
        return Seen()


def cursor_of(files: Sequence[StoredFile], *, most: int = MOST) -> str:
    """Return the cursor that says that all of `files`, the oldest first, were read."""
    until = files[-most - 1].modified if len(files) > most else ""
    seen = " ".join(digest(file) for file in files if file.modified > until)
    return json.dumps({"until": until, "seen": seen})


def digest(file: StoredFile) -> str:
    """Return what tells a file as it is now from every other one."""
    told = "\x00".join((file.path, file.modified, str(file.size), file.tag))
    return urlsafe_b64encode(blake2b(told.encode(errors="surrogatepass"), digest_size=9).digest()).decode()
