"""A requests session that speaks to one checked address only: the name stays in TLS and Host, the IP is pinned."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from connectors import network
from connectors.network import Address


class _PinnedAdapter(HTTPAdapter):
    """Connects to one IP address, whatever the name says by now."""

    def __init__(self, address: Address) -> None:
        self._address = address
        super().__init__()

    def build_connection_pool_key_attributes(  # type: ignore[override]  # the stubs name private types
        self,
        request: requests.PreparedRequest,
        verify: bool | str,  # noqa: FBT001 - the signature of requests
        cert: Any = None,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Put the IP in the place of the host, and keep the host for the certificate's check."""
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        pinned = {**host, "host": self._address.ip}
        if host["scheme"] != "https":
            return pinned, {**pool}
        name = self._address.host
        return pinned, {**pool, "server_hostname": name, "assert_hostname": name}


def open_session(base_url: str) -> tuple[str, requests.Session]:
    """Check `base_url` and return it without a slash at its end, and a session that reaches nothing else.

    Neither proxies nor .netrc of the process are used. Raises `SyncError`: `misconfigured` or an address's code.
    """
    parts, port = network.split_url(base_url)
    base = parts.geturl()
    assert parts.hostname  # noqa: S101 - for the type checker: `split_url` has seen to it
    address = network.resolve(parts.hostname, port, allowed=network.allowed_networks())
    session = requests.Session()
    session.trust_env = False
    session.adapters.clear()
    session.mount(f"{parts.scheme}://{parts.netloc}", _PinnedAdapter(address))
    session.headers.update({"Host": parts.netloc, "Accept": "application/json", "User-Agent": "patchbay"})
    return base, session


def reach(base_url: str) -> str:
    """Look whether something answers at the address, and return what as a sentence. Raises `SyncError`."""
    parts, port = network.split_url(base_url)
    assert parts.hostname  # noqa: S101 - for the type checker: `split_url` has seen to it
    address = network.resolve(parts.hostname, port, allowed=network.allowed_networks())
    with closing(network.open_line(address)):
        encrypted = "encrypted" if parts.scheme == "https" else "not encrypted"
        return f"Port {port} of {address.host} answers, {encrypted}"
