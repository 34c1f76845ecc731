"""From the words of a driver to a code of the error registry, for what both web services and the engine meet.

Postgres reports a refused connection as text only (libpq gives no SQLSTATE before the session exists), so the
text is read there; everywhere else the SQLSTATE decides. Codes: PostgreSQL manual, appendix A.
"""

from __future__ import annotations

import json
import re
from typing import Literal

import requests

from connectors.plan import SyncError

Side = Literal["source", "destination"]

_AT_DESTINATION = {
    "invalid_credentials": "destination_permission_denied",
    "insufficient_permissions": "destination_permission_denied",
    "unreachable": "destination_unreachable",
    "dns_failure": "destination_unreachable",
    "connection_timeout": "destination_unreachable",
    "tls_error": "destination_unreachable",
    "provider_unavailable": "destination_unreachable",
    "provider_error": "destination_unreachable",
    # Something at the destination went away during the load; the next attempt makes it again.
    "source_object_missing": "unknown_error",
}

# The longest matching beginning of a SQLSTATE decides.
_SQLSTATES = {
    "08": "unreachable",
    "22": "bad_record",
    "23": "bad_record",
    "25P03": "connection_timeout",
    "28": "invalid_credentials",
    "3D000": "misconfigured",
    "3F000": "source_object_missing",
    "40": "provider_error",
    "42501": "insufficient_permissions",
    "42P01": "source_object_missing",
    "42703": "source_object_missing",
    "53100": "destination_full",
    "53": "provider_unavailable",
    # More columns, or longer rows, than a table can have.
    "54": "misconfigured",
    "55P03": "provider_unavailable",
    "57014": "connection_timeout",
    "57P": "provider_unavailable",
    "58": "provider_error",
    "XX": "provider_error",
}

_CONNECT_TEXTS = (
    (r"password authentication failed|no password supplied|role .* does not exist", "invalid_credentials"),
    (r"no pg_hba\.conf entry|not permitted to log in|permission denied", "insufficient_permissions"),
    (r"database .* does not exist", "misconfigured"),
    (r"certificate|SSL|TLS", "tls_error"),
    (r"timeout expired|timed out", "connection_timeout"),
    (r"could not translate host name|name or service not known", "dns_failure"),
    (
        r"starting up|shutting down|too many (clients|connections)|recovery mode|remaining connection slots",
        "provider_unavailable",
    ),
    (r"refused|unreachable|no route|reset|closed the connection|connection (is )?lost|server closed", "unreachable"),
)

# The first kind that fits decides; the order matters, because SSLError and ConnectTimeout are ConnectionErrors too.
_HTTP: tuple[tuple[type[Exception], str, str], ...] = (
    (requests.exceptions.SSLError, "tls_error", ""),
    (requests.exceptions.Timeout, "connection_timeout", "No answer came within the time limit."),
    (json.JSONDecodeError, "bad_record", "The answer is not valid JSON."),
    (requests.exceptions.JSONDecodeError, "bad_record", "The answer is not valid JSON."),
    (requests.exceptions.ChunkedEncodingError, "provider_error", "The answer broke off in the middle."),
    (requests.exceptions.ContentDecodingError, "provider_error", "The answer cannot be unpacked."),
    (requests.exceptions.ConnectionError, "unreachable", ""),
    (requests.exceptions.InvalidURL, "misconfigured", ""),
    (requests.exceptions.InvalidSchema, "misconfigured", ""),
)


def at_side(code: str, side: Side) -> str:
    """Return the code that says the same about the destination, where `side` asks for that."""
    return _AT_DESTINATION.get(code, code) if side == "destination" else code


def postgres_failure(error: Exception, side: Side) -> SyncError:
    """Turn an error of psycopg or psycopg2 into a `SyncError`; `detail` is the server's own first line."""
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or ""
    # The primary message only: the context that follows it quotes rows.
    said = getattr(getattr(error, "diag", None), "message_primary", None) or str(error).strip()
    code = _from_sqlstate(state) if state else _from_connect_text(said)
    return SyncError(at_side(code, side), _first_lines(said))


def http_failure(error: Exception) -> SyncError:
    """Turn an error of requests (no answer, or one that cannot be read) into a `SyncError`."""
    text = _first_lines(str(error))
    for kind, code, said in _HTTP:
        if isinstance(error, kind):
            return SyncError(code, said or _short_reason(text))
    return SyncError("provider_error", text)


def _from_sqlstate(state: str) -> str:
    for length in (5, 3, 2):
        if code := _SQLSTATES.get(state[:length]):
            return code
    return "unknown_error"


def _from_connect_text(text: str) -> str:
    for pattern, code in _CONNECT_TEXTS:
        if re.search(pattern, text, re.IGNORECASE):
            return code
    return "unknown_error"


def _first_lines(text: str, limit: int = 500) -> str:
    return " ".join(text.split())[:limit]


def _short_reason(text: str) -> str:
    """Keep the operating system's reason of a urllib3 text; the rest is object addresses and nesting."""
    found = re.search(r"\[Errno -?\d+\] ([^')]+)", text)
    return found.group(1) if found else text
