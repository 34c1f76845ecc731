"""How an end user signs in at the payroll product: user, password and code, or on its own pages (OAuth 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, NoReturn
from urllib.parse import urlencode

import requests

from connectors import network
from connectors.http import open_session
from connectors.plan import SyncError
from connectors.providers.manifest import SIGN_IN
from connectors.providers.sandbox_payroll.answers import object_of, post, refusal_of, retry_after, said_by
from connectors.providers.sandbox_payroll.tokens import CLIENT_ID, exchange_code
from connectors.providers.signed_in import Challenge, SignedIn, SignInError

# Refusals of which the source counts the tries.
_COUNTED = {"invalid_credentials", "account_locked", "mfa_failed"}


def sign_in(config: Mapping[str, Any], typed: Mapping[str, str]) -> SignedIn | Challenge:
    """Sign in with user name and password; a code is asked for where the account has a second factor."""
    found = _post(config, "sign-in", {name: typed.get(name, "") for name in ("username", "password")})
    challenge = found.get("challenge")
    if isinstance(challenge, str) and challenge:
        return Challenge(challenge, str(found.get("message", ""))[:200])
    return _with_token(config, found)


def answer(config: Mapping[str, Any], challenge_token: str, code: str) -> SignedIn:
    """Answer a challenge with the code of the second factor. Raises `SignInError`, `mfa_failed` for a wrong one."""
    return _with_token(config, _post(config, "sign-in/code", {"challenge": challenge_token, "code": code}))


def authorize_url(
    config: Mapping[str, Any], *, redirect_uri: str, state: str, code_challenge: str, scopes: Sequence[str]
) -> str:
    """Return the address of the sign-in page, for the end user's browser."""
    parts, _ = network.split_url(str(config.get("base_url") or ""))
    query = {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": redirect_uri,
        "scope": " ".join(scopes),
        "state": state,
        "code_challenge": code_challenge,
        "code_challenge_method": "S256",
    }
    return f"{parts.geturl()}/oauth/authorize?{urlencode(query)}"


def exchange(config: Mapping[str, Any], *, code: str, verifier: str, redirect_uri: str) -> SignedIn:
    """Exchange a code for a refresh token, which is what is stored."""
    base, session = open_session(str(config.get("base_url") or ""))
    with session:
        tokens = exchange_code(session, base, code=code, verifier=verifier, redirect_uri=redirect_uri)
    return SignedIn({**config, SIGN_IN: "oauth2"}, {"refresh_token": tokens.refresh}, tokens.scopes)


def _with_token(config: Mapping[str, Any], found: Mapping[str, Any]) -> SignedIn:
    token, scope = found.get("token"), found.get("scope")
    if not isinstance(token, str) or not token:
        raise SyncError("bad_record", "The source gave no token.")
    scopes = tuple(scope.split()) if isinstance(scope, str) else ()
    return SignedIn({**config, SIGN_IN: "credentials_mfa"}, {"session_token": token}, scopes)


def _post(config: Mapping[str, Any], path: str, body: Mapping[str, str]) -> dict[str, Any]:
    base, session = open_session(str(config.get("base_url") or ""))
    with session:
        answered = post(session, f"{base}/v1/{path}", json=body)
    if answered.status_code != HTTPStatus.OK:
        _refuse(answered)
    return object_of(answered)


def _refuse(answered: requests.Response) -> NoReturn:
    said, refusal = said_by(answered), refusal_of(answered)
    if said.code in _COUNTED:
        raise SignInError(said.code, refusal.detail, tries_left=said.tries_left, retry_after=retry_after(answered))
    raise refusal
