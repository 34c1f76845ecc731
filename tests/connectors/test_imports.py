from __future__ import annotations

import subprocess
import sys

from connectors.destinations import registry as destinations
from connectors.providers import registry as providers

WEB_SIDE = [
    *(f"connectors.providers.{kind}.access" for kind in providers.kinds()),
    *(f"connectors.destinations.{kind}" for kind in destinations.kinds()),
    "connectors.engine",
]
HEAVY = ("dlt", "pyarrow", "sqlalchemy", "duckdb", "pandas", "numpy")


def test_what_the_web_asks_loads_nothing_heavy() -> None:
    program = f"import sys, {', '.join(WEB_SIDE)}; print([name for name in {HEAVY!r} if name in sys.modules])"

    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    assert ran.stdout == "[]\n"
