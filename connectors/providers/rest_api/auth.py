"""How a request proves who asks: nothing, a key, a token, a name and a password, or OAuth 2 client credentials."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import orjson
import requests

from connectors.failures import http_failure
from connectors.http import open_session
from connectors.plan import Endpoint, SyncError
from connectors.providers.rest_api import answers
from connectors.providers.rest_api.manifest import (
    API_KEY_HEADER,
    API_KEY_QUERY,
    BASIC,
    BEARER,
    CLIENT_CREDENTIALS,
    NO_AUTH,
)

TIMEOUT_SECONDS = (10, 30)  # to connect, and between two pieces of the answer
_MOST_TOKEN_MEGABYTES = 1
_BAD_REQUEST, _OK, _UNAUTHORIZED = 400, 200, 401
# What the server says (RFC 6749, 5.2).
_CODES = {
    "invalid_client": "invalid_credentials",
    "unauthorized_client": "insufficient_permissions",
    "invalid_scope": "insufficient_scope",
    "unsupported_grant_type": "misconfigured",
    "invalid_request": "misconfigured",
}


class Auth:
    """The sign-in of one run. An access token is kept here for as long as the run lasts, and nowhere else."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Look whether everything is there that the chosen sign-in needs. Raises `SyncError`."""
        config = endpoint.config
        self.kind = str(config.get("auth") or NO_AUTH)
        self._secret = endpoint.secrets.get("secret", "")
        self._user = str(config.get("username") or "")
        self._key_name = str(config.get("key_name") or "")
        self._config: Mapping[str, Any] = config
        self._token = ""
        if self.kind != NO_AUTH and not self._secret:
            raise SyncError("invalid_credentials", f"“{self.kind}” needs a secret, and none is stored.")
        needed = {API_KEY_HEADER: "key_name", API_KEY_QUERY: "key_name", CLIENT_CREDENTIALS: "token_url"}
        if (name := needed.get(self.kind)) and not config.get(name):
            words = {"key_name": "the key's name", "token_url": "the token address"}[name]
            raise SyncError("misconfigured", f"“{self.kind}” needs {words}.")

    def headers(self) -> dict[str, str]:
        """Return the headers that sign a request; the first call may ask for a token. Raises `SyncError`."""
        if self.kind == API_KEY_HEADER:
            return {self._key_name: self._secret}
        if self.kind == BEARER:
            return {"Authorization": f"Bearer {self._secret}"}
        if self.kind == BASIC:
            return {"Authorization": _basic(self._user, self._secret)}
        if self.kind == CLIENT_CREDENTIALS:
            self._token = self._token or self._ask_for_token()
            return {"Authorization": f"Bearer {self._token}"}
        return {}

    def query(self) -> dict[str, str]:
        """Return the parameters that sign a request."""
        return {self._key_name: self._secret} if self.kind == API_KEY_QUERY else {}

    def renew(self) -> bool:
        """Forget the access token after a refusal. Returns whether there was one, so that another try makes sense."""
        had, self._token = bool(self._token), ""
        return had

    def _ask_for_token(self) -> str:
        """Ask for an access token (RFC 6749, 4.4); who does not know the secret as a header gets it in the form."""
        address = str(self._config["token_url"])
        parts = urlsplit(address)
        _, session = open_session(f"{parts.scheme}://{parts.netloc}")
        form = {"grant_type": "client_credentials"}
        if scope := self._config.get("scope"):
            form["scope"] = str(scope)
        with session:
            header = {"Authorization": _basic(quote(self._user, safe=""), quote(self._secret, safe=""))}
            answer = _post(session, address, form, header)
            if answer.status in {_BAD_REQUEST, _UNAUTHORIZED}:
                answer = _post(session, address, {**form, "client_id": self._user, "client_secret": self._secret}, {})
        return _token_of(answer)


def _post(session: requests.Session, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> answers.Answer:
    started = time.monotonic()
    try:
        # A redirect would lead to an address that nobody checked, with the secret in its body.
        with session.post(
            url, data=form, headers=headers, timeout=TIMEOUT_SECONDS, allow_redirects=False, stream=True
        ) as answer:
            return answers.read(answer, most_megabytes=_MOST_TOKEN_MEGABYTES, started=started)
    except requests.RequestException as error:
        raise http_failure(error) from None


def _token_of(answer: answers.Answer) -> str:
    try:
        found = orjson.loads(answer.body)
    except ValueError:
        found = {}
    found = found if isinstance(found, dict) else {}
    if answer.status != _OK:
        if code := _CODES.get(str(found.get("error", ""))):
            raise SyncError(code, f"The token address says: {answer.status} {answers.words_of(answer)}")
        refusal = answers.refusal_of(answer)
        refusal.detail = f"The token address says: {refusal.detail}"
        raise refusal
    token = found.get("access_token")
    if not isinstance(token, str) or not token or not token.isprintable():
        raise SyncError("bad_record", "The token address gave no access token.")
    return token


def _basic(user: str, secret: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{secret}'.encode()).decode()}"
