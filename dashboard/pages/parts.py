"""Pages that live in parts: each part is rendered alone, and a poll answers with the parts that changed.

The version of a page is the list of its parts' versions. The browser sends it back as `If-None-Match`, so an
unchanged page costs an empty 304 and a changed one costs the changed parts; nothing else on the page is touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from django.template.loader import get_template
from django.utils.http import parse_etags

_SEPARATOR = "."


@dataclass(frozen=True, slots=True)
class Part:
    """One living part: the text inside of the element `id`, and its version."""

    id: str
    html: str
    version: str


def render_parts(folder: str, names: Sequence[str], context: Mapping[str, Any]) -> tuple[Part, ...]:
    """Render `<folder>/<name>.html` for each name; the part's element has the id `<folder's first word>-<name>`.

    The context processors do not run, so that a part holds nothing of the request (a CSRF token would change it
    every time): forms stand outside of parts, their buttons may stand inside.
    """
    prefix = folder.partition("/")[0].removesuffix("s")
    values = dict(context)
    return tuple(_part(f"{prefix}-{name}", get_template(f"{folder}/{name}.html").render(values)) for name in names)


def version_of(parts: Sequence[Part], extra: str) -> str:
    """Return the version of a page: `extra` (what lives besides its parts), then each part's own."""
    return _SEPARATOR.join([extra, *(part.version for part in parts)])


def changed(parts: Sequence[Part], if_none_match: str) -> tuple[Part, ...]:
    """Return the parts that the sender of `If-None-Match` does not have; all of them if that cannot be told."""
    for tag in parse_etags(if_none_match):
        known = tag.removeprefix("W/").strip('"').split(_SEPARATOR)[1:]
        if len(known) == len(parts):
            return tuple(part for part, version in zip(parts, known, strict=True) if part.version != version)
    return tuple(parts)


def _part(element_id: str, html: str) -> Part:
    return Part(element_id, html, blake2b(html.encode(), digest_size=4).hexdigest())
