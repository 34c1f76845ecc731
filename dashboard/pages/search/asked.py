"""What somebody typed or pasted into the search box: which ID it holds, which words, and which of our addresses.

IDs come out of tickets, chats and logs: in capitals, in quotes, cut off with dots, without hyphens, in the middle of a
sentence or of an address.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit, urlunsplit
from uuid import UUID

from django.urls import Resolver404, resolve

from connectors.ids import ids_beginning
from dashboard.access import VIEWS

# A name is shorter, and so is an address with an ID in it.
MOST_LETTERS = 500
# One letter names nothing.
FEWEST_LETTERS = 2
_AROUND = " \t\r\n\"'`“”„\u2018\u2019«»<>(){}[].,;:!?…*_"
_ID_IN_TEXT = re.compile(r"(?<![0-9a-z])[0-9a-f]{8}(?:-?[0-9a-f]+)*(?![0-9a-z])")
# What a person reads, as opposed to a part of a page or a file.
_NO_PAGES = frozenset({"connections:csv", "connections:json", "system:alarm", "search"})


@dataclass(frozen=True, slots=True)
class Asked:
    """A question: its text, the ID it holds, whole or its `beginning`, and the `address` of ours that was pasted.

    `ids` are the lowest and the highest ID that are meant.
    """

    text: str = ""
    ids: tuple[UUID, UUID] | None = None
    beginning: str = ""
    address: str = ""

    @property
    def lower(self) -> str:
        """The text as names are stored."""
        return self.text.lower()

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the text, each of which a name must hold."""
        return tuple(self.lower.split())

    @property
    def is_empty(self) -> bool:
        """Whether there is too little to look for."""
        return len(self.text) < FEWEST_LETTERS

    @property
    def is_whole(self) -> bool:
        """Whether the ID is given whole."""
        return self.ids is not None and self.ids[0] == self.ids[1]


def asked_of(typed: str) -> Asked:
    """Read what was typed: cleaned of what stands around it."""
    clean = re.sub(r"[\x00-\x1f\x7f]+", " ", typed[:MOST_LETTERS])
    text = " ".join(clean.strip(_AROUND).split())
    address = _address(clean.strip(" \"'`<>()"))
    beginning = _beginning(urlsplit(address).path if address else text)
    return Asked(text, ids_beginning(beginning) if beginning else None, beginning, address)


def _beginning(text: str) -> str:
    """Return the ID, or its beginning, that `text` is or holds, the last one of an address; empty without one."""
    lower = unquote(text).lower()
    joined = "".join(lower.split())
    if ids_beginning(joined):
        return joined
    found = [one for one in _ID_IN_TEXT.findall(lower) if ids_beginning(one) and re.search("[0-9]", one)]
    return found[-1] if found else ""


def _address(text: str) -> str:
    """Return the local part of an address of ours that everybody may read, empty where it is none.

    The host is not compared: Patchbay may be known by several.
    """
    if "/" not in text or " " in text:
        return ""
    try:
        parts = urlsplit(text)
        view = resolve(unquote(parts.path)).view_name
    except (Resolver404, ValueError):
        return ""
    if view in _NO_PAGES or VIEWS.get(view, {}).get("GET") != "see":
        return ""
    return urlunsplit(("", "", parts.path, parts.query, parts.fragment))
