"""Files on a server that speaks SFTP, whose host key is compared before anything secret is sent to it."""

from __future__ import annotations

import base64
import errno
import hashlib
import io
import re
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import paramiko
from django.conf import settings

from connectors import network
from connectors.file_sources.stores import Passed, StoredFile, gone
from connectors.plan import Endpoint, SyncError

_BLOCK = 1024 * 1024
# What is asked for at once; a server answers up to 32 kB at a time.
_AHEAD = 64
_HIDDEN = (".", "_")
_DEEPEST = 20
# An answer may take so many times as long as a connection.
_PATIENCE = 6
# Browsers take the line ends out of a text that is pasted into a field of one line.
_KEY = re.compile(r"\s*-----BEGIN ([A-Z ]+)-----(.+?)-----END \1-----\s*", re.DOTALL)
_LINE = 70


def reached(endpoint: Endpoint) -> str:
    """Return in a sentence what answers and which key it shows, without signing in. Raises `SyncError`."""
    with closing(_transport(endpoint)) as transport:
        return f"Port {_port(endpoint)} of {endpoint.config.get('host')} answers; its key is {_shown(transport)}"


@contextmanager
def opened(endpoint: Endpoint) -> Iterator[Server]:
    """Sign in and open the folder. Raises `SyncError`: `host_key_unknown`, `host_key_changed`, …"""
    with closing(_transport(endpoint)) as transport:
        _compare(transport, str(endpoint.config.get("host_key") or ""))
        _sign_in(transport, endpoint)
        with _told("The server"):
            client = paramiko.SFTPClient.from_transport(transport)
            if client is None:
                raise SyncError("insufficient_permissions", "The server offers no SFTP to this account.")
            with closing(client):
                if channel := client.get_channel():
                    channel.settimeout(settings.PATCHBAY_CONNECT_SECONDS * _PATIENCE)
                typed = str(endpoint.config.get("folder") or "").rstrip("/")
                yield Server(client, _root(client, typed))


def _root(client: paramiko.SFTPClient, typed: str) -> str:
    """Return the whole path of the folder. Raises `SyncError` where it is none, or may not be looked at."""
    is_folder, root = False, ""
    try:
        root = str(client.normalize(typed or "."))
        is_folder = stat.S_ISDIR(client.stat(root).st_mode or 0)
    except OSError as error:
        if error.errno == errno.EACCES:
            raise SyncError("insufficient_permissions", f"The folder “{typed}” may not be read.") from None
    if not is_folder:
        raise SyncError("misconfigured", f"The server has no folder “{typed}”.")
    return root.rstrip("/")


class Server:
    """A folder of a server, and what is below it. Links are passed over."""

    def __init__(self, client: paramiko.SFTPClient, root: str) -> None:
        self._client, self._root = client, root

    def files(self, folder: str) -> Iterator[StoredFile]:
        """Yield the files below."""
        return self._walked(folder, 0)

    def _walked(self, folder: str, depth: int) -> Iterator[StoredFile]:
        if depth > _DEEPEST:
            raise SyncError("misconfigured", f"Folders lie deeper than {_DEEPEST} steps below each other.")
        with _told(folder or "The folder"):
            found = sorted(self._client.listdir_attr(self._path(folder)), key=lambda one: one.filename)
        for one in found:
            path, mode = f"{folder}/{one.filename}" if folder else one.filename, one.st_mode or 0
            if one.filename.startswith(_HIDDEN):
                continue
            if stat.S_ISDIR(mode):
                yield from self._walked(path, depth + 1)
            elif stat.S_ISREG(mode):
                yield StoredFile(path, one.st_size or 0, _modified(one))

    def folders(self) -> list[str]:
        """Return the folders directly below."""
        with _told("The folder"):
            found = self._client.listdir_attr(self._path(""))
        return sorted(
            one.filename for one in found if stat.S_ISDIR(one.st_mode or 0) and not one.filename.startswith(_HIDDEN)
        )

    def read(self, file: StoredFile, start: int, length: int) -> bytes:
        """Return some bytes of a file."""
        with _told(file.path), self._client.open(self._path(file.path), "rb") as source:
            source.seek(start)
            read: bytes = source.read(length)
        return read

    def fetch(self, file: StoredFile, target: Path, passed: Passed) -> None:
        """Bring a file here, unless it is another one by now or changes meanwhile."""
        size = 0
        with _told(file.path), self._client.open(self._path(file.path), "rb") as source, target.open("wb") as copy:
            source.prefetch(file.size, _AHEAD)
            while block := source.read(_BLOCK):
                size += copy.write(block)
                passed(size)
            now = source.stat()
            # What is there under the name by now: it may have been replaced by another file.
            there = self._client.lstat(self._path(file.path))
        if {(_modified(one), one.st_size) for one in (now, there)} != {(file.modified, file.size)} or size != file.size:
            raise SyncError("file_changed", f"{file.path} changed while it was read.")

    def _path(self, path: str) -> str:
        return f"{self._root}/{path}" if path else self._root or "/"


def _modified(found: paramiko.SFTPAttributes) -> str:
    return datetime.fromtimestamp(found.st_mtime or 0, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _port(endpoint: Endpoint) -> int:
    return int(endpoint.config.get("port") or 22)


def _transport(endpoint: Endpoint) -> paramiko.Transport:
    """Open a line to the checked address, and agree on how it is encrypted. Nothing secret has been sent then."""
    host = str(endpoint.config.get("host") or "")
    address = network.resolve(host, _port(endpoint), allowed=network.allowed_networks())
    line = network.open_line(address)
    transport = paramiko.Transport(line)
    transport.banner_timeout = transport.auth_timeout = transport.handshake_timeout = float(
        settings.PATCHBAY_CONNECT_SECONDS
    )
    try:
        transport.start_client(timeout=settings.PATCHBAY_CONNECT_SECONDS)
    except (paramiko.SSHException, EOFError, OSError) as error:
        transport.close()
        is_late = isinstance(error, TimeoutError) or "imeout" in str(error)
        told = "does not answer as an SSH server" if not is_late else "did not answer in time"
        raise SyncError("connection_timeout" if is_late else "unreachable", f"{host} {told}.") from None
    return transport


def _shown(transport: paramiko.Transport) -> str:
    """Return the fingerprint of the server's key, as ssh shows it."""
    digest = hashlib.sha256(transport.get_remote_server_key().asbytes()).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def _compare(transport: paramiko.Transport, confirmed: str) -> None:
    shown = _shown(transport)
    if not confirmed:
        told = f"The server shows the key {shown}. Compare it with what its owner says, and put it into “Host key”."
        raise SyncError("host_key_unknown", told)
    if confirmed.rstrip("=") != shown:
        raise SyncError("host_key_changed", f"The server shows the key {shown}, and {confirmed} was confirmed.")


def _sign_in(transport: paramiko.Transport, endpoint: Endpoint) -> None:
    user, password = str(endpoint.config.get("user") or ""), endpoint.secrets.get("password", "")
    text = endpoint.secrets.get("private_key", "")
    if not password and not text:
        raise SyncError("invalid_credentials", "Neither a password nor a private key is stored.")
    try:
        if text:
            transport.auth_publickey(user, _key(text, password))
        else:
            transport.auth_password(user, password)
    except paramiko.BadAuthenticationType as error:
        ways = ", ".join(error.allowed_types)
        raise SyncError("invalid_credentials", f"The server takes another way of signing in: {ways}.") from None
    except paramiko.AuthenticationException:
        raise SyncError("invalid_credentials", f"The server refused the sign-in of “{user}”.") from None
    except (paramiko.SSHException, EOFError, OSError):
        raise SyncError("unreachable", "The server closed the connection during the sign-in.") from None
    if not transport.is_authenticated():
        raise SyncError("mfa_required", "The server asks for more than a password or a key.")


def _key(text: str, password: str) -> paramiko.PKey:
    """Read a private key of any kind. Raises `SyncError("invalid_credentials")`."""
    found = _KEY.fullmatch(text)
    if found is None:
        raise SyncError("invalid_credentials", "The private key has no beginning or no end.")
    body = "".join(found[2].split())
    lines = [body[start : start + _LINE] for start in range(0, len(body), _LINE)]
    whole = "\n".join((f"-----BEGIN {found[1]}-----", *lines, f"-----END {found[1]}-----", ""))
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key(io.StringIO(whole), password=password or None)
        except paramiko.PasswordRequiredException:
            raise SyncError("invalid_credentials", "The private key is locked with a password.") from None
        except (paramiko.SSHException, ValueError, TypeError):
            continue
    raise SyncError("invalid_credentials", "The private key cannot be read, or its password is wrong.")


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Turn what paramiko says into a `SyncError`."""
    try:
        yield
    except TimeoutError:
        raise SyncError("connection_timeout", f"{what}: no answer in time.") from None
    except (paramiko.SSHException, EOFError) as error:
        raise SyncError("provider_error", f"{what}: the connection broke off ({type(error).__name__}).") from None
    except OSError as error:
        if error.errno == errno.ENOENT:
            raise gone(what) from None
        if error.errno == errno.EACCES:
            raise SyncError("insufficient_permissions", f"{what} may not be read.") from None
        raise SyncError("provider_error", f"{what} cannot be read: {error.strerror or error}.") from None
