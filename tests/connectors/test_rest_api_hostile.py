"""APIs that lie, flood and stall: a clear code each, nothing half-loaded, and no more memory than a page may take."""

from __future__ import annotations

import gzip
import json
import os
import resource as usage
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import psycopg
import pytest

from connectors.plan import Endpoint, SyncError, TablePlan
from connectors.providers.rest_api import answers
from connectors.providers.rest_api.reader import open_reader
from tests.connectors.answering import Answer, Asked, answering
from tests.connectors.recorder import Route

MEGABYTE = 1024 * 1024
GOOD = [{"id": number, "name": f"thing {number}"} for number in range(1, 4)]
DECLARED: dict[str, Any] = {
    "pagination": {"kind": "page", "param": "page"},
    "resources": [{"name": "things", "path": "/things", "key": ["id"], "fields": ["id: bigint", "name: text"]}],
}
PLAN = TablePlan("things", keys=("id",))


def of(how: Callable[[], Any]) -> Callable[[Asked], Answer]:
    """Answer with a good page first, then with what `how` makes."""

    def answer(asked: Asked) -> Answer:
        if asked.params["page"] == "1":
            return Answer(GOOD)
        found = how()
        return found if isinstance(found, Answer) else Answer(found)

    return answer


def endpoint(url: str, declared: dict[str, Any] = DECLARED) -> Endpoint:
    return Endpoint("rest_api", {"base_url": url, "auth": "none", "declaration": declared})


def pieces(first: bytes, each: bytes, count: int) -> Iterator[bytes]:
    yield first
    for _ in range(count):
        yield each


def bomb() -> Answer:
    """Two hundred megabytes of blanks before a list, as a few hundred kilobytes."""
    return Answer(packed(), headers={"Content-Encoding": "gzip"})


@lru_cache
def packed() -> bytes:
    return gzip.compress(b" " * (200 * MEGABYTE) + b"[]", compresslevel=1)


def flood() -> Answer:
    return Answer(pieces(b"[", b" " * MEGABYTE, 200))


def wide() -> list[dict[str, Any]]:
    return [{"id": 9, **{f"field_{number}": number for number in range(5_000)}}]


HOSTILE: dict[str, tuple[Callable[[], Any], str, str]] = {
    "200 MB": (flood, "misconfigured", "The answer is larger than 20 MB."),
    "bomb": (bomb, "misconfigured", "The answer is larger than 20 MB."),
    "web page": (lambda: Answer(b"<!DOCTYPE html><p>Sign in", headers={"Content-Type": "text/html"}), "misconfigured",
                 "The answer is a web page and not JSON"),
    "no JSON": (lambda: Answer(b'[{"id": 4, "name": '), "bad_record", "The answer is not valid JSON"),
    "NaN": (lambda: Answer(b'[{"id": NaN}]'), "bad_record", "The answer is not valid JSON"),
    "half a character": (lambda: Answer(b'[{"id": 4, "name": "\\ud83e"}]'), "bad_record", "not valid JSON"),
    "deep": (lambda: Answer(b"[" * 100_000 + b"]" * 100_000), "bad_record", "The answer is not valid JSON"),
    "NUL": (lambda: [{"id": 4, "name": "a\x00b"}], "bad_record", "things, page 2, record 1: “name” holds a NUL"),
    "no key": (lambda: [{"name": "nobody"}], "bad_record", "A record of things has no “id”"),
    "a number too long": (lambda: [{"id": 2**63}], "bad_record", "“id” is a whole number of more than 64 bits"),
    "lists in lists": (lambda: [[1], [2]], "bad_record", "leads to lists inside of lists"),
    "an error in JSON": (lambda: Answer({"error": {"message": "Broken"}}, 500), "provider_error", "500 Broken"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_page_has_a_code_and_loads_nothing(
    name: str, warehouse: Endpoint, warehouse_db: psycopg.Connection[Any], tmp_path: Path
) -> None:
    how, code, words = HOSTILE[name]
    with answering(of(how)) as api:
        route = Route(endpoint(api.url), warehouse, tmp_path / "work", entity="")

        with pytest.raises(SyncError) as caught:
            route.sync(PLAN)

    assert (caught.value.code, words in caught.value.detail, caught.value.step) == (code, True, "extract")
    assert warehouse_db.execute("SELECT to_regclass(%s)", [f"{route.dataset}.things"]).fetchone() == (None,)


@pytest.mark.parametrize("how", [flood, bomb])
def test_a_page_takes_no_more_memory_than_it_may(how: Callable[[], Answer]) -> None:
    with answering(of(how)) as api:
        code, grown = in_a_child(lambda: read_all(endpoint(api.url)))

    # Twenty megabytes may be read, and stand there twice for a moment.
    assert (code, grown < 60) == ("misconfigured", True)


def read_all(source: Endpoint) -> str:
    try:
        with open_reader(source, "", lambda _: None) as reader:
            list(reader.read(reader.declared.resources[0], None))
    except SyncError as error:
        return error.code
    return ""


def in_a_child(work: Callable[[], str]) -> tuple[str, int]:
    """Return what `work` returns in a process of its own, and by how many megabytes its memory grew at most."""
    coming, going = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            # A child's peak begins at what it has then.
            begun = usage.getrusage(usage.RUSAGE_SELF).ru_maxrss
            found = work()
            peak = usage.getrusage(usage.RUSAGE_SELF).ru_maxrss
            os.write(going, json.dumps([found, (peak - begun) // 1024]).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(going)
    with os.fdopen(coming) as answered:
        code, grown = json.loads(answered.read())
    return code, grown


def test_an_answer_that_drips_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def drip() -> Iterator[bytes]:
        yield b"["
        while not over.wait(0.05):
            yield b" " * (64 * 1024)

    monkeypatch.setattr(answers, "ANSWER_SECONDS", 0.5)
    declared = {**DECLARED, "most_megabytes": "512"}
    with answering(of(lambda: Answer(drip()))) as api:
        try:
            assert read_all(endpoint(api.url, declared)) == "connection_timeout"
        finally:
            over.set()


def test_odd_names_and_texts_arrive_as_they_are(
    warehouse: Endpoint, warehouse_db: psycopg.Connection[Any], tmp_path: Path
) -> None:
    odd = {
        "id": 1, 'say "hi"': "quoted", "ünï": "\u202eright to left\u202c", "empty": "", "n": "\\N", "nothing": None,
        "nested": {"a": [1, {"b": None}], "text": "\\u0000 is no NUL"}, "big": 2**63 - 1, "part": 0.1, "is": True,
        "old": "1850-01-01", "at": "2024-02-29T12:00:00.123456+02:00", "lines": 'one\r\n"two",\tthree',
    }  # fmt: skip
    declared = {"resources": [{"name": "things", "path": "/things", "key": ["id"]}]}
    with answering(lambda _: Answer([odd])) as api:
        route = Route(endpoint(api.url, declared), warehouse, tmp_path / "work", entity="")
        route.sync(PLAN)

    (row,) = warehouse_db.execute(f"SELECT to_jsonb(t) FROM {route.dataset}.things AS t".encode()).fetchall()
    # A quotation mark in a column's name is written as “_”, as from every source.
    assert row[0].pop("say _hi_") == odd.pop('say "hi"')
    assert row[0] == {**odd, "at": "2024-02-29T10:00:00.123456+00:00"}


def test_five_thousand_fields_are_read_or_refused_by_the_destination(
    warehouse: Endpoint, duck: Endpoint, tmp_path: Path
) -> None:
    declared = {"resources": [{"name": "things", "path": "/things", "key": ["id"]}]}
    with answering(lambda _: Answer(wide())) as api:
        with pytest.raises(SyncError) as caught:
            Route(endpoint(api.url, declared), warehouse, tmp_path / "one", entity="").sync(PLAN)
        result = Route(endpoint(api.url, declared), duck, tmp_path / "two", entity="").sync(PLAN)

    assert (caught.value.step, result.tables[0].rows_loaded) == ("load", 1)
    assert (caught.value.code, caught.value.detail) == ("misconfigured", "tables can have at most 1600 columns")


@pytest.mark.parametrize("depth", [200, 900])
def test_what_is_nested_arrives_as_json(
    depth: int, warehouse: Endpoint, warehouse_db: psycopg.Connection[Any], tmp_path: Path
) -> None:
    nested = b'{"a":' * depth + b"1" + b"}" * depth
    declared = {
        "resources": [{"name": "things", "path": "/things", "key": ["id"], "fields": ["id: bigint", "deep: json"]}]
    }
    with answering(lambda _: Answer(b'[{"id": 1, "deep": ' + nested + b"}]")) as api:
        route = Route(endpoint(api.url, declared), warehouse, tmp_path / "work", entity="")
        route.sync(PLAN)

    (row,) = warehouse_db.execute(f"SELECT deep::text FROM {route.dataset}.things".encode()).fetchall()
    assert row[0].count('"a"') == depth


def test_digits_are_kept_where_a_field_is_decimal(
    warehouse: Endpoint, warehouse_db: psycopg.Connection[Any], tmp_path: Path
) -> None:
    fields = ["id: bigint", "price: decimal", "inside: decimal from sum.of[0]", "when: timestamp"]
    declared = {"resources": [{"name": "things", "path": "/things", "key": ["id"], "fields": fields}]}
    body = b'[{"id": 1, "price": 12345678901234567890.1234567890, "sum": {"of": ["0.10"]}, "when": 1700000000}]'
    with answering(lambda _: Answer(body)) as api:
        route = Route(endpoint(api.url, declared), warehouse, tmp_path / "work", entity="")
        route.sync(replace(PLAN, mode="merge"))

    found = warehouse_db.execute(
        f'SELECT price::text, inside::text, "when"::text FROM {route.dataset}.things'.encode()
    ).fetchone()
    assert found == ("12345678901234567890.1234567890", "0.10", "2023-11-14 22:13:20+00")
