"""Ports for servers that a test starts."""

from __future__ import annotations

import secrets

from dashboard.stack.ports import is_free

# Below those that the system lends to outgoing connections, which come and go between a look and a use.
PORTS = range(12_000, 20_000)


def free_port() -> int:
    """Return a port that nobody listens on."""
    return next(port for port in iter(lambda: secrets.choice(PORTS), None) if is_free(port))
