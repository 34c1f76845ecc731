"""How Patchbay reaches a PostgreSQL server, the same way for a source and for a destination."""

from __future__ import annotations

import struct
from contextlib import closing
from typing import Any

import psycopg
from django.conf import settings
from psycopg.rows import TupleRow

from connectors import network
from connectors.failures import Side, at_side, postgres_failure
from connectors.plan import Endpoint, SyncError

DEFAULT_PORT = 5432
LOCK_TIMEOUT_MS = 10_000
# A network that swallows packets is noticed after this time, instead of the kernel's two hours.
DEAD_PEER_MS = 60_000
_SESSION = (
    f"SET lock_timeout = {LOCK_TIMEOUT_MS}; SET timezone = 'UTC'; SET datestyle = 'ISO'; "
    "SET intervalstyle = 'postgres'; SET bytea_output = 'hex'; SET extra_float_digits = 1"
).encode()
# The question with which a client asks for encryption, and the three answers (PostgreSQL manual, protocol flow).
_ASK_FOR_TLS = struct.pack("!ii", 8, 80877103)
_OFFERED, _NOT_OFFERED, _TOO_BUSY = b"S", b"N", b"E"
_ENCRYPTS_ALWAYS = ("require", "verify-ca", "verify-full")
SSL_MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")


def parameters(endpoint: Endpoint) -> dict[str, Any]:
    """Return libpq's parameters for `endpoint`, with its host resolved and checked (`hostaddr`).

    Raises `SyncError` for a missing setting and for what `network.resolve` refuses.
    """
    config = endpoint.config
    missing = [name for name in ("host", "database", "user") if not config.get(name)]
    if missing:
        raise SyncError("misconfigured", f"Not filled in: {', '.join(missing)}.")
    if not endpoint.secrets.get("password"):
        # Without one libpq would look for the password of this machine's own user, and send that one.
        raise SyncError("misconfigured", "No password is stored.")
    sslmode = str(config.get("sslmode") or "prefer")
    if sslmode not in SSL_MODES:
        raise SyncError("misconfigured", f"The TLS mode “{sslmode}” does not exist.")
    address = network.resolve(str(config["host"]), _port(config.get("port")), allowed=network.allowed_networks())
    return {
        "host": address.host,
        "hostaddr": address.ip,
        "port": address.port,
        "dbname": str(config["database"]),
        "user": str(config["user"]),
        "password": endpoint.secrets["password"],
        "sslmode": sslmode,
        "connect_timeout": settings.PATCHBAY_CONNECT_SECONDS,
        "application_name": "patchbay",
        "tcp_user_timeout": DEAD_PEER_MS,
        "keepalives_idle": 30,
    }


def connect(endpoint: Endpoint, side: Side, *, seconds: int | None = None) -> psycopg.Connection[TupleRow]:
    """Open a connection in autocommit with UTC and ISO dates, within `seconds` or the usual time limit.

    Raises `SyncError` with the fitting code.
    """
    known = _at(endpoint, side)
    known["connect_timeout"] = seconds or known["connect_timeout"]
    try:
        connection = psycopg.connect(**known, autocommit=True)
        # Set after connecting: a pooler in front of the server refuses them as start-up parameters.
        connection.execute(_SESSION)
    except psycopg.Error as error:
        raise postgres_failure(error, side) from None
    return connection


def reach(endpoint: Endpoint, side: Side, *, seconds: int | None = None) -> str:
    """Look whether a PostgreSQL server answers, before anybody signs in, and return what was found as a sentence.

    Raises `SyncError` for settings that are missing, a line that does not open, something else that answers there, and
    for encryption that is wanted and not offered.
    """
    try:
        known = parameters(endpoint)
        address = network.Address(known["host"], known["hostaddr"], known["port"])
        answer = _ask_for_tls(address, seconds or settings.PATCHBAY_CONNECT_SECONDS)
    except SyncError as error:
        raise SyncError(at_side(error.code, side), error.detail) from None
    if answer == _NOT_OFFERED and known["sslmode"] in _ENCRYPTS_ALWAYS:
        said = f"The server offers no encryption, and “{known['sslmode']}” asks for it."
        raise SyncError(at_side("tls_error", side), said)
    if answer not in (_OFFERED, _NOT_OFFERED, _TOO_BUSY):
        raise SyncError("misconfigured", f"What answers at port {address.port} is no PostgreSQL server.")
    offered = {_OFFERED: ", encryption is offered", _NOT_OFFERED: ", encryption is not offered"}.get(answer, "")
    return f"Port {address.port} of {address.host} answers{offered}"


def _ask_for_tls(address: network.Address, seconds: int) -> bytes:
    """Return the one letter with which the server answers. Raises `SyncError`."""
    with closing(network.open_line(address, seconds)) as line:
        try:
            line.sendall(_ASK_FOR_TLS)
            answer = line.recv(1)
        except TimeoutError:
            said = f"The connection was opened, but no answer came within {seconds} s."
            raise SyncError("connection_timeout", said) from None
        except OSError as error:
            raise SyncError("unreachable", f"The connection broke: {error.strerror or error}.") from None
    if not answer:
        raise SyncError("unreachable", "The connection was closed without an answer.")
    return answer


def _at(endpoint: Endpoint, side: Side) -> dict[str, Any]:
    try:
        return parameters(endpoint)
    except SyncError as error:
        if side == "destination" and error.code == "dns_failure":
            raise SyncError("destination_unreachable", error.detail) from None
        raise


def _port(value: object) -> int:
    try:
        return int(str(value or DEFAULT_PORT))
    except ValueError:
        raise SyncError("misconfigured", f"The port “{value}” is not a number.") from None
