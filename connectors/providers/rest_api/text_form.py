"""A declaration as text, for who would rather write it: YAML, of which JSON is a part.

Texts stay as they are written: no date, number or switch is made of them here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from connectors.providers.rest_api.declaration import DeclarationError, Place, Problem, pairs_in

LONGEST_TEXT = 200_000
_DEEPEST = 12
_ORDER = (
    "headers", "requests_per_second", "most_pages", "most_megabytes", "pagination", "entities",
    "name", "parent", "parents", "path", "records", "key", "id", "kind", "param", "cursor", "format", "size_param",
    "size", "params", "incremental", "fields", "resources",
)  # fmt: skip


def write(document: Mapping[str, Any]) -> str:
    """Return a document as YAML, in the order in which it is read best."""
    shown = _in_order(document)
    return yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=120) if shown else ""


def parse(text: str) -> tuple[dict[str, Any], Mapping[Place, int]]:
    """Return the document of a text, and the line (from 1) at which each of its parts stands.

    Raises `DeclarationError` with the line where it is neither YAML nor JSON.
    """
    if len(text) > LONGEST_TEXT:
        raise _refusal(f"This text has {len(text):,} characters; there can be {LONGEST_TEXT:,} at most.")
    try:
        # The safe loader makes plain values only, and of these only the tree of nodes is used.
        node = yaml.compose(text.replace("\t", "  "), Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"Line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise _refusal(f"{where}this is neither YAML nor JSON: {error.problem or error.context}.") from None
    except (yaml.YAMLError, RecursionError):
        raise _refusal("This is neither YAML nor JSON.") from None
    if node is None:
        return {}, {}
    lines: dict[Place, int] = {}
    found = _value(node, (), lines, set())
    if not isinstance(found, dict):
        raise _refusal("Line 1: a declaration is an object with names and values, such as “resources:”.")
    return found, lines


def with_lines(problems: tuple[Problem, ...], lines: Mapping[Place, int]) -> tuple[Problem, ...]:
    """Return the problems with the line at which each stands, or the next one around it."""
    return tuple(Problem((), f"Line {_line(one.place, lines)}, {one}") for one in problems)


def _in_order(value: Any) -> Any:
    """Return a part of a document with its names in order: those of lists last, the more telling ones first."""
    if isinstance(value, list):
        return [_in_order(one) for one in value]
    if not isinstance(value, Mapping):
        return value
    names = sorted(value, key=lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER))
    return {
        name: pairs_in(value[name]) if name == "fields" and isinstance(value[name], list) else _in_order(value[name])
        for name in names
    }


def _line(place: Place, lines: Mapping[Place, int]) -> int:
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place, 1)


def _value(node: yaml.Node, place: Place, lines: dict[Place, int], seen: set[int]) -> Any:
    line = node.start_mark.line + 1
    lines.setdefault(place, line)
    if id(node) in seen:
        raise _refusal(f"Line {line}: anchors and aliases (“&” and “*”) are not used here. Write it out.")
    seen.add(id(node))
    if len(place) > _DEEPEST:
        raise _refusal(f"Line {line}: this is nested too deeply.")
    if isinstance(node, yaml.ScalarNode):
        is_nothing = node.style is None and node.value in {"", "~", "null"}
        return None if is_nothing else node.value
    if isinstance(node, yaml.SequenceNode):
        return [_value(one, (*place, number), lines, seen) for number, one in enumerate(node.value)]
    found: dict[str, Any] = {}
    for key, value in node.value:
        name = str(key.value)
        if name in found:
            raise _refusal(f"Line {key.start_mark.line + 1}: “{name}” stands here twice.")
        lines[(*place, name)] = key.start_mark.line + 1
        found[name] = _value(value, (*place, name), lines, seen)
    return found


def _refusal(text: str) -> DeclarationError:
    return DeclarationError((Problem((), text),))
