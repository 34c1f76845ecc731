"""A real S3-compatible store for tests: SeaweedFS, started once per process of a run and stopped at its end."""

from __future__ import annotations

import atexit
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from connectors.plan import SyncError
from connectors.s3 import Bucket, Keys, Place
from tests.ports import free_port
from tests.waiting import wait_until

BUCKET = "exports"
KEYS = Keys("access-key-of-tests", "secret-key-of-tests")
# May list and read the bucket, and nothing else.
READER = Keys("reader-of-tests", "reader-secret-of-tests")
_IDENTITIES = {
    "identities": [
        {"name": "tests", "credentials": [{"accessKey": KEYS.access_key, "secretKey": KEYS.secret_key}],
         "actions": ["Admin", "Read", "Write", "List"]},
        {"name": "reader", "credentials": [{"accessKey": READER.access_key, "secretKey": READER.secret_key}],
         "actions": [f"Read:{BUCKET}", f"List:{BUCKET}"]},
    ]
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Store:
    """A running store."""

    url: str

    def bucket(self, name: str = BUCKET, keys: Keys = KEYS) -> Bucket:
        """Open a bucket by its path."""
        return Bucket(Place(self.url, "us-east-1", name), keys)


@cache
def store() -> Store:
    """Return the store of this process with an empty bucket `BUCKET`, starting it on the first call (some 3 s)."""
    folder = Path(tempfile.mkdtemp(prefix="patchbay-s3-"))
    (folder / "identities.json").write_text(json.dumps(_IDENTITIES), encoding="utf-8")
    ports = {name: free_port() for name in ("master", "volume", "filer", "s3")}
    grpc = {name: free_port() for name in ports}
    words = [
        str(Path(sys.executable).with_name("weed")), "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
        "-filer", "-s3", f"-s3.config={folder}/identities.json", "-master.telemetry=false", "-volume.max=50",
        "-master.volumeSizeLimitMB=64", "-s3.port.iceberg=0", "-s3.port.lance=0", "-volume.preStopSeconds=0",
        f"-filer.localSocket={folder}/filer.sock", f"-s3.localSocket={folder}/s3.sock",
        *(f"-{name}.port={port}" for name, port in ports.items()),
        *(f"-{name}.port.grpc={port}" for name, port in grpc.items()),
    ]  # fmt: skip
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)

    def stop() -> None:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(stop)
    started = Store(f"http://127.0.0.1:{ports['s3']}")
    try:
        # It elects a leader among its one master, which takes long on a busy machine.
        wait_until(lambda: _makes_bucket(started), seconds=90, what="the S3-compatible store")
    except AssertionError:
        stop()
        raise
    return started


def _makes_bucket(started: Store) -> bool:
    try:
        with started.bucket() as bucket, bucket._answer("PUT", ""):
            return True
    except SyncError:
        return False


def emptied() -> Store:
    """Return the store of this process, its bucket without objects."""
    found = store()
    with found.bucket() as bucket:
        for stored in list(bucket.stored()):
            bucket.delete(stored.key)
        _remove_folders(bucket)
    return found


def _remove_folders(bucket: Bucket, below: str = "") -> None:
    """Remove the folders that the store keeps when everything in them is deleted, the innermost first."""
    for name in list(bucket.folders(below)):
        _remove_folders(bucket, f"{below}{name}/")
        bucket.delete(f"{below}{name}/")
