"""What a job runs with: the versions of this program, of what moves the data, and of the provider's own package."""

from __future__ import annotations

import platform
from functools import lru_cache
from importlib.metadata import version

from django.conf import settings

from connectors.providers import registry


def versions_of(provider: str) -> dict[str, str]:
    """Return the versions that a run of this provider depends on, by the name of each.

    An unknown provider, of a connection that an older version made, has none of its own.
    """
    own = {"provider": registry.version(provider)} if provider in registry.kinds() else {}
    return {**_installed(), **own}


@lru_cache(maxsize=1)
def _installed() -> dict[str, str]:
    """Read once: what this process has loaded does not change any more."""
    return {"patchbay": settings.VERSION, "python": platform.python_version(), "dlt": version("dlt")}
