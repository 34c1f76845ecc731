"""Ports: parsed, found busy, kept."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard.stack.errors import StackError
from dashboard.stack.ports import HOST, is_free, kept_port, require_free, web_port


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.create_server((HOST, 0)) as server:
        yield server.getsockname()[1]


def test_web_port_is_8000_unless_told() -> None:
    assert web_port({}) == 8000
    assert web_port({"PORT": ""}) == 8000
    assert web_port({"PORT": "8123"}) == 8123


@pytest.mark.parametrize("text", ["abc", "0", "65536", "-1", "80.0", "²"])
def test_web_port_refuses_what_is_no_port(text: str) -> None:
    with pytest.raises(StackError, match="PORT must be a number from 1 to 65535"):
        web_port({"PORT": text})


def test_busy_port_is_one_line_with_a_port_to_take(busy_port: int) -> None:
    with pytest.raises(StackError) as caught:
        require_free(busy_port)

    text = str(caught.value)
    other = int(text.rpartition("PORT=")[2].split()[0])
    assert (
        text == f"Port {busy_port} is taken by another program. Start Patchbay with another one: PORT={other} make run"
    )
    assert is_free(other)


def test_kept_port_stays_the_same(tmp_path: Path) -> None:
    first = kept_port(tmp_path, "postgres")

    assert kept_port(tmp_path, "postgres") == first
    assert kept_port(tmp_path, "sandbox") != first


def test_kept_port_changes_when_taken(tmp_path: Path) -> None:
    first = kept_port(tmp_path, "postgres")

    with socket.create_server((HOST, first)):
        second = kept_port(tmp_path, "postgres")

    assert second != first
    assert kept_port(tmp_path, "postgres") == second
