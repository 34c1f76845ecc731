"""Filters of a list as chips: what is set, and the choices there are, each with the address that it leads to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Choice:
    """One option of a filter: its words, the address with it added or taken away, and whether it is set."""

    label: str
    href: str
    is_set: bool


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter: the values that are set, with the address without them, and the choices there are."""

    name: str
    label: str
    value: str
    href: str
    choices: tuple[Choice, ...]
