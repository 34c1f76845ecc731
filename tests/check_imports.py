"""Fails when the web process loads what belongs to the workers: `python -m tests.check_imports`.

dlt, pyarrow and SQLAlchemy cost about three seconds and a hundred megabytes; a page needs none of them.
"""

import os
import secrets
import subprocess
import sys

HEAVY = ("connectorx", "dlt", "duckdb", "numpy", "pandas", "pyarrow", "sqlalchemy")
# The views are loaded with the first page, through the addresses.
WEB = "import dashboard.wsgi, dashboard.urls"


def loaded_modules(statement: str) -> list[tuple[str, int]]:
    """Return each module that `statement` loads, with its own microseconds, as `python -X importtime` reports them."""
    environment = {**os.environ, "PATCHBAY_PROCESS": "web", "PATCHBAY_SECRET_KEY": secrets.token_urlsafe(64)}
    command = [sys.executable, "-X", "importtime", "-c", statement]
    ran = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    if ran.returncode != 0:
        sys.exit(f"The web does not load:\n{ran.stderr[-4000:]}")
    rows = [line.removeprefix("import time:").split("|") for line in ran.stderr.splitlines() if "import time:" in line]
    return [(name.strip(), int(own)) for own, _, name in rows if own.strip().isdigit()]


def main() -> int:
    """Print the verdict; return the exit code."""
    modules = loaded_modules(WEB)
    found = sorted({name.partition(".")[0] for name, _ in modules} & set(HEAVY))
    if found:
        print(f"The web process loads {', '.join(found)}: import them in connectors.engine only.")
        return 1
    seconds = sum(own for _, own in modules) / 1_000_000
    print(f"The web process loads {len(modules)} modules in {seconds:.2f} s, none of {', '.join(HEAVY)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
