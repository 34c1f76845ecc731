"""Takes values out of a document one by one, and collects what is wrong with them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from connectors.providers.rest_api.declaration import Place, Problem, pairs_in

_LONGEST_TEXT = 2000


class Reader:
    """One object of a document. `problems` are shared by all parts of the document; names that were read are known."""

    def __init__(self, values: Any, place: Place = (), problems: list[Problem] | None = None) -> None:
        self.problems: list[Problem] = [] if problems is None else problems
        self._place = place
        self._known: set[str] = set()
        self._values: Mapping[str, Any] = values if isinstance(values, Mapping) else {}
        if not isinstance(values, Mapping):
            self.problem((), f"Here belongs an object with names and values, not {_kind(values)}.")

    def problem(self, place: Place, text: str) -> None:
        """Note that something at `place`, seen from here, is wrong."""
        self.problems.append(Problem((*self._place, *place), text))

    def text(self, name: str, *, default: str = "", needed: str = "") -> str:
        """Return a text without blanks at its ends. `needed` is what is said where it is missing."""
        value = self._take(name)
        if isinstance(value, bool) or not isinstance(value, str | int | float | None):
            self.problem((name,), f"Here belongs a text, not {_kind(value)}.")
            return default
        found = "" if value is None else str(value).strip()
        if len(found) > _LONGEST_TEXT or "\x00" in found:
            self.problem((name,), f"This is no text that can be used: at most {_LONGEST_TEXT} characters, none is NUL.")
            return default
        if not found and needed:
            self.problem((name,), needed)
        return found or default

    def choice(self, name: str, offered: Collection[str], *, default: str) -> str:
        """Return one of what is offered."""
        found = self.text(name, default=default)
        if found not in offered:
            self.problem((name,), f"“{found}” is not known. There are {', '.join(offered)}.")
            return default
        return found

    def whole(self, name: str, *, default: int, lowest: int, highest: int) -> int:
        """Return a whole number between two bounds."""
        text = self.text(name, default=str(default))
        if not text.lstrip("-").isascii() or not text.lstrip("-").isdigit() or not lowest <= int(text) <= highest:
            self.problem((name,), f"Here belongs a whole number from {lowest:,} to {highest:,}, not “{text}”.")
            return default
        return int(text)

    def number(self, name: str, *, default: float, highest: float) -> float:
        """Return a number from 0 on."""
        text = self.text(name, default=str(default))
        try:
            found = float(text)
        except ValueError:
            found = -1
        if not 0 <= found <= highest:
            self.problem((name,), f"Here belongs a number from 0 to {highest:,.0f}, not “{text}”.")
            return default
        return found

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts, also where they are one text with commas."""
        value = self._take(name)
        listed = value.split(",") if isinstance(value, str) else [] if value is None else value
        if not isinstance(listed, list) or not all(isinstance(one, str | int) for one in listed):
            self.problem((name,), f"Here belongs a list of texts, not {_kind(value)}.")
            return ()
        return tuple(dict.fromkeys(text for one in listed if (text := str(one).strip())))

    def pairs(self, name: str) -> dict[str, str]:
        """Return an object whose values are texts; it may be a list of lines, which keep their order."""
        value = self._take(name)
        if not value:
            return {}
        if isinstance(value, list) and all(isinstance(line, str) for line in value):
            value = pairs_in(value)
        part = Reader(value, (*self._place, name), self.problems)
        return {str(one): part.text(one) for one in part._values}

    def part(self, name: str) -> Reader | None:
        """Return an object inside, None where there is none."""
        value = self._take(name)
        return Reader(value, (*self._place, name), self.problems) if value else None

    def parts(self, name: str, *, most: int) -> list[Reader]:
        """Return the objects of a list inside."""
        value = self._take(name) or []
        if not isinstance(value, list):
            self.problem((name,), f"Here belongs a list, not {_kind(value)}.")
            return []
        if len(value) > most:
            self.problem((name,), f"These are {len(value):,}; there can be {most} at most.")
        return [Reader(one, (*self._place, name, number), self.problems) for number, one in enumerate(value[:most])]

    def refuse_others(self) -> None:
        """Note every name that nobody asked for: it is misspelt, and what it says would be lost."""
        for name in self._values:
            if name not in self._known:
                self.problem((str(name),), f"“{name}” is not known here. There are {', '.join(sorted(self._known))}.")

    def _take(self, name: str) -> Any:
        self._known.add(name)
        return self._values.get(name)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "a switch"
    if isinstance(value, Mapping):
        return "an object"
    return {list: "a list", str: "a text", int: "a number", float: "a number"}.get(type(value), "nothing")
