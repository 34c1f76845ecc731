"""Makes text of a file plain: unpacked, UTF-8, without a mark at its beginning, and nothing in it that cannot be kept.

It is read in blocks, so neither a packed file that grows without end nor a line without end takes memory.
"""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast
from uuid import uuid4

from connectors.files.layout import Limits
from connectors.plan import SyncError

_BLOCK = 1024 * 1024
_GZIP = b"\x1f\x8b"
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_UTF8 = "utf-8"


def is_packed(path: Path) -> bool:
    """Whether a file is packed with gzip, whatever its name says."""
    with path.open("rb") as file:
        return file.read(len(_GZIP)) == _GZIP


def check_size(name: str, size: int, limit: int) -> None:
    """Raise `SyncError("file_too_large")` for a file of more bytes than are read."""
    if size > limit:
        raise SyncError("file_too_large", f"{name} has {size:,} bytes; {limit:,} are allowed.")


def made_plain(path: Path, *, name: str, encoding: str, limits: Limits, folder: Path) -> Path:
    """Return the plain text of the file at `path`: itself where it is plain already, else a new file in `folder`.

    `name` is what messages call it. Raises `SyncError`: `file_too_large`, or `bad_record` with the line.
    """
    packed = is_packed(path)
    size = path.stat().st_size
    check_size(name, size, limits.file_bytes)
    target = folder / f"{uuid4().hex}.txt"
    with cast("IO[bytes]", gzip.open(path) if packed else path.open("rb")) as source:
        head = _read(source, name)
        mark, told = next((known for known in _MARKS if head.startswith(known[0])), (b"", ""))
        told = told or encoding or _UTF8
        check = _Check(name, told, limits)
        blocks = _blocks(source, head, name=name, packed_size=size if packed else None, limits=limits)
        if not packed and not mark and codecs.lookup(told).name == _UTF8:
            for block in blocks:
                check.passed(block)
            check.passed(b"", is_last=True)
            return path
        skipped = len(mark)
        with target.open("wb") as file:
            for block in blocks:
                file.write(check.passed(block[skipped:]).encode())
                skipped = 0
            file.write(check.passed(b"", is_last=True).encode())
    return target


def _blocks(source: IO[bytes], head: bytes, *, name: str, packed_size: int | None, limits: Limits) -> Iterator[bytes]:
    """Yield the blocks of a file, of which `head` was read, and stop one that grows beyond what is allowed."""
    total, block = 0, head
    while block:
        total += len(block)
        check_size(name, total, limits.unpacked_bytes)
        if packed_size is not None and total > max(limits.free_bytes, packed_size * limits.ratio):
            told = f"{name} has {packed_size:,} bytes and grows to more than {limits.ratio} times that when unpacked"
            raise SyncError("file_too_large", f"{told}. This is not allowed.")
        yield block
        block = _read(source, name)


def _read(source: IO[bytes], name: str) -> bytes:
    try:
        return source.read(_BLOCK)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise SyncError("bad_record", f"{name} cannot be unpacked: it is damaged, or was cut off.") from None


@dataclass(slots=True)
class _Check:
    """Decodes a file block by block, and refuses what no destination can hold or nobody can read."""

    name: str
    encoding: str
    limits: Limits
    lines: int = 1
    run: int = 0
    decoder: codecs.IncrementalDecoder = field(init=False)

    def __post_init__(self) -> None:
        self.decoder = codecs.getincrementaldecoder(self.encoding)()

    def passed(self, block: bytes, *, is_last: bool = False) -> str:
        """Return the text of a block. Raises `SyncError("bad_record")`."""
        try:
            text = self.decoder.decode(block, is_last)
        except UnicodeDecodeError as error:
            line = self.lines + error.object[: error.start].decode(self.encoding, "ignore").count("\n")
            told = f"line {line:,} is not written in {self.encoding.upper()}"
            raise SyncError("bad_record", f"{self.name}, {told}. Say in the settings how it is encoded.") from None
        if "\x00" in text:
            line = self.lines + text[: text.index("\x00")].count("\n")
            raise SyncError("bad_record", f"{self.name}, line {line:,} holds a NUL character, which is no text.")
        self._count(text)
        return text

    def _count(self, text: str) -> None:
        first, last = text.find("\n"), text.rfind("\n")
        run = self.run + (len(text) if first < 0 else first)
        if run > self.limits.line_bytes:
            told = f"line {self.lines:,} is longer than {self.limits.line_bytes:,} characters"
            raise SyncError("bad_record", f"{self.name}, {told}.")
        self.run = run if last < 0 else len(text) - last - 1
        self.lines += text.count("\n")
