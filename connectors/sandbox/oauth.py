"""The authorization server: the endpoints for clients, and what a client may ask of a browser (RFC 6749, 7636, 7009).

Clients are public: they have no secret, and prove by the verifier of PKCE that they exchange what they asked for.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from connectors.sandbox.grants import Given, GrantError, Grants
from connectors.sandbox.messages import FORM, Reply, Request, allow, pairs_in
from connectors.sandbox.redirects import is_registered, with_parameters
from connectors.sandbox.tokens import ACCESS_SECONDS
from connectors.sandbox.users import SCOPES, USUAL_SCOPES

CLIENTS: Mapping[str, str] = {"patchbay": "Patchbay"}
TOKEN_PATH, REVOKE_PATH = "/oauth/token", "/oauth/revoke"
_NO_STORE = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))
# What a SHA-256 digest looks like in URL-safe base64 without padding.
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


class UntrustedRequestError(Exception):
    """A request whose client or way back is not known: it is shown to the user, and nobody is redirected."""


class SentBackError(Exception):
    """A request that is refused to the client, at its own address: `uri` is where the browser goes."""

    def __init__(self, asked: "Asked", error: str, words: str) -> None:
        """Say why, by its name in RFC 6749, 4.1.2.1 and in words."""
        super().__init__(words)
        self.uri = asked.back(error=error, error_description=words)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks for, its way back, and what it wants to hear again."""

    client: str
    redirect_uri: str
    state: str = ""
    scopes: tuple[str, ...] = ()
    challenge: str = ""

    def back(self, **found: str) -> str:
        """Return the way back with what was found out; the state goes as it came."""
        return with_parameters(self.redirect_uri, {**found, **({"state": self.state} if self.state else {})})


def read_request(query: str, registered: Collection[str]) -> Asked:
    """Return what an authorization request asks for; raise UntrustedRequestError or SentBackError."""
    pairs = pairs_in(query)
    clients, uris = pairs.get("client_id", []), pairs.get("redirect_uri", [])
    if len(clients) != 1 or clients[0] not in CLIENTS:
        raise UntrustedRequestError("The application that sent you here is not known.")
    if len(uris) != 1 or not is_registered(uris[0], registered):
        raise UntrustedRequestError("The application wants you back at an address that is not registered for it.")
    values = {name: found[0] for name, found in pairs.items()}
    asked = Asked(clients[0], uris[0], values.get("state", ""))
    if repeated := sorted(name for name, found in pairs.items() if len(found) > 1):
        raise SentBackError(asked, "invalid_request", f"Sent more than once: {_plain(repeated[0])}")
    if "response_type" not in values:
        raise SentBackError(asked, "invalid_request", "response_type is missing")
    if values["response_type"] != "code":
        raise SentBackError(asked, "unsupported_response_type", "Only code is supported")
    # A request without a method means the plain one (RFC 7636, 4.3).
    if values.get("code_challenge_method", "plain") != "S256":
        raise SentBackError(asked, "invalid_request", "Only the code_challenge_method S256 is supported")
    challenge = values.get("code_challenge", "")
    if not _CHALLENGE.fullmatch(challenge):
        raise SentBackError(asked, "invalid_request", "code_challenge is missing or no S256 challenge")
    scopes = tuple(dict.fromkeys(values.get("scope", "").split())) or USUAL_SCOPES
    if not set(scopes) <= set(SCOPES):
        raise SentBackError(asked, "invalid_scope", f"There are the scopes {', '.join(SCOPES)}")
    return Asked(asked.client, asked.redirect_uri, asked.state, scopes, challenge)


class TokenEndpoint:
    """Answers what clients ask without a browser: /oauth/token and /oauth/revoke."""

    def __init__(self, grants: Grants) -> None:
        """Exchange by `grants`."""
        self._grants = grants

    def answer(self, request: Request) -> Reply:
        """Return tokens, or an error as RFC 6749, 5.2 has it."""
        allow(request, "POST")
        try:
            sent = _fields(request)
            if request.path == REVOKE_PATH:
                self._grants.revoke(_of(sent, "token"))
                return Reply(200, {}, _NO_STORE)
            return _told(self._given(sent))
        except GrantError as error:
            status = 401 if error.error == "invalid_client" else 400
            return Reply(status, {"error": error.error, "error_description": str(error)}, _NO_STORE)

    def _given(self, sent: Mapping[str, str]) -> Given:
        kind, client = _of(sent, "grant_type"), sent["client_id"]
        if kind == "authorization_code":
            code, uri, verifier = (_of(sent, name) for name in ("code", "redirect_uri", "code_verifier"))
            return self._grants.exchange(code, client=client, redirect_uri=uri, verifier=verifier)
        if kind == "refresh_token":
            scopes = tuple(sent.get("scope", "").split())
            return self._grants.renew(_of(sent, "refresh_token"), client=client, scopes=scopes)
        raise GrantError("unsupported_grant_type", "There are authorization_code and refresh_token.")


def _told(given: Given) -> Reply:
    payload: dict[str, object] = {
        "access_token": given.access,
        "token_type": "Bearer",
        "expires_in": ACCESS_SECONDS,
        "scope": " ".join(given.scopes),
        **({"refresh_token": given.refresh} if given.refresh else {}),
    }
    return Reply(200, payload, _NO_STORE)


def _fields(request: Request) -> dict[str, str]:
    """Return the fields of a form of a client that is known; raise GrantError."""
    if request.content_type.partition(";")[0].strip().lower() != FORM:
        raise GrantError("invalid_request", f"Send a body of the type {FORM}.")
    pairs = pairs_in(request.body.decode("ascii", errors="replace"))
    if repeated := sorted(name for name, found in pairs.items() if len(found) > 1):
        raise GrantError("invalid_request", f"Sent more than once: {_plain(repeated[0])}.")
    sent = {name: found[0] for name, found in pairs.items()}
    if sent.get("client_id") not in CLIENTS:
        raise GrantError("invalid_client", "The client is not known.")
    return sent


def _of(sent: Mapping[str, str], name: str) -> str:
    if name not in sent:
        raise GrantError("invalid_request", f"{name} is missing.")
    return sent[name]


def _plain(name: str) -> str:
    """Return a name as an error's description may hold it (RFC 6749, 5.2)."""
    return re.sub(r"[^A-Za-z0-9_]", "?", name)[:40]
