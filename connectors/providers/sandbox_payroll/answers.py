"""Calls to the payroll API that are answered once, and a code for every refusal of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import requests

from connectors.failures import http_failure
from connectors.plan import SyncError

TIMEOUT_SECONDS = (10, 60)  # to connect, and between two pieces of the answer
_CODES: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "invalid_credentials",
    HTTPStatus.FORBIDDEN: "insufficient_permissions",
    HTTPStatus.NOT_FOUND: "misconfigured",
    HTTPStatus.BAD_GATEWAY: "provider_unavailable",
    HTTPStatus.SERVICE_UNAVAILABLE: "provider_unavailable",
    HTTPStatus.GATEWAY_TIMEOUT: "provider_unavailable",
}
# What the API says more exactly than its status does.
_SAID = {
    "token_expired": "token_expired",
    "token_revoked": "token_revoked",
    "invalid_token": "token_revoked",
    "insufficient_scope": "insufficient_scope",
    "account_locked": "account_locked",
    "mfa_failed": "mfa_failed",
}
_LONGEST_WORDS = 300


@dataclass(frozen=True, slots=True)
class Said:
    """What an error answer says of itself, as far as it does."""

    code: str = ""
    words: str = ""
    tries_left: int | None = None


def post(
    session: requests.Session, url: str, *, form: Mapping[str, str] | None = None, json: Mapping[str, str] | None = None
) -> requests.Response:
    """Send one POST with a form or an object and return the answer, whatever its status. Raises `SyncError`."""
    try:
        # A redirect would lead to an address that nobody checked, with the secrets in its body.
        return session.post(url, data=form, json=json, timeout=TIMEOUT_SECONDS, allow_redirects=False)
    except requests.RequestException as error:
        raise http_failure(error) from None


def object_of(answer: requests.Response) -> dict[str, Any]:
    """Return the JSON object of an answer. Raises `SyncError("bad_record")` where it holds none."""
    try:
        found = answer.json()
    except ValueError as error:
        raise http_failure(error) from None
    if not isinstance(found, dict):
        raise SyncError("bad_record", "The answer holds no object.")
    return found


def said_by(answer: requests.Response) -> Said:
    """Read the code, the words and the tries that are left from an error answer."""
    try:
        error = answer.json().get("error", {})
        left = error.get("tries_left")
        words = str(error.get("message", ""))[:_LONGEST_WORDS]
        return Said(str(error.get("code", "")), words, left if isinstance(left, int) else None)
    except (ValueError, AttributeError):
        return Said(words=(answer.reason or "")[:_LONGEST_WORDS])


def refusal_of(answer: requests.Response) -> SyncError:
    """Return what an answer that is not the one asked for means."""
    status, said = answer.status_code, said_by(answer)
    detail = f"{status} {said.code}: {said.words}".strip(": ")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return SyncError("rate_limited", detail, retry_after=retry_after(answer))
    if said.code.startswith("company_") and status in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}:
        return SyncError("entity_access_lost", detail)
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return SyncError("misconfigured", f"{status}: the address leads elsewhere, and redirects are not followed.")
    is_about_access = status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
    code = _SAID.get(said.code) if is_about_access else None
    return SyncError(code or _CODES.get(status, "provider_error"), detail)


def retry_after(answer: requests.Response) -> float | None:
    """Read Retry-After, seconds or a date (RFC 9110, 10.2.3), in seconds from now. None where it is neither."""
    text = answer.headers.get("Retry-After", "").strip()
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None
