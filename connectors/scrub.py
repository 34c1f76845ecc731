"""Takes secrets out of what leaves the installation: the known ones in every spelling, and what looks like one.

What is logged and stored has the known values removed already (`connectors.secrets.Redactor`). This is the second net,
for text that people hand on: it also knows other cases and encodings, and it rather hides too much than too little.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any
from urllib.parse import quote, unquote

from connectors.errors import REGISTRY
from connectors.secrets import forms_of

HIDDEN = "[hidden]"
_SHORTEST = 4
# The middle of a shorter value's base64 is so short that ordinary words hold it.
_SHORTEST_ENCODED = 8
# How often letters and digits take turns in something that no person made up.
_TURNS = 4

_NAMES = (
    r"pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?|authorization|"
    r"cookie|signature|session[_-]?id"
)
_SECRET_NAME = re.compile(rf"(?:^|[\W_])(?:{_NAMES})s?(?:$|[\W_])", re.IGNORECASE)
_HAS_SECRET_NAME = re.compile(_NAMES, re.IGNORECASE)
# Names are taken whole and never given back, so that no text of a source keeps this busy for long.
_ASSIGNED = re.compile(r"""(?<![\w.-])(?P<name>[\w.-]++)\\?["']?\s*[:=]\s*""")
_VALUE = re.compile(r""""[^"]*"|'[^']*'|[^\s,;&)\]}]+""")
_QUOTED = re.compile(r"""(?P<before>\b(?:password|identified\s+by)\s+)('[^']*'|"[^"]*")""", re.IGNORECASE)
_IN_ADDRESS = re.compile(r"""(?<=://)(?:[^\s/@:'"<>]*:(?P<password>[^\s'"<>]*)|[^\s/@:'"<>]+)@""")
_SCHEME = re.compile(r"\b(?P<word>bearer|basic)\s+(?=\S*[\d=])[\w.~+/=-]{8,}", re.IGNORECASE)
_LOOKS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|eyJ[\w-]{8,}\.[\w-]+\.[\w-]*"
    r"|\b[srp]k_(?:live|test)_\w{6,}"
    r"|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{10,}|\bxox[abeprs]-[\w-]{10,}"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{12,}|\bAIza[\w-]{20,}",
    re.DOTALL | re.IGNORECASE,
)
# Our own names of pipelines look random and are none.
_RANDOM = re.compile(r"(?<![A-Za-z0-9])(?:pb_[0-9a-f]{32}|[A-Za-z0-9]{16,})(?![A-Za-z0-9])")
_TURN = re.compile(r"(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])")


class Scrubber:
    """Replaces secrets in text by "[hidden]": the `values` it was made with, and whatever looks like one."""

    def __init__(self, values: Iterable[str]) -> None:
        forms = {form.lower() for value in values if len(value) >= _SHORTEST for form in _spellings(value)}
        self._forms = sorted(forms, key=len, reverse=True)

    def text(self, text: str) -> str:
        """Return `text` without secrets."""
        lowered = text.lower()
        for form in self._forms:
            # Looked for before it is replaced: most texts hold none, and there are many forms.
            if form in lowered:
                text = re.sub(re.escape(form), HIDDEN, text, flags=re.IGNORECASE)
                lowered = text.lower()
        text = _LOOKS.sub(HIDDEN, text)
        text = _IN_ADDRESS.sub(f"{HIDDEN}@", text)
        text = _SCHEME.sub(lambda found: f"{found['word']} {HIDDEN}", text)
        text = _QUOTED.sub(lambda found: f"{found['before']}{HIDDEN}", text)
        return _RANDOM.sub(_unless_random, _without_assigned(text))

    def named(self, name: str, text: str) -> str:
        """Return the value of something called `name`: nothing of it where the name says that it is a secret."""
        return HIDDEN if text and is_secret_name(name) else self.text(text)

    def value(self, value: Any) -> Any:
        """Return a value of JSON with every text in it scrubbed, keys included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self.value(held) for key, held in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(held) for held in value]
        return value


def secrets_among(values: Mapping[str, Any]) -> Iterator[str]:
    """Give the secrets that stand among settings that were meant to be plain: by a setting's name, and in addresses."""
    for name, value in values.items():
        if isinstance(value, str):
            if is_secret_name(name):
                yield value
            for found in _IN_ADDRESS.finditer(value):
                if password := found["password"]:
                    yield from (password, unquote(password))


def is_secret_name(name: str) -> bool:
    """Whether a setting of this name holds a secret, as far as its name tells."""
    return bool(_SECRET_NAME.search(name))


def _without_assigned(text: str) -> str:
    """Replace the values of what has a secret's name: password=…, "api_key": "…"."""
    pieces, end = [], 0
    for found in _ASSIGNED.finditer(text):
        # "invalid_credentials: …" in a log is a code and its explanation.
        is_secret = found["name"] not in REGISTRY and _HAS_SECRET_NAME.search(found["name"])
        value = _VALUE.match(text, found.end()) if is_secret and found.start() >= end else None
        if value:
            pieces += [text[end : value.start()], HIDDEN]
            end = value.end()
    return "".join([*pieces, text[end:]])


def _unless_random(found: re.Match[str]) -> str:
    word = found[0]
    is_ours = word.startswith("pb_")
    return HIDDEN if not is_ours and len(_TURN.findall(word)) >= _TURNS else word


def _spellings(value: str) -> Iterator[str]:
    yield from forms_of(value)
    yield escape(value)
    data = value.encode()
    yield data.hex()
    if len(data) < _SHORTEST_ENCODED:
        return
    # The letters of base64 depend on how many bytes stand before: the part that does not, for each of three places.
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + data).decode().rstrip("=")
        cut = whole[(0, 2, 3)[before] : (before + len(data)) * 8 // 6]
        yield from (cut, quote(cut, safe=""), cut.replace("+", "-").replace("/", "_"))
