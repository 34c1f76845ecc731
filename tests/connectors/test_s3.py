"""The client of S3-compatible stores, against a real one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.plan import SyncError
from connectors.s3 import Bucket, Keys, Place, address_of, signature
from tests.s3 import BUCKET, READER, Store, emptied

# Names that a signature or an address could get wrong.
ODD_KEYS = ["a b+c&d=e.csv", "folder/ü%20ß.csv", "folder/it's (1)~[x]!*.csv", "folder/deeper/x.csv", "zz;,:@$.csv"]


@pytest.fixture(scope="module")
def running() -> Store:
    return emptied()


@pytest.fixture
def bucket(running: Store) -> Iterator[Bucket]:
    with running.bucket() as opened:
        yield opened


def test_requests_are_signed_as_the_documentation_shows() -> None:
    keys = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    made = signature(
        "GET",
        "https://examplebucket.s3.amazonaws.com/",
        "max-keys=2&prefix=J",
        keys,
        region="us-east-1",
        digest="e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        now=datetime(2013, 5, 24, tzinfo=UTC),
    )

    assert made["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
        "SignedHeaders=host;x-amz-content-sha256;x-amz-date,"
        "Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
    )


def test_what_is_put_is_listed_and_fetched_as_it_was(bucket: Bucket, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    for number, key in enumerate(ODD_KEYS):
        source.write_bytes(bytes(range(256)) * 5000 * number)
        bucket.put(key, source)

    found = {stored.key: stored for stored in bucket.stored()}

    assert sorted(found) == sorted(ODD_KEYS)
    assert list(bucket.folders()) == ["folder"]
    assert list(bucket.folders("folder/")) == ["deeper"]
    assert {stored.key for stored in bucket.stored("folder/")} == {key for key in ODD_KEYS if key.startswith("folder/")}
    seen: list[int] = []
    for number, key in enumerate(ODD_KEYS):
        bucket.fetch(found[key], target, passed=seen.append)
        assert target.read_bytes() == bytes(range(256)) * 5000 * number
        assert found[key].size == 256 * 5000 * number
    assert seen[-1] == 256 * 5000 * 4
    for key in ODD_KEYS:
        bucket.delete(key)
    bucket.delete("never there")
    assert list(bucket.stored()) == []


def test_a_list_goes_over_pages(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x")
    keys = [f"many/{number}" for number in range(5)]
    for key in keys:
        bucket.put(key, source)
    ask = bucket._page
    monkeypatch.setattr(bucket, "_page", lambda query: ask({**query, "max-keys": "2"}))

    assert [stored.key for stored in bucket.stored("many/")] == keys


def test_an_object_that_was_replaced_or_removed_since_is_not_read(bucket: Bucket, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"before")
    bucket.put("moving", source)
    stored = next(bucket.stored("moving"))
    source.write_bytes(b"after!")
    bucket.put("moving", source)

    for _ in range(2):
        with pytest.raises(SyncError) as refused:
            bucket.fetch(stored, target)
        assert refused.value.code == "file_changed"
        bucket.delete("moving")


@pytest.mark.parametrize(
    ("keys", "name", "code"),
    [
        (Keys("unknown", "no-secret-of-theirs"), BUCKET, "invalid_credentials"),
        (Keys(READER.access_key, "no-secret-of-theirs"), BUCKET, "invalid_credentials"),
        (READER, "other", "insufficient_permissions"),
    ],
)
def test_refusals_have_codes(running: Store, keys: Keys, name: str, code: str) -> None:
    with running.bucket(name, keys) as bucket, pytest.raises(SyncError) as refused:
        bucket.check()

    assert refused.value.code == code
    assert keys.secret_key not in refused.value.detail


def test_a_bucket_that_is_not_there_is_named(running: Store) -> None:
    with running.bucket("nowhere") as bucket, pytest.raises(SyncError) as refused:
        bucket.check()

    assert (refused.value.code, refused.value.detail) == (
        "misconfigured", "404 NoSuchBucket: There is no bucket “nowhere”.",
    )  # fmt: skip


def test_who_may_only_read_cannot_write(running: Store, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x")
    with running.bucket(keys=READER) as bucket:
        bucket.check()
        with pytest.raises(SyncError) as refused:
            bucket.put("new", source)

    assert refused.value.code == "insufficient_permissions"


def test_the_bucket_stands_in_the_path_or_before_the_host() -> None:
    assert address_of(Place("https://s3.example.com", "eu-1", "exports")) == "https://s3.example.com/exports"
    assert address_of(Place("https://s3.example.com:9000/", "eu-1", "exports", is_path_style=False)) == (
        "https://exports.s3.example.com:9000"
    )
    with pytest.raises(SyncError, match="is no name of a bucket"):
        address_of(Place("https://s3.example.com", "eu-1", "a/b"))
