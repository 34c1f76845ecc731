"""How people sign in: members only, and wrong passwords slow down."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

# The sign-in page adds when signing in pauses: allauth's limit for one name is 5 wrong tries in 300 seconds.
_MISMATCH = "This name and password do not match"


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """allauth's rules with our words. Nobody signs up: an admin invites."""

    error_messages: dict[str, Any] = {  # noqa: RUF012 - allauth's own shape
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": _MISMATCH,
        "username_password_mismatch": _MISMATCH,
        "invalid_login": _MISMATCH,
        "too_many_login_attempts": "Too many wrong tries: signing in is paused",
        "incorrect_password": "This is not the password of your account.",
        "rate_limited": "Too many tries. Wait a minute.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Return False: accounts are made by an admin."""
        del request
        return False
