"""A place with files, whatever it is: what is there, and how its bytes come here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from connectors.plan import Endpoint, SyncError

Passed = Callable[[int], None]
# More files than this are no folder of exports: the list alone would fill the memory.
MOST_FILES = 100_000


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file as its place lists it. `path` is its way below the root, with slashes.

    `modified` is ISO 8601 in UTC, to the place's own precision; `tag` changes with the content where the place says so.
    """

    path: str
    size: int
    modified: str
    tag: str = ""


class Store(Protocol):
    """An open place. Every method may raise `SyncError`."""

    def files(self, folder: str) -> Iterator[StoredFile]:
        """Yield every file in `folder` and below it; an empty `folder` is the root. Links are passed over."""

    def folders(self) -> list[str]:
        """Return the names of the folders directly below the root, in order."""

    def read(self, file: StoredFile, start: int, length: int) -> bytes:
        """Return some bytes of a file; fewer at its end."""

    def fetch(self, file: StoredFile, target: Path, passed: Passed) -> None:
        """Write a whole file to `target`, and tell `passed` the bytes so far, which may raise.

        Raises `SyncError("file_changed")` for a file that is not any more what was listed, or changes meanwhile.
        """


Opened = Callable[[Endpoint], AbstractContextManager[Store]]


def counted(files: Iterator[StoredFile]) -> Iterator[StoredFile]:
    """Pass files on, as many as are read. Raises `SyncError("misconfigured")` beyond."""
    for number, file in enumerate(files, start=1):
        if number > MOST_FILES:
            told = f"There are more than {MOST_FILES:,} files; name a folder that holds fewer"
            raise SyncError("misconfigured", f"{told}.")
        yield file


def below(folder: str, path: str) -> str:
    """Return `path` as it is called below `folder`."""
    return path.removeprefix(f"{folder}/") if folder else path


def gone(path: str) -> SyncError:
    """Return what is raised for a file that was listed and is not there any more."""
    return SyncError("file_changed", f"{path} is not there any more.")
