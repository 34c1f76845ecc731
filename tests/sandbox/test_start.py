"""What the sandbox says when it cannot start, and what importing it brings along."""

import os
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from tests.sandbox.running import ROOT, Running


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environ = os.environ | {f"PATCHBAY_SANDBOX_{name}": value for name, value in settings.items()}
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=10, check=False
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("KNOBS", "{"), ("KNOBS", '{"co_nobody": {}}'), ("COMPANIES", "0"), ("COMPANIES", "many"), ("TODAY", "2020-01-01"),
     ("TODAY", "soon")],
)  # fmt: skip
def test_unusable_setting_is_one_line(name: str, value: str) -> None:
    result = run("-m", "connectors.sandbox", "--port", "0", **{name: value})

    assert result.returncode == 1
    assert result.stderr.startswith("Sandbox Payroll cannot start: ")
    assert result.stderr.count("\n") == 1


def test_busy_port_is_one_line(sandbox: Running) -> None:
    port = str(urlsplit(sandbox.url).port)

    result = run("-m", "connectors.sandbox", "--port", port)

    assert result.returncode == 1
    assert result.stderr == f"Sandbox Payroll cannot listen on 127.0.0.1 port {port}: Address already in use\n"


def test_import_brings_no_framework_along() -> None:
    heavy = "{'django', 'dlt', 'psycopg', 'pyarrow', 'requests', 'sqlalchemy'}"

    result = run("-c", f"import sys, connectors.sandbox.wsgi; print(sorted({heavy} & set(sys.modules)))")

    assert (result.stdout, result.stderr) == ("[]\n", "")
