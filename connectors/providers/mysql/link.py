"""How Patchbay reaches a MySQL or MariaDB server."""

from __future__ import annotations

import socket
import ssl
from contextlib import closing
from typing import Any

import pymysql
from django.conf import settings
from pymysql.constants import CLIENT

from connectors import network
from connectors.plan import Endpoint, SyncError
from connectors.providers.mysql.failures import failure
from connectors.providers.sql import servers

DEFAULT_PORT = 3306
SSL_MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")
_ENCRYPTS_ALWAYS = ("require", "verify-ca", "verify-full")
# A question on the web side must come back while a person waits.
QUESTION_SECONDS = 15
# A network that swallows packets is noticed after this time, instead of the kernel's two hours.
DEAD_PEER_MS = 60_000
# The server's first words (MySQL documentation, “Protocol::HandshakeV10”): a packet's head, 10, its version, and flags.
_HEAD, _PROTOCOL, _BEFORE_FLAGS = 4, 10, 13
_GREETING_BYTES = 512


class _Patient(pymysql.Connection):
    """A connection whose questions may take long once it is signed in: a dead line is noticed by keepalives."""

    def wait(self, seconds: float | None) -> None:
        """Give up on an answer after `seconds`; None for never."""
        self._read_timeout = seconds


def address_of(endpoint: Endpoint) -> tuple[network.Address, str]:
    """Return where the server is, checked, and the TLS mode. Raises `SyncError` for settings that cannot be used."""
    sslmode = servers.choice_of(endpoint, SSL_MODES, "prefer")
    return servers.address_of(endpoint, DEFAULT_PORT, ("host", "database", "user")), sslmode


def connect(endpoint: Endpoint, *, seconds: float | None = QUESTION_SECONDS) -> pymysql.Connection[Any]:
    """Sign in, in autocommit, with UTC and UTF-8; a statement may take `seconds`. Raises `SyncError`."""
    address, sslmode = address_of(endpoint)
    patience = settings.PATCHBAY_CONNECT_SECONDS
    connection = _Patient(
        host=address.host,
        port=address.port,
        user=str(endpoint.config["user"]),
        password=endpoint.secrets["password"],
        charset="utf8mb4",
        autocommit=True,
        connect_timeout=patience,
        read_timeout=patience,
        write_timeout=patience,
        program_name="patchbay",
        # A server that asks for a file of this machine gets none.
        local_infile=False,
        defer_connect=True,
        **_encryption(sslmode),
    )
    line = network.open_line(address)
    _keep_alive(line)
    try:
        # The line leads to the checked address; the name is for the certificate.
        connection.connect(line)
        _prepare(connection, seconds)
    except (pymysql.Error, OSError, ValueError, RuntimeError) as error:
        line.close()
        raise failure(error) from None
    connection.wait(None if seconds is None else seconds + patience)
    return connection


def is_mariadb(connection: pymysql.Connection[Any]) -> bool:
    """Whether the server is a MariaDB, whose catalogue says a few things in other places."""
    server: Any = connection
    return "mariadb" in str(server.server_version).lower()


def reach(endpoint: Endpoint) -> str:
    """Look whether a server answers, without signing in, and return what was found. Raises `SyncError`."""
    address, sslmode = address_of(endpoint)
    greeting = _greeting(address)
    name, _, rest = greeting[_HEAD + 1 :].partition(b"\0")
    if greeting[_HEAD : _HEAD + 1] == b"\xff":
        raise SyncError("insufficient_permissions", "The server does not talk to this machine.")
    if greeting[_HEAD : _HEAD + 1] != bytes([_PROTOCOL]) or not rest:
        raise SyncError("misconfigured", f"What answers at port {address.port} is no MySQL server.")
    is_offered = bool(int.from_bytes(rest[_BEFORE_FLAGS : _BEFORE_FLAGS + 2], "little") & CLIENT.SSL)
    if not is_offered and sslmode in _ENCRYPTS_ALWAYS:
        raise SyncError("tls_error", f"The server offers no encryption, and “{sslmode}” asks for it.")
    offered = "is offered" if is_offered else "is not offered"
    version = name.decode("ascii", "replace").removeprefix("5.5.5-")
    return f"Port {address.port} of {address.host} answers ({version}), encryption {offered}"


def _greeting(address: network.Address) -> bytes:
    seconds = settings.PATCHBAY_CONNECT_SECONDS
    with closing(network.open_line(address, seconds)) as line:
        try:
            greeting = line.recv(_GREETING_BYTES)
        except TimeoutError:
            said = f"The connection was opened, but no answer came within {seconds} s."
            raise SyncError("connection_timeout", said) from None
        except OSError as error:
            raise SyncError("unreachable", f"The connection broke: {error.strerror or error}.") from None
    if not greeting:
        raise SyncError("unreachable", "The connection was closed without an answer.")
    return greeting


def _encryption(sslmode: str) -> dict[str, Any]:
    if sslmode == "disable":
        return {"ssl_disabled": True}
    if sslmode == "prefer":
        return {}
    context = ssl.create_default_context()
    context.check_hostname = sslmode == "verify-full"
    context.verify_mode = ssl.CERT_NONE if sslmode == "require" else ssl.CERT_REQUIRED
    return {"ssl": context}


def _keep_alive(line: socket.socket) -> None:
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_USER_TIMEOUT", DEAD_PEER_MS)):
        if hasattr(socket, option):
            line.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def _prepare(connection: pymysql.Connection[Any], seconds: float | None) -> None:
    """Make a session whose texts mean the same on every server, and whose statements end in time."""
    # Without a mode “\\” escapes in a text; a server that waits for a slow reader is patient.
    statements = ["SET SESSION sql_mode = '', time_zone = '+00:00', net_write_timeout = 600"]
    if is_mariadb(connection):
        statements.append(f"SET SESSION max_statement_time = {seconds or 0}")
    else:
        statements.append(f"SET SESSION max_execution_time = {int((seconds or 0) * 1000)}")
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
