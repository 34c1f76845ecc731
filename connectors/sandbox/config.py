"""The sandbox's settings, read from the environment once at the start."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from connectors.sandbox.catalog import COMPANIES
from connectors.sandbox.knobs import DEMO_KNOBS
from connectors.sandbox.people import FIRST_TODAY
from connectors.sandbox.redirects import is_usable

# Everybody may know it: it opens made-up data only, on a server that listens on this machine unless told otherwise.
PUBLIC_API_KEY = "sandbox-public-key"

DEFAULT_SEED = "patchbay"
# Where Patchbay takes browsers back; on this machine it may run at any port.
CALLBACK_PATH = "/connect/callback/"
DEFAULT_REDIRECTS = (f"http://127.0.0.1{CALLBACK_PATH}", f"http://[::1]{CALLBACK_PATH}")
_NAMES = ("SEED", "API_KEY", "ADMIN_KEY", "KNOBS", "COMPANIES", "TODAY", "REDIRECTS")
MAX_COMPANIES = 5000


class ConfigError(ValueError):
    """A setting in the environment that cannot be used; the text names it and never shows a key."""


@dataclass(frozen=True, slots=True)
class SandboxConfig:
    """What a sandbox is started with. `knobs` is the JSON document of `knobs.parse_knobs`, not yet checked."""

    seed: str = DEFAULT_SEED
    api_key: str = field(default=PUBLIC_API_KEY, repr=False)
    admin_key: str | None = field(default=None, repr=False)
    knobs: object = None
    company_count: int = len(COMPANIES)
    today: date = FIRST_TODAY
    redirect_uris: tuple[str, ...] = DEFAULT_REDIRECTS

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "SandboxConfig":
        """Read `PATCHBAY_SANDBOX_*`; raise ConfigError for a value that cannot be used.

        SEED: any text. API_KEY: what clients send. ADMIN_KEY: opens `/_sandbox/`, which is off without it.
        KNOBS: a JSON object, or `demo` for DEMO_KNOBS. COMPANIES: how many. TODAY: the day the data is as of.
        REDIRECTS: addresses, with commas between them, at which the client takes browsers back after a sign-in.
        """
        values = {name: environ.get(f"PATCHBAY_SANDBOX_{name}", "") for name in _NAMES}
        return cls(
            seed=values["SEED"] or DEFAULT_SEED,
            api_key=values["API_KEY"] or PUBLIC_API_KEY,
            admin_key=values["ADMIN_KEY"] or None,
            knobs=_knobs(values["KNOBS"]),
            company_count=_company_count(values["COMPANIES"]),
            today=_today(values["TODAY"]),
            redirect_uris=_redirect_uris(values["REDIRECTS"]),
        )


def _knobs(text: str) -> object:
    if text.strip() == "demo":
        return DEMO_KNOBS
    try:
        return json.loads(text) if text.strip() else {}
    except ValueError as error:
        message = f"PATCHBAY_SANDBOX_KNOBS is neither JSON nor the word demo: {error}"
        raise ConfigError(message) from error


def _company_count(text: str) -> int:
    if not text:
        return len(COMPANIES)
    if not text.isdecimal() or not 1 <= int(text) <= MAX_COMPANIES:
        message = f"PATCHBAY_SANDBOX_COMPANIES must be a number from 1 to {MAX_COMPANIES}, not {text!r}"
        raise ConfigError(message)
    return int(text)


def _today(text: str) -> date:
    try:
        today = date.fromisoformat(text) if text else FIRST_TODAY
    except ValueError as error:
        message = f"PATCHBAY_SANDBOX_TODAY must be a date such as 2026-12-31, not {text!r}"
        raise ConfigError(message) from error
    if today < FIRST_TODAY:
        message = f"PATCHBAY_SANDBOX_TODAY must be {FIRST_TODAY} or later: before it the companies are not yet complete"
        raise ConfigError(message)
    return today


def _redirect_uris(text: str) -> tuple[str, ...]:
    uris = tuple(uri.strip() for uri in text.split(",") if uri.strip())
    for uri in uris:
        if not is_usable(uri):
            message = (
                f"PATCHBAY_SANDBOX_REDIRECTS must be whole addresses such as https://example.com/back, not {uri!r}"
            )
            raise ConfigError(message)
    return uris or DEFAULT_REDIRECTS
