"""A real SFTP server for tests, on a thread of its own: a folder, a user with a password, and a key."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

from tests.ports import free_port

USER, PASSWORD = "exporter", "sftp-password-4711"


class _Users(asyncssh.SSHServer):
    """Knows one user, and notes its line among the open ones."""

    def __init__(self, connections: list[asyncssh.SSHServerConnection]) -> None:
        self._connections = connections

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connections.append(conn)

    def begin_auth(self, username: str) -> bool:
        del username
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, PASSWORD)


@dataclass
class SftpServer:
    """A running server whose root is `folder`. Its host key is another one after each `restart`."""

    folder: Path
    port: int = field(default_factory=free_port)
    client_key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))

    def __post_init__(self) -> None:
        self._connections: list[asyncssh.SSHServerConnection] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sftp-server", daemon=True)
        self._thread.start()
        self.start()

    def start(self) -> None:
        """Listen, with a new host key."""
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self._server = self._done(self._listening())

    async def _listening(self) -> asyncssh.SSHAcceptor:
        folder = str(self.folder).encode()
        return await asyncssh.create_server(
            lambda: _Users(self._connections),
            "127.0.0.1",
            self.port,
            server_host_keys=[self.host_key],
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=folder),
            authorized_client_keys=asyncssh.import_authorized_keys(self.client_key.export_public_key().decode()),
        )

    def restart(self) -> None:
        """Stop listening, and start again with another host key."""
        self.stop()
        self.start()

    def stop(self) -> None:
        """Listen no more, and end what is open."""

        async def closed() -> None:
            self._server.close()
            for connection in self._connections:
                connection.abort()
                await connection.wait_closed()
            self._connections.clear()
            await self._server.wait_closed()

        self._done(closed())

    def end(self) -> None:
        """Stop for good."""
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    @property
    def fingerprint(self) -> str:
        """What ssh shows of the host key."""
        return self.host_key.get_fingerprint()

    def _done(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)
