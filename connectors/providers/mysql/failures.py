"""From the numbers of MySQL and MariaDB to a code of the error registry.

Numbers: MySQL documentation, “Server Error Message Reference” and “Client Error Message Reference”.
"""

from __future__ import annotations

import ssl

from connectors.plan import SyncError

_CODES = {
    1040: "provider_unavailable",
    1044: "insufficient_permissions",
    1045: "invalid_credentials",
    1049: "misconfigured",
    1053: "provider_unavailable",
    1054: "source_object_missing",
    1129: "insufficient_permissions",
    1130: "insufficient_permissions",
    1142: "insufficient_permissions",
    1143: "insufficient_permissions",
    1146: "source_object_missing",
    1153: "bad_record",
    1203: "provider_unavailable",
    1205: "provider_unavailable",
    1213: "provider_error",
    1226: "provider_unavailable",
    1227: "insufficient_permissions",
    1301: "bad_record",
    1317: "provider_unavailable",
    1356: "source_object_missing",
    1370: "insufficient_permissions",
    1412: "provider_error",
    1698: "invalid_credentials",
    1820: "invalid_credentials",
    1862: "invalid_credentials",
    1927: "provider_unavailable",
    1969: "connection_timeout",
    2003: "unreachable",
    2006: "unreachable",
    2013: "unreachable",
    2026: "tls_error",
    2059: "misconfigured",
    3024: "connection_timeout",
    3118: "account_locked",
    3159: "tls_error",
    4151: "account_locked",
}


def failure(error: Exception) -> SyncError:
    """Turn what PyMySQL raised into a `SyncError`; `detail` is the server's own words."""
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    said = " ".join(str(error.args[1] if number and len(error.args) > 1 else error).split())[:500]
    original = getattr(error, "original_exception", error)
    if isinstance(original, ssl.SSLError):
        return SyncError("tls_error", str(original.reason or said))
    if isinstance(original, TimeoutError) or "timed out" in said:
        return SyncError("connection_timeout", "The server did not answer within the time limit.")
    if isinstance(original, OSError) and number not in _CODES:
        return SyncError("unreachable", said)
    return SyncError(_CODES.get(number, "unknown_error"), said)
