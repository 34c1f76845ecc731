from __future__ import annotations

import pytest

from connectors.network import resolve
from connectors.plan import SyncError


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.9.9.9",
        "localhost",
        "0.0.0.0",  # noqa: S104 - refused, not bound
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "::1",
        "[::1]",
        "::",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b:1::a00:1",
        "2002:7f00:1::1",
        "2002:a9fe:a9fe::",
        "2130706433",
        "0x7f.1",
    ],
)
def test_resolve_refuses_what_is_not_public(host: str) -> None:
    with pytest.raises(SyncError) as caught:
        resolve(host, 443, allowed=())

    assert caught.value.code == "address_not_allowed"


@pytest.mark.parametrize(("host", "ip"), [("8.8.8.8", "8.8.8.8"), ("[2600::1]", "2600::1"), (" 1.1.1.1 ", "1.1.1.1")])
def test_resolve_gives_public_addresses(host: str, ip: str) -> None:
    address = resolve(host, 5432, allowed=())

    assert (address.ip, address.port) == (ip, 5432)


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("10.1.2.3", "10.1.0.0/16"),
        ("127.0.0.1", "127.0.0.0/8"),
        ("::ffff:10.1.2.3", "10.1.0.0/16"),
        ("fc00::5", "fc00::/64"),
        ("10.1.2.3", "10.1.2.3/16"),
    ],
)
def test_resolve_gives_what_an_admin_allowed(host: str, allowed: str) -> None:
    assert resolve(host, 80, allowed=(allowed,)).host == host


def test_resolve_refuses_a_neighbour_of_the_allowed_network() -> None:
    with pytest.raises(SyncError):
        resolve("10.2.0.1", 80, allowed=("10.1.0.0/16",))


@pytest.mark.parametrize(
    ("host", "port", "code"),
    [
        ("nothing.invalid", 80, "dns_failure"),
        ("a" * 70 + ".example", 80, "dns_failure"),
        ("", 80, "misconfigured"),
        ("8.8.8.8", 0, "misconfigured"),
        ("8.8.8.8", 70000, "misconfigured"),
    ],
)
def test_resolve_says_what_is_wrong(host: str, port: int, code: str) -> None:
    with pytest.raises(SyncError) as caught:
        resolve(host, port, allowed=())

    assert caught.value.code == code
