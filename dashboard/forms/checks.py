"""What a typed web address must look like, with a sentence for each way in which it does not."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError


def check_web_address(value: str) -> None:
    """Refuse what is not an address that begins with https:// or http://. Raises `ValidationError`."""
    if re.search(r"\s", value):
        message = "A web address has no spaces in it."
        raise ValidationError(message)
    try:
        parts = urlsplit(value)
        is_whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole:
        message = "A web address begins with https:// or http:// and names a server."
        raise ValidationError(message)
