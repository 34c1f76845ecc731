"""Places with files that tests write to and that providers read: a folder, a bucket, a folder of a server."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from connectors.plan import Endpoint
from tests.s3 import BUCKET, READER, store
from tests.sftp import PASSWORD, USER, SftpServer


class PlaceOfFiles(Protocol):
    """Where a test puts files, and how a provider is told to read them."""

    kind: str

    def put(self, path: str, content: bytes | str) -> None:
        """Write a file, or write it anew; its time is then another one."""

    def remove(self, path: str) -> None:
        """Take a file away."""

    def endpoint(self, **config: str) -> Endpoint:
        """Return the place as a connection names it."""


@dataclass
class FolderOfFiles:
    """Files in a folder; each file that is put is a second younger than the one before."""

    root: Path
    kind: str = "files_folder"
    clock: int = 1_700_000_000

    def put(self, path: str, content: bytes | str) -> None:
        whole = self.root / path
        whole.parent.mkdir(parents=True, exist_ok=True)
        whole.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.clock += 1
        os.utime(whole, (self.clock, self.clock))

    def remove(self, path: str) -> None:
        (self.root / path).unlink()

    def endpoint(self, **config: str) -> Endpoint:
        return Endpoint(self.kind, {"folder": str(self.root), **config})


@dataclass
class ServerOfFiles(FolderOfFiles):
    """Files on an SFTP server."""

    server: SftpServer | None = None
    kind: str = "files_sftp"

    def endpoint(self, **config: str) -> Endpoint:
        assert self.server is not None
        where = {"host": "127.0.0.1", "port": str(self.server.port), "user": USER, "folder": f"/{self.root.name}"}
        return Endpoint(self.kind, {**where, "host_key": self.server.fingerprint, **config}, {"password": PASSWORD})


class BucketOfFiles:
    """Files in a bucket, read by a user that may only read."""

    kind = "files_s3"

    def __init__(self) -> None:
        self._store = store()
        # The store keeps a folder when its last file goes.
        self._prefix = uuid4().hex

    def put(self, path: str, content: bytes | str) -> None:
        with tempfile.NamedTemporaryFile() as file, self._store.bucket() as bucket:
            file.write(content if isinstance(content, bytes) else content.encode())
            file.flush()
            bucket.put(f"{self._prefix}/{path}", Path(file.name))

    def remove(self, path: str) -> None:
        with self._store.bucket() as bucket:
            bucket.delete(f"{self._prefix}/{path}")

    def endpoint(self, **config: str) -> Endpoint:
        where = {"endpoint": self._store.url, "bucket": BUCKET, "prefix": self._prefix, "access_key": READER.access_key}
        return Endpoint(self.kind, {**where, **config}, {"secret_key": READER.secret_key})
