"""What is carried, sealed, from one step of the flow to the next: what was accepted, or how far a sign-in is.

It exists in the session's row only while somebody is in the flow. Typed words are in here as what the source accepted,
and nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from connectors.plan import Endpoint, FoundEntity
from connectors.secrets import UnreadableSecretError
from sessions_log.models import Session
from sessions_log.services import progress

_KEY = "carried"


@dataclass(frozen=True, slots=True)
class Refusal:
    """The last refusal: at which page, by which press, and what it was. `missing` names what may not be read."""

    page: str
    code: str
    tries_left: int | None = None
    missing: tuple[str, ...] = ()
    press: str = ""
    # Whether its page is still to be shown: that belongs to the refusal and is no further visit.
    is_news: bool = False


@dataclass(frozen=True, slots=True)
class Carried:
    """The state between two steps. `entities` is None before a source was asked for them."""

    method: str = ""
    press: str = ""
    refusal: Refusal | None = None
    # A code is asked for.
    challenge: str = field(default="", repr=False)
    hint: str = ""
    # A sign-in at the provider is open.
    verifier: str = field(default="", repr=False)
    redirect_uri: str = ""
    # The address there, for a second press; and whether he is there now.
    elsewhere: str = field(default="", repr=False)
    is_elsewhere: bool = False
    # What the source accepted.
    config: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    entities: tuple[FoundEntity, ...] | None = None
    chosen: tuple[str, ...] = ()

    @property
    def is_accepted(self) -> bool:
        """Whether the source accepted a sign-in."""
        return self.entities is not None

    def endpoint(self, provider: str) -> Endpoint:
        """Return the source with what was accepted."""
        return Endpoint(provider, self.config, self.secrets)

    def refused(self, refusal: Refusal) -> Carried:
        """Return it with a refusal, by which that press was answered."""
        return replace(self, refusal=refusal, press=refusal.press)

    def answer_to(self, press: str) -> Refusal | None:
        """Return the refusal that the same press got before."""
        return self.refusal if press and self.refusal and self.refusal.press == press else None


def read(session: Session) -> Carried:
    """Open what is carried; nothing where the keys do not open it any more, so that he signs in again."""
    try:
        text = session.read_sealed().get(_KEY)
    except UnreadableSecretError:
        return Carried()
    if not text:
        return Carried()
    known: dict[str, Any] = json.loads(text)
    if known["refusal"] is not None:
        known["refusal"] = Refusal(**{**known["refusal"], "missing": tuple(known["refusal"]["missing"])})
    known["entities"] = _entities(known["entities"])
    known["chosen"] = tuple(known["chosen"])
    return Carried(**known)


def write(session: Session, carried: Carried) -> None:
    """Seal what is carried on."""
    values = {_KEY: json.dumps(asdict(carried))} if carried != Carried() else {}
    progress.carry(session=session, values=values)


def _entities(stored: Sequence[Mapping[str, str]] | None) -> tuple[FoundEntity, ...] | None:
    return None if stored is None else tuple(FoundEntity(one["ref"], one["name"]) for one in stored)
