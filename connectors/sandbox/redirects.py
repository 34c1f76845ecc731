"""Which addresses a browser may be sent back to, with what was found out in the address."""

from collections.abc import Iterable, Mapping
from urllib.parse import urlencode, urlsplit, urlunsplit

# Literal addresses only: what "localhost" leads to is decided elsewhere (RFC 8252, 8.3).
_LOOPBACK = ("127.0.0.1", "::1")


def is_usable(uri: str) -> bool:
    """Whether an address can be registered: a whole one of the web, without a user and without a fragment."""
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return False
    is_plain = uri.isascii() and uri.isprintable() and " " not in uri
    is_whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and port != 0
    return is_plain and is_whole and "@" not in parts.netloc and "#" not in uri


def is_registered(uri: str, registered: Iterable[str]) -> bool:
    """Whether `uri` is one of `registered`, letter by letter; of a loopback one the port may be any (RFC 8252, 7.3)."""
    return is_usable(uri) and any(uri in {known, _at_port_of(uri, known)} for known in registered)


def with_parameters(uri: str, parameters: Mapping[str, str]) -> str:
    """Return `uri` with more parameters; those that it has stay (RFC 6749, 3.1.2)."""
    parts = urlsplit(uri)
    added = urlencode(parameters, errors="surrogateescape")
    return urlunsplit(parts._replace(query=f"{parts.query}&{added}" if parts.query else added))


def origin_of(uri: str) -> str:
    """Return what a form's Content-Security-Policy calls the server of `uri`: it has no word for an IPv6 address."""
    parts = urlsplit(uri)
    return f"{parts.scheme}:" if ":" in (parts.hostname or "") else f"{parts.scheme}://{parts.netloc}"


def _at_port_of(uri: str, known: str) -> str:
    """Return the registered loopback address with the port of `uri`, and any other as it is."""
    parts, asked = urlsplit(known), urlsplit(uri)
    if parts.scheme != "http" or parts.hostname not in _LOOPBACK:
        return known
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return urlunsplit(parts._replace(netloc=f"{host}:{asked.port}" if asked.port else host))
