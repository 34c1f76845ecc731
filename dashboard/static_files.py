"""Static files as they are served: hashed, compressed, and all stylesheets as one.

In the repository each component has a stylesheet of its own. A page that links dozens of them waits for dozens of
answers, and small files compress badly, so collecting joins them in the order of `templates/ui/styles.html`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from whitenoise.storage import CompressedManifestStaticFilesStorage

BUNDLE = "css/patchbay.css"
_LINKS = "templates/ui/styles.html"


@lru_cache(maxsize=1)
def stylesheets() -> tuple[str, ...]:
    """Return the names of the stylesheets in the order of their links, which is the order of the cascade."""
    text = (Path(settings.BASE_DIR) / _LINKS).read_text(encoding="utf-8")
    return tuple(re.findall(r'{% static "([^"]+\.css)" %}', text))


def bundle_url() -> str:
    """Return the address of all stylesheets as one file, empty where nothing was collected (development, tests)."""
    if settings.DEBUG or BUNDLE not in getattr(staticfiles_storage, "hashed_files", ()):
        return ""
    return staticfiles_storage.url(BUNDLE)


class BundlingStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise ships no types
    """WhiteNoise's storage, which hashes and compresses one file more: `BUNDLE`."""

    def post_process(
        self, paths: dict[str, tuple[Storage, str]], *, dry_run: bool = False, **options: Any
    ) -> Iterator[tuple[str, str, bool]]:
        """Join the collected stylesheets, then yield name, hashed name and whether it was processed, of each file."""
        if not dry_run:
            self._join(paths)
        yield from super().post_process(paths, dry_run=dry_run, **options)

    def _join(self, paths: dict[str, tuple[Storage, str]]) -> None:
        parts = []
        for name in stylesheets():
            storage, path = paths[name]
            with storage.open(path) as file:
                parts.append(file.read())
        self.delete(BUNDLE)
        self.save(BUNDLE, ContentFile(b"\n".join(parts)))
        paths[BUNDLE] = (self, BUNDLE)
