"""How an end user signs in at a provider, by each method that its manifest offers.

Nothing is stored here: what comes back is stored by whoever asked. All of it asks the source and takes time, so a page
asks through `services.asking`. Every refusal is a `SignInError` with a code out of the registry, and says nothing of
what was typed. Who names a method that the provider does not offer gets a `ValueError`.
"""

from __future__ import annotations

import base64
import hashlib
import secrets as random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from connectors.plan import Endpoint, SyncError
from connectors.providers import registry
from connectors.providers.manifest import SIGN_IN, Manifest, SignIn, default_of
from connectors.providers.signed_in import Challenge, SignedIn, SignInError
from connectors.secrets import Redactor

__all__ = (
    "Challenge",
    "SignInError",
    "SignedIn",
    "answer",
    "authorize_url",
    "exchange",
    "new_verifier",
    "refused_at_provider",
    "sign_in",
)

# What an authorization server says in the address of the way back (RFC 6749, 4.1.2.1).
_REFUSALS = {
    "access_denied": "consent_revoked",
    "invalid_scope": "insufficient_scope",
    "server_error": "provider_error",
    "temporarily_unavailable": "provider_unavailable",
}


def sign_in(kind: str, method: str, config: Mapping[str, Any], typed: Mapping[str, str]) -> SignedIn | Challenge:
    """Sign in with what an end user typed into the fields of `method`; a code may be asked for then.

    `config` holds what the operator filled in before. Of `typed` only the fields of the method are used.
    """
    manifest = registry.manifest(kind)
    offered = manifest.sign_in(method)
    if method == "oauth2":
        message = "By oauth2 nothing is typed here: see authorize_url and exchange."
        raise ValueError(message)
    names = {field.name for field in offered.fields}
    given = {name: value for name, value in typed.items() if name in names and value}
    own = registry.sign_in(kind)
    with _told_safely(value for name, value in given.items() if _is_secret(offered, name)):
        settings = _settings(manifest, config)
        if method == "credentials_mfa":
            return _needed(own, kind).sign_in(settings, given)
        return _by_fields(manifest, offered, settings, given)


def answer(kind: str, config: Mapping[str, Any], challenge_token: str, code: str) -> SignedIn:
    """Answer a `Challenge` with the code of the second factor.

    A wrong code is `mfa_failed`; with tries left the same challenge can be answered again.
    """
    manifest = registry.manifest(kind)
    with _told_safely((challenge_token, code)):
        return _needed(registry.sign_in(kind), kind).answer(_settings(manifest, config), challenge_token, code.strip())


def authorize_url(
    kind: str, config: Mapping[str, Any], *, redirect_uri: str, state: str, code_challenge: str, scopes: Sequence[str]
) -> str:
    """Return the address of the provider to which the end user's browser is sent (RFC 6749, 4.1.1). Asks nobody.

    `scopes` are the names of products; `code_challenge` comes from `new_verifier`, whose other half stays here.
    """
    manifest = registry.manifest(kind)
    manifest.sign_in("oauth2")
    with _told_safely(()):
        return _needed(registry.sign_in(kind), kind).authorize_url(
            _settings(manifest, config),
            redirect_uri=redirect_uri,
            state=state,
            code_challenge=code_challenge,
            scopes=scopes,
        )


def exchange(kind: str, config: Mapping[str, Any], *, code: str, verifier: str, redirect_uri: str) -> SignedIn:
    """Exchange the code that came back from the provider for what is stored. A code can be exchanged once.

    `verifier` and `redirect_uri` are those with which the code was asked for. A code that the provider does not know
    any more is `token_expired`.
    """
    manifest = registry.manifest(kind)
    manifest.sign_in("oauth2")
    with _told_safely((code, verifier)):
        return _needed(registry.sign_in(kind), kind).exchange(
            _settings(manifest, config), code=code, verifier=verifier, redirect_uri=redirect_uri
        )


def new_verifier() -> tuple[str, str]:
    """Draw a code verifier, which is kept secret, and return it with its S256 challenge (RFC 7636, 4.1 and 4.2)."""
    verifier = random.token_urlsafe(32)
    digest = hashlib.sha256(verifier.encode()).digest()
    return verifier, base64.urlsafe_b64encode(digest).decode().rstrip("=")


def refused_at_provider(error: str, description: str = "") -> SignInError:
    """Return the failure that a provider tells in the address of the way back (`error`, `error_description`)."""
    return SignInError(_REFUSALS.get(error, "misconfigured"), f"{error}: {description}".strip(": ")[:300])


def _by_fields(manifest: Manifest, offered: SignIn, settings: Mapping[str, Any], given: Mapping[str, str]) -> SignedIn:
    """Take what was typed as settings and secrets, and ask whether they are accepted."""
    config = dict(settings)
    for field in offered.fields:
        value = given.get(field.name) or ("" if field.is_secret else default_of(field))
        if value and not field.is_secret:
            config[field.name] = value
    secrets = {name: value for name, value in given.items() if _is_secret(offered, name)}
    registry.access(manifest.kind).check(Endpoint(manifest.kind, config, secrets))
    return SignedIn(config, secrets)


def _settings(manifest: Manifest, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the operator filled in, and the defaults of what he left; nothing of an earlier sign-in."""
    defaults = {field.name: default_of(field) for field in manifest.operator_fields}
    filled_in = {name: value for name, value in config.items() if name != SIGN_IN}
    return {**{name: value for name, value in defaults.items() if value}, **filled_in}


def _is_secret(offered: SignIn, name: str) -> bool:
    return any(field.name == name and field.is_secret for field in offered.fields)


def _needed(own: registry.SigningIn | None, kind: str) -> registry.SigningIn:
    if own is None:
        message = f"The provider {kind} has no sign-in of its own."
        raise ValueError(message)
    return own


@contextmanager
def _told_safely(typed: Iterable[str]) -> Iterator[None]:
    """Turn every failure into a `SignInError` whose words hold nothing of what was `typed`."""
    hide = Redactor(typed)
    try:
        yield
    except SignInError as error:
        raise SignInError(
            error.code, hide(error.detail), tries_left=error.tries_left, retry_after=error.retry_after
        ) from None
    except SyncError as error:
        raise SignInError(error.code, hide(error.detail), retry_after=error.retry_after) from None
