"""Tokens of the payroll product's authorization server: what a code and a refresh token are exchanged for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

import requests

from connectors.plan import SyncError
from connectors.providers.sandbox_payroll.answers import object_of, post, refusal_of

# A public client (RFC 6749, 2.1): what proves that it asks for itself is the verifier, not a secret.
CLIENT_ID = "patchbay"
# What the server says (RFC 6749, 5.2). `invalid_grant` means one thing for a code, another for a refresh token.
_CODES = {
    "invalid_client": "misconfigured",
    "unauthorized_client": "misconfigured",
    "unsupported_grant_type": "misconfigured",
    "invalid_request": "misconfigured",
    "invalid_scope": "insufficient_scope",
}


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the server gave: a short-lived access token, what renews it, and the scopes of both."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    scopes: tuple[str, ...]


def exchange_code(session: requests.Session, base: str, *, code: str, verifier: str, redirect_uri: str) -> Tokens:
    """Exchange a code for tokens (RFC 6749, 4.1.3 and RFC 7636, 4.5). Raises `SyncError`."""
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "code_verifier": verifier,
        "redirect_uri": redirect_uri,
        "client_id": CLIENT_ID,
    }
    found = _ask(session, base, fields, invalid_grant="token_expired")
    if not found.refresh:
        raise SyncError("bad_record", "The source gave no refresh token.")
    return found


def renew(session: requests.Session, base: str, refresh_token: str) -> str:
    """Exchange a refresh token for an access token (RFC 6749, 6). Raises `SyncError`: `token_revoked`."""
    fields = {"grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": CLIENT_ID}
    return _ask(session, base, fields, invalid_grant="token_revoked").access


def _ask(session: requests.Session, base: str, fields: Mapping[str, str], *, invalid_grant: str) -> Tokens:
    answer = post(session, f"{base}/oauth/token", form=fields)
    if answer.status_code in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED}:
        raise _refusal(answer, {**_CODES, "invalid_grant": invalid_grant})
    if answer.status_code != HTTPStatus.OK:
        raise refusal_of(answer)
    found = object_of(answer)
    access, refresh, scope = (found.get(name) for name in ("access_token", "refresh_token", "scope"))
    if not isinstance(access, str) or not access or str(found.get("token_type", "")).lower() != "bearer":
        raise SyncError("bad_record", "The source gave no bearer token.")
    scopes = tuple(scope.split()) if isinstance(scope, str) else ()
    return Tokens(access, refresh if isinstance(refresh, str) else "", scopes)


def _refusal(answer: requests.Response, codes: Mapping[str, str]) -> SyncError:
    found = object_of(answer)
    error, words = str(found.get("error", "")), str(found.get("error_description", ""))[:300]
    return SyncError(codes.get(error, "provider_error"), f"{answer.status_code} {error}: {words}".strip(": "))
