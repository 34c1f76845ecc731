"""What the processes of the stack find in their environment: addresses, secrets, and the settings of a first try.

What the person set stays: only variables that are missing are added.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from connectors.sandbox.config import CALLBACK_PATH
from dashboard.stack.home import Secrets
from dashboard.stack.ports import HOST


@dataclass(frozen=True)
class Place:
    """Where this start happens. ``demo`` says that the home folder has demo data, now or in a moment."""

    root: Path
    home: Path
    web_port: int
    sandbox_port: int
    demo: bool

    @property
    def web_url(self) -> str:
        """The address a person opens."""
        return f"http://{HOST}:{self.web_port}/"

    @property
    def callback_urls(self) -> tuple[str, ...]:
        """Where a provider sends a browser back to, by each name that the web answers to."""
        return tuple(f"http://{host}:{self.web_port}{CALLBACK_PATH}" for host in (HOST, "localhost", "[::1]"))

    @property
    def mail(self) -> Path:
        """Where mails are written that no server takes."""
        return self.home / "mail"

    @property
    def sandbox_url(self) -> str:
        """The address of the sandbox provider."""
        return f"http://{HOST}:{self.sandbox_port}"


def child_environment(
    environ: Mapping[str, str], place: Place, secrets: Secrets, addresses: Mapping[str, str]
) -> dict[str, str]:
    """Return every process' environment; ``addresses`` holds ``DATABASE_URL`` and ``REDIS_URL`` where they are ours."""
    ours = {
        "PATCHBAY_SECRET_KEY": secrets.secret_key,
        "PATCHBAY_ENCRYPTION_KEYS": secrets.encryption_keys,
        "PATCHBAY_ENVIRONMENT": "Local",
        # Plain HTTP on the loopback address only; cookies marked secure would never come back.
        "PATCHBAY_HTTPS": "0",
        # Mails become files, unless the person names a server.
        "PATCHBAY_EMAIL_DIR": str(place.mail),
        "PATCHBAY_SANDBOX_API_KEY": secrets.sandbox_api_key,
        "PATCHBAY_SANDBOX_ADMIN_KEY": secrets.sandbox_admin_key,
        "PATCHBAY_SANDBOX_REDIRECTS": ",".join(place.callback_urls),
        # The demo's sources and destinations run on this machine; without the demo nothing on it may be reached.
        **({"PATCHBAY_ALLOWED_NETWORKS": "127.0.0.0/8", "PATCHBAY_SANDBOX_KNOBS": "demo"} if place.demo else {}),
    }
    settled = {
        **addresses,
        "PATCHBAY_HOME": str(place.home),
        "PORT": str(place.web_port),
        "PATCHBAY_SANDBOX_URL": place.sandbox_url,
        "DJANGO_SETTINGS_MODULE": "dashboard.settings",
        # Lines reach the log when they are written, not when a buffer is full.
        "PYTHONUNBUFFERED": "1",
    }
    # A variable set to nothing is as good as none.
    theirs = {name: value for name, value in environ.items() if value or name not in ours}
    return {**ours, **theirs, **settled}
