"""Files in a bucket of an S3-compatible store, below a prefix."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connectors.file_sources.stores import Passed, StoredFile
from connectors.plan import Endpoint, SyncError
from connectors.s3 import Bucket, Keys, Place, Stored

AMAZON = "https://s3.{region}.amazonaws.com"
IN_PATH, BEFORE_HOST = "path", "host"


def place_of(endpoint: Endpoint) -> Place:
    """Return the bucket that the settings name."""
    config = endpoint.config
    region = str(config.get("region") or "us-east-1")
    url = str(config.get("endpoint") or AMAZON.format(region=region))
    return Place(url, region, str(config.get("bucket") or ""), config.get("addressing", IN_PATH) == IN_PATH)


@contextmanager
def opened(endpoint: Endpoint) -> Iterator[Objects]:
    """Open the bucket. Raises `SyncError`."""
    keys = Keys(str(endpoint.config.get("access_key") or ""), endpoint.secrets.get("secret_key", ""))
    if not keys.access_key or not keys.secret_key:
        raise SyncError("invalid_credentials", "Access key and secret key are needed.")
    prefix = str(endpoint.config.get("prefix") or "").strip("/")
    with Bucket(place_of(endpoint), keys) as bucket:
        yield Objects(bucket, f"{prefix}/" if prefix else "")


class Objects:
    """The objects below a prefix, as files."""

    def __init__(self, bucket: Bucket, prefix: str) -> None:
        self._bucket, self._prefix = bucket, prefix

    def files(self, folder: str) -> Iterator[StoredFile]:
        """Yield the objects below; what stands for a folder is none."""
        self._bucket.check()
        for found in self._bucket.stored(self._prefix + (f"{folder}/" if folder else "")):
            path = found.key.removeprefix(self._prefix)
            if not found.key.endswith("/") and not any(part.startswith((".", "_")) for part in path.split("/")):
                yield StoredFile(path, found.size, found.modified, found.tag)

    def folders(self) -> list[str]:
        """Return the folders directly below the prefix."""
        self._bucket.check()
        return [name for name in self._bucket.folders(self._prefix) if not name.startswith((".", "_"))]

    def read(self, file: StoredFile, start: int, length: int) -> bytes:
        """Return some bytes of an object."""
        return self._bucket.read_part(self._stored(file), start, length)

    def fetch(self, file: StoredFile, target: Path, passed: Passed) -> None:
        """Write an object to `target` as it was listed."""
        self._bucket.fetch(self._stored(file), target, passed=passed)

    def _stored(self, file: StoredFile) -> Stored:
        return Stored(self._prefix + file.path, file.size, file.modified, file.tag)
