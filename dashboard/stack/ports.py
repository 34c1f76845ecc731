"""TCP ports: which one the web gets, whether it is free, and ports of our own that stay the same between starts."""

import errno
import json
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path

from dashboard.stack.errors import StackError
from dashboard.stack.files import read_object, write_private

HOST = "127.0.0.1"
DEFAULT_WEB_PORT = 8000
HIGHEST_PORT = 65535
# Below Linux' range for outgoing connections (32768 and up): a port kept between starts is then not lent out meanwhile.
KEPT_PORTS = range(20000, 32000)
ATTEMPTS = 200


def web_port(environ: Mapping[str, str]) -> int:
    """Return the port of the web server out of ``PORT``; raise StackError when it is not a port number."""
    text = environ.get("PORT", "").strip() or str(DEFAULT_WEB_PORT)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= HIGHEST_PORT:
        message = f"PORT must be a number from 1 to {HIGHEST_PORT}, not {text!r}."
        raise StackError(message)
    return int(text)


def is_free(port: int, host: str = HOST) -> bool:
    """Say whether a server of ours could listen on ``port`` now."""
    return _bind_error(port, host) is None


def require_free(port: int, host: str = HOST) -> None:
    """Raise StackError, with a port to take instead, when ``port`` cannot be listened on."""
    problem = _bind_error(port, host)
    if problem is None:
        return
    if problem == errno.EACCES:
        message = f"Port {port} needs more rights than you have. Start Patchbay with another one: PORT=8000 make run"
        raise StackError(message)
    other = next((candidate for candidate in range(port + 1, HIGHEST_PORT + 1) if is_free(candidate, host)), 8000)
    message = f"Port {port} is taken by another program. Start Patchbay with another one: PORT={other} make run"
    raise StackError(message)


def kept_port(home: Path, name: str) -> int:
    """Return the port that ``name`` has in this home folder, choosing one when there is none or it is taken.

    It is kept in ``ports.json`` because stored connections name it. Raises StackError when no port can be found.
    """
    file = home / "ports.json"
    ports = read_object(file)
    kept = ports.get(name)
    if isinstance(kept, int) and is_free(kept):
        return kept
    taken = set(ports.values())
    for _ in range(ATTEMPTS):
        port = secrets.choice(KEPT_PORTS)
        if port not in taken and is_free(port):
            write_private(file, json.dumps({**ports, name: port}, indent=2))
            return port
    message = f"No free port between {KEPT_PORTS.start} and {KEPT_PORTS.stop - 1} on {HOST} for {name}."
    raise StackError(message)


def _bind_error(port: int, host: str) -> int | None:
    """Return the error number of listening on ``port``, or None. SO_REUSEADDR as real servers set it."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            return error.errno or errno.EADDRINUSE
    return None
