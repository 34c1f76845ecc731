"""Where files of a destination lie: a folder of this machine or an S3-compatible store, spoken to in the same words.

A file is replaced in one step: who reads it sees the whole old one or the whole new one, also when the process that
writes is killed. Keys are relative, with slashes.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from connectors.failures import at_side
from connectors.plan import SyncError
from connectors.s3 import Bucket

_PART = ".part"
_FULL = (errno.ENOSPC, errno.EDQUOT)


class Store(Protocol):
    """A place for files. Every method raises `SyncError` with a code about the destination."""

    def sizes(self, prefix: str) -> dict[str, int]:
        """Return the keys that begin with `prefix`, which ends with a slash, and the bytes of each."""

    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes:
        """Return the bytes of a file from `start` to before `end`. The file must be there."""

    def put(self, key: str, source: Path) -> None:
        """Let the file `source`, which may be moved, take the place of what `key` holds, in one step."""

    def delete(self, keys: Iterable[str]) -> None:
        """Remove files; one that is not there is no failure."""

    def path(self, key: str) -> Path | None:
        """Return where the file lies on this machine, None for one that is elsewhere."""


class Folder:
    """A folder of this machine. A new file is written beside the old one, to the disk, and renamed over it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def sizes(self, prefix: str) -> dict[str, int]:
        """Return the files of one folder, those that are still being written left out."""
        folder = self.root / prefix
        with _told():
            if not folder.is_dir():
                return {}
            found = [path for path in folder.iterdir() if path.is_file() and not path.name.endswith(_PART)]
            return {f"{prefix}{path.name}": path.stat().st_size for path in found}

    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes:
        """Return bytes of a file."""
        with _told(), (self.root / key).open("rb") as file:
            file.seek(start)
            return file.read() if end is None else file.read(end - start)

    def put(self, key: str, source: Path) -> None:
        """Replace a file. What a killed process left beside it goes."""
        path = self.root / key
        part = path.with_name(f".{path.name}{_PART}")
        with _told():
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(source, part)
            with part.open("rb+") as file:
                os.fsync(file.fileno())
            part.replace(path)
            _sync_folder(path.parent)

    def delete(self, keys: Iterable[str]) -> None:
        """Remove files, and folders that are empty then."""
        folders = set()
        with _told():
            for key in keys:
                path = self.root / key
                path.unlink(missing_ok=True)
                path.with_name(f".{path.name}{_PART}").unlink(missing_ok=True)
                folders.add(path.parent)
            for folder in folders:
                for one in (folder, folder.parent):
                    if one != self.root and one.is_relative_to(self.root):
                        with suppress(OSError):
                            one.rmdir()

    def path(self, key: str) -> Path | None:
        """Return where the file lies."""
        return self.root / key


class Objects:
    """An S3-compatible store below a prefix, which is empty or ends with a slash. One request stores one object."""

    def __init__(self, bucket: Bucket, prefix: str) -> None:
        self._bucket = bucket
        self._prefix = prefix

    def sizes(self, prefix: str) -> dict[str, int]:
        """Return the objects whose keys begin with `prefix`, those in folders below left out."""
        with _at_destination():
            found = {one.key.removeprefix(self._prefix): one.size for one in self._bucket.stored(self._prefix + prefix)}
        return {key: size for key, size in found.items() if "/" not in key.removeprefix(prefix)}

    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes:
        """Return bytes of an object."""
        with _at_destination():
            return self._bucket.read(self._prefix + key, start, end)

    def put(self, key: str, source: Path) -> None:
        """Store an object, once all of it has arrived."""
        with _at_destination():
            self._bucket.put(self._prefix + key, source)

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects."""
        with _at_destination():
            for key in keys:
                self._bucket.delete(self._prefix + key)

    def path(self, key: str) -> Path | None:
        """Return None: objects are read over the network."""
        del key
        return None


def _sync_folder(folder: Path) -> None:
    """Bring the new name to the disk, so that it is there after the machine lost its power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        code = "destination_full" if error.errno in _FULL else "destination_permission_denied"
        raise SyncError(code, f"The folder cannot be used: {error.strerror}.") from None


@contextmanager
def _at_destination() -> Iterator[None]:
    try:
        yield
    except SyncError as error:
        raise SyncError(at_side(error.code, "destination"), error.detail, retry_after=error.retry_after) from None
