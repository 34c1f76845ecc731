"""Paths into an answer, such as `data.items[*]`: names, `[0]` for a place in a list, `[*]` for all of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

_ALL = "*"
_STEP = re.compile(r"""\.?(?P<name>[^.\[\]"]+)|\[(?P<place>\d{1,9}|\*)\]|\["(?P<quoted>[^"\]]+)"\]""")
Steps = tuple[str | int, ...]


class _All(str):
    """The step that means every value of a list."""

    __slots__ = ()


ALL = _All(_ALL)


@lru_cache(maxsize=1024)
def steps_of(path: str) -> Steps:
    """Return the steps of a path; none for the answer itself, which is written as nothing or “$”.

    Raises `ValueError` with a sentence for a path that cannot be read.
    """
    text = path.strip().removeprefix("$")
    steps: list[str | int] = []
    end = 0
    for found in _STEP.finditer(text):
        if found.start() != end:
            break
        end = found.end()
        if found["place"]:
            steps.append(ALL if found["place"] == _ALL else int(found["place"]))
        else:
            steps.append(found["quoted"] or found["name"].strip())
    if end != len(text) or "" in steps:
        message = f"“{path}” cannot be read from “{text[end:]}” on. A path looks like data.items or data[*].user."
        raise ValueError(message)
    return tuple(steps)


def find(value: Any, steps: Sequence[str | int]) -> Iterator[Any]:
    """Give every value that the steps lead to: none, one, or several where they hold `[*]`."""
    for number, step in enumerate(steps):
        if isinstance(step, _All):
            if isinstance(value, list):
                for one in value:
                    yield from find(one, steps[number + 1 :])
            return
        if isinstance(step, int):
            if not isinstance(value, list) or step >= len(value):
                return
            value = value[step]
        elif isinstance(value, dict) and step in value:
            value = value[step]
        else:
            return
    yield value


def first(value: Any, path: str) -> Any:
    """Return the first value that a path leads to, None where it leads to nothing."""
    return next(find(value, steps_of(path)), None)


def lists_in(value: Any, *, deepest: int = 4) -> Iterator[tuple[str, int]]:
    """Give the paths of lists of objects in an answer with their lengths: where records may be."""
    waiting: list[tuple[str, Any, int]] = [("", value, 0)]
    while waiting:
        path, one, depth = waiting.pop(0)
        if isinstance(one, list):
            if one and all(isinstance(held, dict) for held in one):
                yield path, len(one)
        elif isinstance(one, dict) and depth < deepest:
            waiting += [(f"{path}.{name}".lstrip("."), held, depth + 1) for name, held in one.items()]
