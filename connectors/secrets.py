"""Credentials at rest and in memory: encrypted, bound to their row, never shown.

Each value is sealed with AES-256-GCM under the first key of the ring; the associated data names the record
and field it belongs to, so a sealed value that is moved to another row does not open. Format of the stored bytes:
version (1 byte), key id (4 bytes: the first of the key's SHA-256), nonce (12 bytes), ciphertext with tag.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import quote, quote_plus

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

_VERSION = b"\x01"
_KEY_BYTES = 32
_HIDDEN = "[hidden]"
_SHORTEST_HIDDEN = 4
_PERCENT = re.compile(r"%[0-9A-F]{2}")


class UnreadableSecretError(Exception):
    """A stored credential opens with none of the keys in the ring, or belongs to another record."""


@lru_cache
def _ring(encoded_keys: tuple[str, ...]) -> dict[bytes, AESGCM]:
    ring: dict[bytes, AESGCM] = {}
    for encoded in encoded_keys:
        key = base64.urlsafe_b64decode(encoded)
        if len(key) != _KEY_BYTES:
            message = "PATCHBAY_ENCRYPTION_KEYS holds a key that is not 32 bytes in URL-safe base64."
            raise ImproperlyConfigured(message)
        ring[hashlib.sha256(key).digest()[:4]] = AESGCM(key)
    if not ring:
        message = "PATCHBAY_ENCRYPTION_KEYS is empty: credentials cannot be stored or read."
        raise ImproperlyConfigured(message)
    return ring


def key_ids() -> tuple[bytes, ...]:
    """Return the ids of the ring's keys as sealed values carry them, the one that seals first.

    Raises `ImproperlyConfigured` when there is no usable key.
    """
    return tuple(_ring(tuple(settings.PATCHBAY_ENCRYPTION_KEYS)))


def seal(values: Mapping[str, str], *, owner: str) -> bytes:
    """Encrypt `values` for the record `owner` (such as "connection:0197…").

    Returns the bytes to store. Raises `ImproperlyConfigured` when there is no usable key.
    """
    ring = _ring(tuple(settings.PATCHBAY_ENCRYPTION_KEYS))
    key_id, cipher = next(iter(ring.items()))
    nonce = os.urandom(12)
    sealed = cipher.encrypt(nonce, json.dumps(dict(values)).encode(), owner.encode())
    return _VERSION + key_id + nonce + sealed


def unseal(stored: bytes | memoryview | None, *, owner: str) -> dict[str, str]:
    """Decrypt what `seal` made for the same `owner`; an empty value gives an empty dict.

    Raises `UnreadableSecretError` when no key of the ring opens it.
    """
    data = bytes(stored or b"")
    if not data:
        return {}
    cipher = _ring(tuple(settings.PATCHBAY_ENCRYPTION_KEYS)).get(data[1:5])
    if data[:1] != _VERSION or cipher is None:
        message = f"The credentials of {owner} were stored with a key that is not in PATCHBAY_ENCRYPTION_KEYS."
        raise UnreadableSecretError(message)
    try:
        opened = cipher.decrypt(data[5:17], data[17:], owner.encode())
    except (InvalidTag, ValueError) as error:
        # ValueError: so much is cut off that not even the nonce is whole.
        message = f"The stored credentials of {owner} are damaged or belong to another record."
        raise UnreadableSecretError(message) from error
    values: dict[str, str] = json.loads(opened)
    return values


class Redactor:
    """Removes known secret values from text. Built from the values of one job, used on all it says."""

    def __init__(self, values: Iterable[str]) -> None:
        kept = {value for value in values if len(value) >= _SHORTEST_HIDDEN}
        self._values = sorted({form for value in kept for form in forms_of(value)}, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Return `text` with each known value, plain or written as in a URL, JSON, Python or libpq, replaced."""
        for value in self._values:
            text = text.replace(value, _HIDDEN)
        return text


def forms_of(value: str) -> set[str]:
    """Return how a value may stand in an error's text: libraries quote what they repeat, each in its own way."""
    in_urls = {quote(value, safe=""), quote(value), quote_plus(value)}
    return {
        value,
        *in_urls,
        *(_PERCENT.sub(lambda found: found[0].lower(), form) for form in in_urls),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        repr(value)[1:-1],
        value.replace("\\", "\\\\").replace("'", "\\'"),
    }
