"""Lets DuckDB read files of a store by ranges of bytes, as it reads those of a disk. Imported by workers only."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fsspec.spec import AbstractBufferedFile, AbstractFileSystem

from connectors.destinations.stores import Store

# A Parquet file is read from its end and then column by column: pieces of this size are asked for at once.
_PIECE = 1024 * 1024


class RemoteFiles(AbstractFileSystem):  # type: ignore[misc]  # has no types
    """The files of one store under `patchbay://`, for reading only."""

    protocol = "patchbay"
    cachable = False

    def __init__(self, store: Store) -> None:
        super().__init__()
        self._store = store

    def info(self, path: str, **_options: Any) -> dict[str, Any]:
        """Return a file's size. Raises `FileNotFoundError`."""
        key = self._strip_protocol(path)
        size = self._store.sizes(f"{key.rpartition('/')[0]}/").get(key)
        if size is None:
            raise FileNotFoundError(path)
        return {"name": key, "size": size, "type": "file"}

    def ls(self, path: str, detail: bool = True, **_options: Any) -> list[Any]:  # noqa: FBT001, FBT002 - fsspec's
        """Return the file itself: nobody asks for a whole folder."""
        found = self.info(path)
        return [found if detail else found["name"]]

    def modified(self, path: str) -> datetime:
        """Return a moment that never changes: nothing read here is kept for another run."""
        del path
        return datetime(2000, 1, 1, tzinfo=UTC)

    def _open(self, path: str, mode: str = "rb", **_options: Any) -> _Remote:
        found = self.info(path)
        return _Remote(self, found["name"], mode, block_size=_PIECE, cache_type="readahead", size=found["size"])

    def range_of(self, key: str, start: int, end: int) -> bytes:
        """Return a piece of a file."""
        return self._store.read(key, start, end)


class _Remote(AbstractBufferedFile):  # type: ignore[misc]  # has no types
    def _fetch_range(self, start: int, end: int) -> bytes:
        found: bytes = self.fs.range_of(self.path, start, end)
        return found
