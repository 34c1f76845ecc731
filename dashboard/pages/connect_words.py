"""What the hosted flow says when something is refused: in the end user's words, who knows nothing of us."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.text import get_text_list

from connectors.errors import entry, told
from connectors.providers.manifest import Manifest

# In the flow a person just tried, so that some codes are told otherwise than on a connection that ran for months.
_TITLES = {
    "invalid_credentials": "{source} did not accept this sign-in",
    "mfa_failed": "{source} did not accept the code",
    "consent_revoked": "You did not allow access at {source}",
    "token_expired": "The sign-in at {source} took too long",
    "misconfigured": "This cannot be connected as it is set up",
    "entity_access_lost": "Nothing that was chosen can be read any more",
    "insufficient_permissions": "This account may not read everything that is needed",
    "insufficient_scope": "Not everything that is needed was allowed",
}
_TEXTS = {
    "invalid_credentials": "Check what you typed. If it changed at {source}, enter the new one.",
    "mfa_failed": "Enter the newest code: each one works once and for a short time.",
    "token_expired": "Nothing is lost. Sign in once more.",
    "consent_revoked": "Nothing was read. To connect, sign in again and allow it there.",
    "misconfigured": "It is nothing that you did. Tell whoever sent you the link.",
    "connection_timeout": "Look whether it is reachable, then try again.",
    "unreachable": "Look whether the address is right and the service is running, then try again.",
    "dns_failure": "Look whether the address is spelled right.",
    "rate_limited": "Wait a minute, then try again.",
    "provider_unavailable": "It is nothing that you did. Try again in a few minutes: your link still works.",
    "provider_maintenance": "It is nothing that you did. Try again later: your link still works.",
    "provider_error": "It is nothing that you did. Try again in a few minutes.",
    "insufficient_permissions": "Ask an administrator of {source} to allow it, or sign in with another account.",
    "insufficient_scope": "Sign in again and allow all of it.",
    "entity_access_lost": "Choose again, or sign in with another account.",
}


# What an end user would call a destination of ours, if he ever heard of one.
_STORAGE = "Our storage"


@dataclass(frozen=True, slots=True)
class Told:
    """A refusal as the person sees it."""

    title: str
    text: str

    @property
    def words(self) -> str:
        """All of it as one text, as the session keeps it."""
        return f"{self.title}. {self.text}"


def refusal_of(code: str, manifest: Manifest, *, tries_left: int | None = None, missing: Sequence[str] = ()) -> Told:
    """Return how a refusal is told; the registry's words where the flow has no nearer ones."""
    known, name = entry(code), manifest.name
    title = told(
        _TITLES.get(code, known.title), source=name, destination=_STORAGE, entity=f"this {manifest.entity_word}"
    )
    text = told(_TEXTS.get(code, known.end_user_text), source=name, destination=_STORAGE)
    parts = [
        f"Missing: {get_text_list(list(missing), 'and')}." if missing else "",
        text,
        _tries(code, tries_left, name),
    ]
    return Told(title, " ".join(part for part in parts if part))


def _tries(code: str, left: int | None, name: str) -> str:
    if left is None or code not in {"invalid_credentials", "mfa_failed"}:
        return ""
    if left == 0:
        return "No try is left for this code: sign in again to get a new one." if code == "mfa_failed" else ""
    many = "1 try is left" if left == 1 else f"{left} tries are left"
    end = f"before {name} locks the account" if code == "invalid_credentials" else "for this code"
    return f"{many} {end}."
