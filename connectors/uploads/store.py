"""Where the contents of uploads lie: one folder below PATCHBAY_HOME that nothing serves, each file under its ID.

What a person's device calls a file is never a part of a path.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from django.conf import settings

_FOLDER = "uploads"


class TooLargeError(Exception):
    """The file is larger than an upload may be. Nothing of it is kept."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What was stored: so many bytes, and their SHA-256 in hex."""

    size: int
    sha256: str


def path_of(upload_id: UUID) -> Path:
    """Return where an upload's content is, whether or not it is there."""
    return _folder() / upload_id.hex


def keep(upload_id: UUID, chunks: Iterable[bytes]) -> Kept:
    """Write an upload's content, for this account's eyes only. Raises `TooLargeError`, `FileExistsError`."""
    digest, size, path = hashlib.sha256(), 0, path_of(upload_id)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        try:
            for chunk in chunks:
                size += len(chunk)
                _check_size(size)
                digest.update(chunk)
                file.write(chunk)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    return Kept(size, digest.hexdigest())


def _check_size(size: int) -> None:
    if size > settings.PATCHBAY_UPLOAD_BYTES:
        raise TooLargeError


def remove(upload_id: UUID) -> None:
    """Remove an upload's content; nothing happens where it is gone already."""
    path_of(upload_id).unlink(missing_ok=True)


def kept() -> Iterator[UUID]:
    """Give the IDs of all contents that lie there."""
    for path in _folder().iterdir():
        try:
            yield UUID(hex=path.name)
        except ValueError:
            continue


def _folder() -> Path:
    folder: Path = settings.PATCHBAY_HOME / _FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
