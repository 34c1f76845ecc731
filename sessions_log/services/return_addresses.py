"""Where a person may be led after connecting: only to addresses that an admin allowed.

An allowed address is an origin and the beginning of a path. Browsers and libraries read unusual spellings differently,
so every address with one is refused before it is compared: what passes means the same to everybody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sessions_log.models import ConnectLook

MOST_LENGTH = 500
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_PORTS = {"https": 443, "http": 80}
_HIGHEST_PORT = 65535
# Letters, digits and what stands between them: no user, no backslash, no blank, no other alphabet.
_ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[a-z0-9._~!$&'()*+,;=:@%/-]*)?(?P<query>\?[a-z0-9._~!$&'()*+,;=:@%/?-]*)?",
    re.IGNORECASE | re.ASCII,
)
# A dot, a slash or a backslash in disguise, or a way up.
_UNUSUAL_PATH = re.compile(r"%(?:2e|2f|5c|25|00)|//|/\.{1,2}(?:/|$)|%(?![0-9a-f]{2})", re.IGNORECASE)


class AddressError(ValueError):
    """The text is no address that somebody may be led to. The message says why."""


@dataclass(frozen=True, slots=True)
class ReturnAddress:
    """An address in its one spelling: where it leads (scheme, host, port), and the path there."""

    origin: tuple[str, str, int]
    path: str
    has_query: bool


def read_address(text: str) -> ReturnAddress:
    """Take an address apart. Raises `AddressError` for one that is not https (or loopback), or has unusual parts."""
    found = _ADDRESS.fullmatch(text) if len(text) <= MOST_LENGTH else None
    if found is None:
        message = f"Write it as https://app.example.com/done: up to {MOST_LENGTH} characters, no user, no fragment."
        raise AddressError(message)
    scheme, host, path = found["scheme"].lower(), found["host"].lower(), found["path"] or "/"
    port = int(found["port"] or _PORTS[scheme])
    if not 0 < port <= _HIGHEST_PORT or ".." in host:
        message = "The host or its port is none."
        raise AddressError(message)
    if scheme == "http" and host not in _LOOPBACK:
        message = "Only https leads out of this machine safely; http is for localhost."
        raise AddressError(message)
    if _UNUSUAL_PATH.search(path):
        message = "The path goes up or hides a character: write it plainly."
        raise AddressError(message)
    return ReturnAddress((scheme, host, port), path, found["query"] is not None)


def is_allowed(text: str, allowed: Iterable[str]) -> bool:
    """Whether `text` leads to one of the `allowed` origins, to its path or below it."""
    try:
        wanted = read_address(text)
    except AddressError:
        return False
    return any(_leads_below(wanted, one) for one in allowed)


def usable_return(return_url: str) -> str:
    """Return the address that a session stored while it is allowed now, else an empty text. One query."""
    if not return_url:
        return ""
    return return_url if is_allowed(return_url, ConnectLook.objects.current().allowed) else ""


def _leads_below(wanted: ReturnAddress, allowed: str) -> bool:
    try:
        known = read_address(allowed)
    except AddressError:
        return False
    below = known.path if known.path.endswith("/") else f"{known.path}/"
    return wanted.origin == known.origin and (wanted.path == known.path or wanted.path.startswith(below))
