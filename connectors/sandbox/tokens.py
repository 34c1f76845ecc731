"""Tokens that carry what they say, signed: they open the same after a restart of the server, which stores none.

The key follows from the seed and the API key, so two servers started alike accept each other's tokens. What was revoked
is kept in memory: a restart forgets it, and a revoked token that has not expired is good again.
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Literal

from connectors.sandbox.users import USERS

Clock = Callable[[], float]
Kind = Literal["session", "access", "refresh"]

# Whoever finds one can tell what it is, and so can a scanner for secrets.
_PREFIX = "sbx"
SESSION_SECONDS = 30 * 24 * 3600
ACCESS_SECONDS = 600


class TokenError(Exception):
    """A token that opens nothing. `code` says why: invalid_token, token_expired or token_revoked."""

    def __init__(self, code: str, words: str) -> None:
        """Say why, as a code and in a sentence."""
        super().__init__(words)
        self.code = code


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says: whose it is, what it may read, and which grant it came from.

    Tokens of one grant are revoked together. Times are in seconds since 1970; an `expires_at` of None is never.
    """

    kind: Kind
    user: str
    scopes: tuple[str, ...]
    grant: str
    client: str = ""
    expires_at: float | None = None
    given_at: float = 0.0


class Signer:
    """Signs and opens small JSON objects, each for one purpose. Says nothing of who may use them."""

    def __init__(self, seed: str, api_key: str) -> None:
        """Derive the key."""
        self._key = hashlib.blake2b(f"{seed}\x1f{api_key}".encode(), person=b"sandbox-tokens").digest()

    def sign(self, purpose: str, content: object) -> str:
        """Return `content` as text that only this key can make."""
        body = _encoded(json.dumps([secrets.token_hex(8), content], separators=(",", ":")).encode())
        return f"{_PREFIX}_{purpose}.{body}.{self._mac(purpose, body)}"

    def open(self, purpose: str, text: str) -> object:
        """Return what `sign` was given for the same purpose; raise ValueError for anything else."""
        head, _, rest = text.partition(".")
        body, _, mac = rest.partition(".")
        given = mac.encode(errors="replace")
        if head != f"{_PREFIX}_{purpose}" or not hmac.compare_digest(given, self._mac(purpose, body).encode()):
            message = "this was not signed here"
            raise ValueError(message)
        try:
            return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))[1]
        except (binascii.Error, UnicodeError, LookupError, TypeError) as error:
            message = "what was signed cannot be read"
            raise ValueError(message) from error

    def _mac(self, purpose: str, body: str) -> str:
        signed = f"{purpose}.{body}".encode(errors="replace")
        return _encoded(hmac.new(self._key, signed, "sha256").digest())


class Tokens:
    """Gives tokens out, opens them, and remembers what was revoked; safe to use from several threads."""

    def __init__(self, signer: Signer, clock: Clock) -> None:
        """Start with nothing revoked; `clock` gives seconds since 1970."""
        self._signer = signer
        self._clock = clock
        self._revoked: set[str] = set()
        self._taken_back_at: dict[str, float] = {}
        self._lock = threading.Lock()

    def give(
        self,
        kind: Kind,
        user: str,
        scopes: tuple[str, ...],
        *,
        grant: str,
        client: str = "",
        seconds: int | None = None,
    ) -> str:
        """Return a token that holds for so many `seconds`, or until it is revoked."""
        now = self._clock()
        expires_at = None if seconds is None else now + seconds
        return self._signer.sign(kind, asdict(Claims(kind, user, scopes, grant, client, expires_at, now)))

    def open(self, text: str, *kinds: Kind) -> Claims:
        """Return what a token of one of these `kinds` says; raise TokenError where it opens nothing (any more)."""
        claims = self._read(text, kinds)
        with self._lock:
            is_taken_back = claims.given_at <= self._taken_back_at.get(claims.user, -1.0)
            is_revoked = is_taken_back or claims.grant in self._revoked
        if is_revoked:
            raise TokenError("token_revoked", "The access was revoked.")
        if claims.expires_at is not None and claims.expires_at <= self._clock():
            raise TokenError("token_expired", "The token has expired.")
        return claims

    def revoke(self, grant: str) -> None:
        """Let no token of a grant open anything any more."""
        with self._lock:
            self._revoked.add(grant)

    def take_back(self, user: str) -> None:
        """Let nothing that was given out for a user until now open anything any more."""
        with self._lock:
            self._taken_back_at[user] = self._clock()

    def _read(self, text: str, kinds: tuple[Kind, ...]) -> Claims:
        for kind in kinds:
            try:
                content = self._signer.open(kind, text)
            except ValueError:
                continue
            if isinstance(content, dict) and content.get("user") in USERS:
                return Claims(**{**content, "scopes": tuple(content["scopes"])})
        raise TokenError("invalid_token", "The token is not one of ours.")


def new_grant() -> str:
    """Draw the name of a grant."""
    return secrets.token_hex(12)


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
