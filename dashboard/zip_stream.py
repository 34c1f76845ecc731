"""A .zip that is written while it is sent: no file on the disk, and no more in memory than a piece of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

# Name of a file, and its bytes a piece at a time.
Files = Iterable[tuple[str, Iterable[bytes]]]


def zipped(files: Files, made_at: datetime) -> Iterator[bytes]:
    """Give the bytes of a .zip with these files, each dated `made_at`."""
    outlet = _Outlet()
    with ZipFile(outlet, "w", ZIP_DEFLATED) as archive:
        for name, pieces in files:
            entry = ZipInfo(name, made_at.timetuple()[:6])
            entry.compress_type = ZIP_DEFLATED
            # What unpacks it makes a file that its owner alone may read.
            entry.external_attr = 0o600 << 16
            with archive.open(entry, "w") as file:
                for piece in pieces:
                    file.write(piece)
                    yield from outlet.taken()
    yield from outlet.taken()


class _Outlet:
    """A file that cannot be gone back in, so that `ZipFile` writes each size after its data."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        """Keep `data` until it is taken."""
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits here longer than in the list."""

    def close(self) -> None:
        """Nothing is open."""

    def taken(self) -> Iterator[bytes]:
        """Give what was written since the last time, if anything."""
        if self._pieces:
            pieces, self._pieces = self._pieces, []
            yield b"".join(pieces)
