"""The beginning of a file, enough to find its columns: a large file is not brought here for that."""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Callable
from pathlib import Path

from connectors.files.layout import Layout, Limits, format_of
from connectors.files.opening import DataFile, open_file
from connectors.plan import SyncError

# How much of a text is looked at.
TEXT_BYTES = 1024 * 1024
_UNPACKED_BYTES = 4 * 1024 * 1024
_FOOTER = 8
_MAGIC = b"PAR1"
_LARGEST_FOOTER = 64 * 1024 * 1024
_GZIP = b"\x1f\x8b"
_WITH_HEADER = 31
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

# Gives some bytes of a file: from which one on, and how many.
Read = Callable[[int, int], bytes]


def look_at(read: Read, *, size: int, name: str, folder: Path, layout: Layout, limits: Limits) -> DataFile:
    """Return the file of `size` bytes as far as its columns go; its rows cannot be written.

    What is looked at is put into `folder`. Raises `SyncError` as `open_file` does.
    """
    target = folder / "looked-at"
    if (layout.format or format_of(name)) == "parquet":
        _write_ends(read, size, target, name)
    else:
        target.write_bytes(_text(read(0, TEXT_BYTES), is_whole=size <= TEXT_BYTES))
    return open_file(target, name=name, folder=folder, layout=layout, limits=limits)


def _text(head: bytes, *, is_whole: bool) -> bytes:
    """Return the whole lines that a file begins with, unpacked."""
    if head.startswith(_GZIP):
        unpacking = zlib.decompressobj(_WITH_HEADER)
        try:
            unpacked = unpacking.decompress(head, _UNPACKED_BYTES)
        except zlib.error:
            return head
        head, is_whole = unpacked, is_whole and unpacking.eof and not unpacking.unused_data
    if is_whole:
        return head
    if head.startswith(_WIDE):
        head = head[: len(head) // 2 * 2].decode("utf-16", "ignore").encode()
    end = head.rfind(b"\n")
    return head[: end + 1] if end >= 0 else head


def _write_ends(read: Read, size: int, target: Path, name: str) -> None:
    """Write a Parquet file that has holes for its rows: what says which columns it has stands at its end."""
    ending = read(max(0, size - _FOOTER), _FOOTER)
    length = int.from_bytes(ending[:4], "little")
    start = size - _FOOTER - length
    if ending[4:] != _MAGIC or start < len(_MAGIC) or length > _LARGEST_FOOTER:
        raise SyncError("bad_record", f"{name} is no whole Parquet file: it is another kind of file, or was cut off.")
    with target.open("wb") as file:
        file.write(read(0, len(_MAGIC)))
        file.seek(start)
        file.write(read(start, length + _FOOTER))
