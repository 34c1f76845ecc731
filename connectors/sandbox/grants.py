"""What a user allowed a client: the codes that stand for it for a minute, and the tokens that come of it.

Codes are kept in memory: a restart forgets them, and the user allows once more.
"""

import base64
import hashlib
import re
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from connectors.sandbox.messages import same
from connectors.sandbox.tokens import ACCESS_SECONDS, Clock, TokenError, Tokens, new_grant
from connectors.sandbox.users import USERS

CODE_SECONDS = 60
# Used codes stay known, so that a second use is noticed; beyond so many the oldest is forgotten.
_MOST_CODES = 10_000
# RFC 7636, 4.1.
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


class GrantError(Exception):
    """A refusal of the token endpoint; `error` is its name in RFC 6749, 5.2."""

    def __init__(self, error: str, words: str) -> None:
        """Say why, by its name and in a sentence."""
        super().__init__(words)
        self.error = error


@dataclass(slots=True)
class _Code:
    client: str
    redirect_uri: str
    challenge: str
    user: str
    scopes: tuple[str, ...]
    expires_at: float
    grant: str = field(default_factory=new_grant)
    is_used: bool = False


@dataclass(frozen=True, slots=True)
class Given:
    """The tokens of one answer; `refresh` is empty where the old one stays."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    scopes: tuple[str, ...]


class Grants:
    """Makes codes and exchanges them; safe to use from several threads."""

    def __init__(self, tokens: Tokens, clock: Clock) -> None:
        """Give out `tokens`; `clock` gives seconds since 1970."""
        self._tokens = tokens
        self._clock = clock
        self._codes: OrderedDict[str, _Code] = OrderedDict()
        self._lock = threading.Lock()

    def code_for(self, user: str, scopes: tuple[str, ...], *, client: str, redirect_uri: str, challenge: str) -> str:
        """Return a new code for what a user allowed."""
        text = secrets.token_urlsafe(32)
        code = _Code(client, redirect_uri, challenge, user, scopes, self._clock() + CODE_SECONDS)
        with self._lock:
            self._codes[text] = code
            if len(self._codes) > _MOST_CODES:
                self._codes.popitem(last=False)
        return text

    def exchange(self, text: str, *, client: str, redirect_uri: str, verifier: str) -> Given:
        """Exchange a code for tokens; raise GrantError.

        A code that was shown once is used up, whatever came of it. Shown again, it is in wrong hands: the tokens that
        it gave are revoked then (RFC 6749, 4.1.2).
        """
        with self._lock:
            code = self._codes.get(text)
            was_used = code is not None and code.is_used
            if code is not None:
                code.is_used = True
        if code is None or code.client != client:
            raise GrantError("invalid_grant", "The code is not one of ours.")
        if was_used:
            self._tokens.revoke(code.grant)
            raise GrantError("invalid_grant", "The code was used before, so what it gave is revoked.")
        if code.expires_at <= self._clock():
            raise GrantError("invalid_grant", "The code has expired.")
        if code.redirect_uri != redirect_uri:
            raise GrantError("invalid_grant", "The code was given to another redirect_uri.")
        if not _VERIFIER.fullmatch(verifier) or not same(challenge_of(verifier), code.challenge):
            raise GrantError("invalid_grant", "The code_verifier does not fit the code_challenge.")
        refresh = self._tokens.give("refresh", code.user, code.scopes, grant=code.grant, client=client)
        return Given(self._access(code.user, code.scopes, code.grant, client), refresh, code.scopes)

    def renew(self, refresh: str, *, client: str, scopes: tuple[str, ...] = ()) -> Given:
        """Exchange a refresh token for an access token, of fewer `scopes` where some are named; raise GrantError."""
        try:
            claims = self._tokens.open(refresh, "refresh")
        except TokenError as error:
            raise GrantError("invalid_grant", str(error)) from None
        if claims.client != client or USERS[claims.user].is_locked:
            raise GrantError("invalid_grant", "The token is not one of this client, or its user is locked.")
        if not set(scopes) <= set(claims.scopes):
            raise GrantError("invalid_scope", "More is asked for than was granted.")
        fewer = scopes or claims.scopes
        return Given(self._access(claims.user, fewer, claims.grant, client), "", fewer)

    def revoke(self, text: str) -> None:
        """Revoke a token of any kind and all that came of the same grant; what is none of ours is ignored."""
        try:
            self._tokens.revoke(self._tokens.open(text, "refresh", "access", "session").grant)
        except TokenError:
            return

    def _access(self, user: str, scopes: tuple[str, ...], grant: str, client: str) -> str:
        return self._tokens.give("access", user, scopes, grant=grant, client=client, seconds=ACCESS_SECONDS)


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636, 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
