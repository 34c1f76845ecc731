"""Files in a folder of this machine, below the folders that an admin listed. No link is followed anywhere."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from connectors import folders
from connectors.file_sources.stores import Passed, StoredFile, gone
from connectors.plan import Endpoint, SyncError

_BLOCK = 1024 * 1024
_NO_LINKS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_A_SECOND = 1_000_000_000


def root_of(endpoint: Endpoint) -> Path:
    """Return the folder that is read. Raises `SyncError("misconfigured")` for one that may not be, or is none."""
    path = folders.find(str(endpoint.config.get("folder") or ""))
    if not path.is_dir():
        raise SyncError("misconfigured", f"“{path.name}” is no folder.")
    return path


@contextmanager
def opened(endpoint: Endpoint) -> Iterator[Folder]:
    """Open the folder. Raises `SyncError`."""
    try:
        descriptor = os.open(root_of(endpoint), _NO_LINKS | os.O_DIRECTORY)
    except OSError as error:
        raise _failure(error, "The folder") from None
    try:
        yield Folder(descriptor)
    finally:
        os.close(descriptor)


class Folder:
    """An open folder. What is below it is reached step by step from its descriptor, so that nothing leads out of it."""

    def __init__(self, descriptor: int) -> None:
        self._root = descriptor

    def files(self, folder: str) -> Iterator[StoredFile]:
        """Yield the files below; folders that may not be read are told."""
        top = self._opened(folder, os.O_DIRECTORY) if folder else os.dup(self._root)
        try:
            yield from _walked(top, f"{folder}/" if folder else "")
        finally:
            os.close(top)

    def folders(self) -> list[str]:
        """Return the folders directly below; hidden ones are left out."""
        with os.scandir(self._root) as found:
            return sorted(
                one.name for one in found if one.is_dir(follow_symlinks=False) and not one.name.startswith((".", "_"))
            )

    def read(self, file: StoredFile, start: int, length: int) -> bytes:
        """Return some bytes of a file."""
        with self._file(file) as source:
            source.seek(start)
            return source.read(length)

    def fetch(self, file: StoredFile, target: Path, passed: Passed) -> None:
        """Copy a file, unless it is another one by now or changes meanwhile."""
        size = 0
        with self._file(file) as source, target.open("wb") as copy:
            while block := source.read(_BLOCK):
                size += copy.write(block)
                passed(size)
            now = os.fstat(source.fileno())
        if _modified(now) != file.modified or now.st_size != file.size or size != file.size:
            raise SyncError("file_changed", f"{file.path} changed while it was read.")

    def _file(self, file: StoredFile) -> IO[bytes]:
        found = os.fdopen(self._opened(file.path), "rb")
        if not stat.S_ISREG(os.fstat(found.fileno()).st_mode):
            found.close()
            raise gone(file.path)
        return found

    def _opened(self, path: str, flags: int = os.O_NONBLOCK) -> int:
        """Open what is at `path` below the root, each step without following a link."""
        at = os.dup(self._root)
        try:
            *steps, last = path.split("/")
            for step in steps:
                at, before = os.open(step, _NO_LINKS | os.O_DIRECTORY, dir_fd=at), at
                os.close(before)
            return os.open(last, _NO_LINKS | flags, dir_fd=at)
        except OSError as error:
            raise _failure(error, path) from None
        finally:
            os.close(at)


def _walked(at: int, way: str) -> Iterator[StoredFile]:
    try:
        for top, inner, names, descriptor in os.fwalk(".", dir_fd=at, onerror=_refuse):
            here = way if top == "." else f"{way}{top.removeprefix('./')}/"
            inner[:] = sorted(name for name in inner if not name.startswith((".", "_")))
            for name in sorted(names):
                found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                if stat.S_ISREG(found.st_mode):
                    yield StoredFile(here + name, found.st_size, _modified(found))
    except FileNotFoundError:
        raise SyncError("file_changed", "A file went away while the folder was listed.") from None


def _refuse(error: OSError) -> None:
    raise _failure(error, "A folder")


def _modified(found: os.stat_result) -> str:
    seconds, rest = divmod(found.st_mtime_ns, _A_SECOND)
    whole = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{rest:09d}Z"


def _failure(error: OSError, what: str) -> SyncError:
    if error.errno in {errno.EACCES, errno.EPERM}:
        return SyncError("insufficient_permissions", f"{what} may not be read by the account that Patchbay runs as.")
    if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:
        return gone(what)
    return SyncError("provider_error", f"{what} cannot be read: {error.strerror}.")
