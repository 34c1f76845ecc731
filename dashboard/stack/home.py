"""The home folder of one installation: where it is, who holds it, and the secrets made for it.

Everything that a start leaves on disk lies below this folder, so removing the folder removes the installation.
"""

import base64
import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from dashboard.stack.errors import StackError
from dashboard.stack.files import read_object, write_private

FOLDER = ".patchbay"
KEY_BYTES = 32


@dataclass(frozen=True)
class Secrets:
    """What is drawn once per installation. ``encryption_keys`` is a ring: comma-separated, the first one encrypts."""

    postgres_password: str = field(repr=False)
    secret_key: str = field(repr=False)
    encryption_keys: str = field(repr=False)
    sandbox_api_key: str = field(repr=False)
    sandbox_admin_key: str = field(repr=False)


def home_path(environ: Mapping[str, str], project_root: Path) -> Path:
    """Return the home folder as an absolute path: ``PATCHBAY_HOME``, or ``.patchbay`` in the checkout."""
    chosen = environ.get("PATCHBAY_HOME", "").strip()
    return Path(chosen).expanduser().absolute() if chosen else project_root / FOLDER


def prepare_home(home: Path) -> None:
    """Make the home folder with mode 700; raise StackError when it cannot be used by this account."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        home.chmod(0o700)
    except OSError as error:
        message = f"Cannot use {home} as the data folder ({error.strerror}). Name another one with PATCHBAY_HOME."
        raise StackError(message) from error


@contextlib.contextmanager
def held(home: Path) -> Iterator[None]:
    """Hold the home folder for this process; raise StackError naming the process that already does.

    The kernel gives the lock back when its holder ends, however it ends, so a killed start never blocks the next one.
    """
    with (home / "lock").open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            message = (
                f"Patchbay already runs on {home} (process {holder}). "
                "Stop it first, or start a second one beside it with another PATCHBAY_HOME and PORT."
            )
            raise StackError(message) from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def load_secrets(home: Path) -> Secrets:
    """Return the secrets of this installation, drawing those that are missing; the caller holds the home folder.

    Raises StackError when ``secrets.json`` is damaged: new keys would make the stored credentials unreadable.
    """
    file = home / "secrets.json"
    stored = read_object(file)
    drawn = asdict(_draw())
    found = {name: str(stored.get(name) or drawn[name]) for name in drawn}
    if found != stored:
        write_private(file, json.dumps({**stored, **found}, indent=2))
    return Secrets(**found)


def _draw() -> Secrets:
    key = base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    return Secrets(
        # Hexadecimal: safe in URLs, in shells and in a password file.
        postgres_password=secrets.token_hex(24),
        secret_key=secrets.token_urlsafe(50),
        encryption_keys=key,
        sandbox_api_key=f"sk_sandbox_{secrets.token_hex(16)}",
        sandbox_admin_key=secrets.token_hex(16),
    )
