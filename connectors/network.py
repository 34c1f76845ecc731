"""Addresses that people type in: resolved once, every answer checked, and exactly the checked one connected to.

A host name that is checked and then resolved again by the connecting library may answer differently the second
time (DNS rebinding), so the caller connects to `Address.ip`: libpq by `hostaddr`, HTTP by an adapter that pins it.
Nothing but globally reachable unicast addresses is allowed, unless an admin listed the network (RELIABILITY: SSRF).
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from connectors.plan import SyncError

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
_IPV4_BITS = 0xFFFFFFFF
_HIGHEST_PORT = 65535
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """A checked place to connect to: the name for TLS and Host headers, and the one IP address to use."""

    host: str
    ip: str
    port: int


def allowed_networks() -> tuple[str, ...]:
    """Return the networks (CIDR) that an admin allowed beyond the public ones: PATCHBAY_ALLOWED_NETWORKS."""
    return tuple(settings.PATCHBAY_ALLOWED_NETWORKS)


def split_url(url: str) -> tuple[SplitResult, int]:
    """Return the parts of the address of an HTTP API, and its port. Raises `SyncError("misconfigured")`."""
    try:
        parts = urlsplit(url.strip().rstrip("/"))
        port = parts.port or _PORTS[parts.scheme]
    except (KeyError, ValueError):
        raise SyncError("misconfigured", "The address must begin with https:// or http://.") from None
    if not parts.hostname or parts.username or parts.password or parts.query or parts.fragment:
        raise SyncError("misconfigured", "The address must be a plain one: no user, password, “?” or “#”.")
    return parts, port


def resolve(host: str, port: int, *, allowed: Sequence[str]) -> Address:
    """Resolve `host` once and check every address it has against the rules and the `allowed` networks (CIDR).

    Returns the address to connect to; IPv4 comes first, because many hosts have no way out over IPv6.
    Raises `SyncError`: `misconfigured` for an unusable host or port, `dns_failure`, `address_not_allowed`.
    """
    name = host.strip().removeprefix("[").removesuffix("]")
    if not name or not 0 < port <= _HIGHEST_PORT:
        raise SyncError("misconfigured", f"The host “{host}” with port {port} is not usable.")
    networks = [ipaddress.ip_network(network, strict=False) for network in allowed]
    found = _look_up(name, port)
    for ip in found:
        if not _is_allowed(ip, networks):
            raise SyncError("address_not_allowed", f"{name} leads to {ip}.")
    chosen = min(found, key=lambda ip: ip.version)
    return Address(host=name, ip=str(chosen), port=port)


def open_line(address: Address, seconds: int | None = None) -> socket.socket:
    """Open a TCP connection to a checked address; what waits for an answer on it gives up after the time limit too.

    The limit is `seconds`, or the usual one.

    Raises `SyncError`: `connection_timeout` when nothing answers in time, `unreachable` when it is refused.
    """
    seconds = seconds or settings.PATCHBAY_CONNECT_SECONDS
    place = f"port {address.port} of {address.host}"
    try:
        return socket.create_connection((address.ip, address.port), timeout=seconds)
    except TimeoutError:
        raise SyncError("connection_timeout", f"No answer from {place} within {seconds} s.") from None
    except OSError as error:
        raise SyncError("unreachable", f"No connection to {place}: {error.strerror or error}.") from None


def _look_up(name: str, port: int) -> list[IPAddress]:
    """Ask the name server once; the answers keep their order. Raises `SyncError("dns_failure")`."""
    try:
        answers = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise SyncError("dns_failure", f"The host name “{name}” cannot be found.") from error
    # An IPv6 answer may carry a zone ("fe80::1%eth0"), which is no part of the address.
    return [ipaddress.ip_address(str(answer[4][0]).partition("%")[0]) for answer in answers]


def _is_allowed(ip: IPAddress, networks: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    inner = _unwrap(ip)
    if any(inner in network for network in networks):
        return True
    return inner.is_global and not inner.is_multicast


def _unwrap(ip: IPAddress) -> IPAddress:
    """Return the IPv4 address that an IPv6 address stands for: mapped, 6to4, Teredo or NAT64; others unchanged."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip.ipv4_mapped:
        return ip.ipv4_mapped
    if ip.sixtofour:
        return ip.sixtofour
    if ip.teredo:
        return ip.teredo[1]
    if any(ip in network for network in _NAT64):
        return ipaddress.IPv4Address(int(ip) & _IPV4_BITS)
    return ip
