"""What a provider gives back when somebody signs in: what to store, a question for a second factor, or a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.plan import SyncError


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A sign-in that the source accepted: the plain settings and the secrets of the connection, both whole.

    `scopes` are what was granted, where the source says so: they may be fewer than were asked for.
    """

    config: Mapping[str, Any]
    secrets: Mapping[str, str] = field(repr=False)
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Challenge:
    """The source asks for a second factor. `hint` says in a sentence where the code is found.

    The `token` opens nothing without the code; it goes back to the source with it, and is kept as secrets are.
    """

    token: str = field(repr=False)
    hint: str = ""


class SignInError(SyncError):
    """A sign-in that did not come about. `tries_left` is None where the source does not tell; with 0 begin anew."""

    def __init__(
        self, code: str, detail: str = "", *, tries_left: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(code, detail, retry_after=retry_after)
        self.tries_left = tries_left
