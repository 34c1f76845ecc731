"""What sources behind a host and a port have in common: their settings, and a look whether anything answers."""

from __future__ import annotations

from contextlib import closing

from connectors import network
from connectors.plan import Endpoint, SyncError


def address_of(endpoint: Endpoint, default_port: int, needed: tuple[str, ...]) -> network.Address:
    """Return where the server is, checked. Raises `SyncError` for a setting that is missing or cannot be used."""
    config = endpoint.config
    if missing := [name for name in needed if not config.get(name)]:
        raise SyncError("misconfigured", f"Not filled in: {', '.join(missing)}.")
    if not endpoint.secrets.get("password"):
        raise SyncError("misconfigured", "No password is stored.")
    try:
        port = int(str(config.get("port") or default_port))
    except ValueError:
        raise SyncError("misconfigured", f"The port “{config['port']}” is not a number.") from None
    return network.resolve(str(config["host"]), port, allowed=network.allowed_networks())


def choice_of(endpoint: Endpoint, known: tuple[str, ...], default: str) -> str:
    """Return the TLS mode. Raises `SyncError` for one that is not among the `known`."""
    sslmode = str(endpoint.config.get("sslmode") or default)
    if sslmode not in known:
        raise SyncError("misconfigured", f"The TLS mode “{sslmode}” does not exist.")
    return sslmode


def reach(address: network.Address) -> str:
    """Look whether something listens there, and say so. Raises `SyncError`."""
    with closing(network.open_line(address)):
        return f"Port {address.port} of {address.host} answers"
