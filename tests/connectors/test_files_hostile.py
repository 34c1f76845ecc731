"""Files and places that mean no good, or change while they are read: a code each, and nothing half-loaded."""

from __future__ import annotations

import gzip
import os
import shutil
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pytest_django import Settings

from connectors.plan import Endpoint, SyncError
from connectors.providers import registry
from tests.connectors.places import FolderOfFiles
from tests.connectors.recorder import Recorder, Route, table
from tests.ports import free_port
from tests.sftp import PASSWORD, USER, SftpServer

BY_FILE = table("orders", "_file", mode="merge", cursor="_modified")
LARGE = "id,note\n" + "".join(f"{number},{'x' * 90}\n" for number in range(30_000))


@pytest.fixture
def files(tmp_path: Path, settings: Settings) -> FolderOfFiles:
    root = tmp_path / "exports"
    root.mkdir()
    settings.PATCHBAY_FILE_FOLDERS = [str(root)]
    return FolderOfFiles(root)


@pytest.fixture
def route(files: FolderOfFiles, warehouse: Endpoint, tmp_path: Path) -> Route:
    return Route(files.endpoint(), warehouse, tmp_path / "work", entity=".")


class Meddler(Recorder):
    """Does something in the middle of a run: when it is asked for the `number`th time whether to go on."""

    def __init__(self, number: int, act: Callable[[], object]) -> None:
        super().__init__()
        self._left, self._act = number, act

    def check(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._act()


def refusal(route: Route, recorder: Recorder | None = None) -> tuple[str, str]:
    with pytest.raises(SyncError) as refused:
        route.sync(BY_FILE, recorder=recorder)
    return refused.value.code, refused.value.detail


@pytest.mark.parametrize(
    ("content", "code", "told"),
    [
        (
            b"id,note\n" + b"3,x\n" * 20_000 + b"3,x,y\n" + b"3,x\n" * 20_000,
            "bad_record",
            "orders_2.csv, line 20,002 has",
        ),
        (b"id,note\n3,\xff\n", "bad_record", "orders_2.csv, line 2 is not written in UTF-8"),
        (b"id,note\n3," + b"x" * 9_000_000, "bad_record", "orders_2.csv, line 2 is longer than 8,388,608"),
        (gzip.compress(b"0,0\n" * 20_000_000, compresslevel=1), "file_too_large", "orders_2.csv has"),
    ],
    ids=["broken in the middle", "encodings", "a line without end", "a bomb"],
)
def test_of_a_run_with_a_bad_file_nothing_is_loaded(
    content: bytes,
    code: str,
    told: str,
    files: FolderOfFiles,
    route: Route,
    warehouse_db: psycopg.Connection[Any],
) -> None:
    files.put("orders_1.csv", "id,note\n1,a\n")
    route.sync(BY_FILE)
    files.put("orders_1.csv", "id,note\n1,changed\n")
    files.put("orders_2.csv", content)

    found = refusal(route)

    assert (found[0], found[1][: len(told)]) == (code, told)
    stored = warehouse_db.execute(f"SELECT id, note FROM {route.dataset}.orders".encode()).fetchall()
    assert stored == [(1, "a")]


def test_a_file_that_grows_or_goes_while_it_is_read_is_read_in_the_next_run(files: FolderOfFiles, route: Route) -> None:
    files.put("orders_1.csv", LARGE)
    grown = files.root / "orders_1.csv"

    assert refusal(route, Meddler(2, lambda: grown.write_text(LARGE + "1,more\n"))) == (
        "file_changed", "orders_1.csv changed while it was read.",
    )  # fmt: skip
    files.put("orders_1.csv", LARGE)
    files.put("orders_2.csv", "id,note\n1,a\n")
    assert refusal(route, Meddler(3, (files.root / "orders_2.csv").unlink)) == (
        "file_changed", "orders_2.csv is not there any more.",
    )  # fmt: skip
    assert route.sync(BY_FILE).tables[0].rows_loaded == 30_000


def test_nothing_leads_out_of_the_folder(files: FolderOfFiles, route: Route, tmp_path: Path) -> None:
    secret = tmp_path / "outside"
    secret.mkdir()
    (secret / "orders_9.csv").write_text("id,note\n9,secret\n")
    files.put("inner/orders_1.csv", LARGE)
    files.put("inner/orders_2.csv", "id,note\n1,a\n")
    (files.root / "orders_3.csv").symlink_to(secret / "orders_9.csv")
    (files.root / "away").symlink_to(secret)
    os.mkfifo(files.root / "orders_4.csv")
    access = registry.access("files_folder")

    def swap() -> None:
        shutil.rmtree(files.root / "inner")
        (files.root / "inner").symlink_to(secret)

    assert list(access.list_tables(files.endpoint(), ".")) == list(access.list_tables(files.endpoint(), "."))
    assert route.sync(BY_FILE).tables[0].rows_loaded == 30_001
    files.put("inner/orders_1.csv", LARGE + "2,b\n")
    files.put("inner/orders_2.csv", "id,note\n1,b\n")
    assert refusal(route, Meddler(3, swap)) == ("file_changed", "inner/orders_2.csv is not there any more.")
    for folder in ("/etc", f"{files.root}/../outside", str(files.root / "away"), str(secret)):
        with pytest.raises(SyncError) as refused:
            access.check(Endpoint("files_folder", {"folder": folder}))
        assert refused.value.code == "misconfigured"


def test_a_reader_that_may_not_read_is_told_so(files: FolderOfFiles) -> None:
    access = registry.access("files_folder")
    with pytest.raises(SyncError, match="misconfigured: “gone” is not there"):
        access.check(Endpoint("files_folder", {"folder": "gone"}))
    files.put("a.csv", "x\n1\n")
    with pytest.raises(SyncError, match="is no folder"):
        access.check(Endpoint("files_folder", {"folder": str(files.root / "a.csv")}))
    with pytest.raises(SyncError, match="misconfigured: The pattern must say once where the table's name stands"):
        access.list_tables(files.endpoint(tables="pattern", pattern="*.csv"), ".")


def test_names_of_files_make_names_of_tables(files: FolderOfFiles) -> None:
    for name in (
        'say "hi".csv', "drop'; --.csv", "\u202eevil\u202c.csv", "100%.csv", "a.b.c.csv", "x" * 200 + ".csv",
        "2024-01-01.csv",
        "sub/orders-2024-01-01T10_00.csv.gz", "sub/orders (2).CSV", "sub/v2.csv", "sub/Ünïcode_7.jsonl",
    ):  # fmt: skip
        files.put(name, "")
    access = registry.access("files_folder")

    def found(**config: str) -> list[str]:
        return [one.name for one in access.list_tables(files.endpoint(**config), ".")]

    assert found() == sorted(
        ["say_hi", "drop_--", "evil", "100", "a_b_c", "x" * 63, "2024-01-01", "orders", "v2", "Ünïcode"]
    )
    assert found(tables="folder") == ["files", "sub"]
    assert found(tables="pattern", pattern="**/{table}[-_ ]*") == []
    assert found(tables="pattern", pattern="sub/{table}-*.csv.gz") == ["orders"]


@pytest.fixture
def server(tmp_path: Path) -> Any:
    root = tmp_path / "sftp"
    (root / "exports").mkdir(parents=True)
    (root / "exports" / "orders.csv").write_text("id,note\n1,a\n")
    running = SftpServer(root)
    yield running
    running.end()


def test_a_server_proves_who_it_is_before_a_password_is_sent(server: SftpServer) -> None:
    access = registry.access("files_sftp")
    config = {"host": "127.0.0.1", "port": str(server.port), "user": USER, "folder": "exports"}
    secrets = {"password": PASSWORD}

    assert server.fingerprint in access.reach(Endpoint("files_sftp", config))
    with pytest.raises(SyncError) as unknown:
        access.check(Endpoint("files_sftp", config, secrets))
    assert unknown.value.code == "host_key_unknown"
    assert server.fingerprint in unknown.value.detail

    known = {**config, "host_key": server.fingerprint}
    access.check(Endpoint("files_sftp", known, secrets))
    # Browsers take line ends out of what is pasted into a field.
    key = server.client_key.export_private_key().decode()
    access.check(Endpoint("files_sftp", known, {"private_key": key}))
    access.check(Endpoint("files_sftp", known, {"private_key": key.replace("\n", "")}))
    for wrong, code in (
        ({"password": "wrong"}, "invalid_credentials"),
        ({"private_key": "-----BEGIN X-----"}, "invalid_credentials"),
        ({}, "invalid_credentials"),
    ):
        with pytest.raises(SyncError) as refused:
            access.check(Endpoint("files_sftp", known, wrong))
        assert refused.value.code == code
    with pytest.raises(SyncError, match="misconfigured: The server has no folder “nowhere”"):
        access.check(Endpoint("files_sftp", {**known, "folder": "nowhere"}, secrets))

    server.restart()
    with pytest.raises(SyncError) as changed:
        access.check(Endpoint("files_sftp", known, secrets))
    assert changed.value.code == "host_key_changed"
    assert server.fingerprint in changed.value.detail
    with pytest.raises(SyncError, match="address_not_allowed"):
        access.check(Endpoint("files_sftp", {**known, "host": "169.254.169.254"}, secrets))


def test_what_is_no_sftp_server_is_told_from_one_that_is_down(settings: Settings) -> None:
    settings.PATCHBAY_CONNECT_SECONDS = 1
    access = registry.access("files_sftp")
    port = free_port()
    with pytest.raises(SyncError, match=r"^unreachable: No connection to port"):
        access.reach(Endpoint("files_sftp", {"host": "127.0.0.1", "port": str(port)}))
    with socket.create_server(("127.0.0.1", port)) as listening:

        def answer() -> None:
            line, _ = listening.accept()
            line.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            line.close()

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(SyncError, match=r"^unreachable: 127\.0\.0\.1 does not answer as an SSH server"):
            access.reach(Endpoint("files_sftp", {"host": "127.0.0.1", "port": str(port)}))
        thread.join()
