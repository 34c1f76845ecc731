"""Logos that people upload: a PNG or an SVG is read, cut down to the picture, and everything else is left out.

They are shown inside `<img>` and served under a policy that lets them do nothing, so this is the second fence.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator

PNG, SVG = "image/png", "image/svg+xml"
MOST_BYTES = 100_000
# Pixels to a side: what a browser must make room for does not follow from the size of the file.
_MOST_PIXELS = 2048
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# The picture itself and how its colours are meant: no text, no place where it was taken, nothing behind its end.
_KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"gAMA", b"cHRM", b"sRGB", b"pHYs"})
# An address, in an attribute or a style, that is neither a part of the picture nor a picture inside it.
_ELSEWHERE = re.compile(
    r"""(?:href|src)\s*=\s*["'](?!\#|data:image/)|url\(\s*(?!["']?(?:\#|data:image/))|@import""", re.IGNORECASE
)


class PictureError(ValueError):
    """The file is no picture that can be used. The message says why."""


def clean_picture(data: bytes) -> tuple[str, bytes]:
    """Return the type of an uploaded picture and the picture alone. Raises `PictureError`."""
    if len(data) > MOST_BYTES:
        message = f"It has {len(data) // 1000} kB, and {MOST_BYTES // 1000} kB is the most."
        raise PictureError(message)
    if data.startswith(_SIGNATURE):
        return PNG, _clean_png(data)
    return SVG, _clean_svg(data)


def _clean_png(data: bytes) -> bytes:
    chunks = list(_chunks(data))
    kinds = [kind for kind, _ in chunks]
    if kinds[:1] != [b"IHDR"] or kinds[-1:] != [b"IEND"] or b"IDAT" not in kinds:
        message = "The PNG is not whole. Save it once more and upload that."
        raise PictureError(message)
    width, height = struct.unpack(">II", chunks[0][1][:8])
    if not (0 < width <= _MOST_PIXELS and 0 < height <= _MOST_PIXELS):
        message = f"It is {width} by {height} pixels; up to {_MOST_PIXELS} by {_MOST_PIXELS} are shown."
        raise PictureError(message)
    return _SIGNATURE + b"".join(_chunk(kind, body) for kind, body in chunks if kind in _KEPT)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Give the parts of a PNG up to its end. Raises `PictureError` where one is damaged."""
    at = len(_SIGNATURE)
    while at + 12 <= len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        if _chunk(kind, body) != data[at : at + 12 + length] or (kind == b"IHDR" and length != 13):  # noqa: PLR2004 - by the format
            message = "The PNG is damaged. Save it once more and upload that."
            raise PictureError(message)
        yield kind, body
        if kind == b"IEND":
            return
        at += 12 + length


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _clean_svg(data: bytes) -> bytes:
    from py_svg_hush import filter_svg  # noqa: PLC0415 - needed when a logo is uploaded, and never else

    try:
        # Cut down first: an address of another host is kept as one of ours, and refused in the next step.
        cleaned: bytes = filter_svg(data, {"image": ["png", "jpeg"]})
    except ValueError:
        message = "It is neither a PNG nor an SVG. Save the logo as one of them and upload that."
        raise PictureError(message) from None
    text = cleaned.decode()
    if "<svg" not in text:
        message = "It holds no picture. Save the logo as SVG or PNG and upload that."
        raise PictureError(message)
    if _ELSEWHERE.search(text):
        message = "It refers to other files, which would not be shown. Put them into the SVG, or upload a PNG."
        raise PictureError(message)
    return cleaned
