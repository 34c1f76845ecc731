"""The end of a stack."""

from __future__ import annotations

import json
import signal

from tests.stack.up import Up


def test_term_ends_every_process(up: Up) -> None:
    assert len(up.left()) > 5

    assert up.stop(signal.SIGTERM) == 0

    assert up.left() == []
    assert up.text().rstrip().endswith("| stopped")


def test_no_password_is_in_the_log_but_those_to_sign_in(up: Up) -> None:
    secrets = json.loads((up.home / "secrets.json").read_text())

    assert [name for name, secret in secrets.items() if secret in up.text()] == []
