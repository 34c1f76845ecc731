"""The embedded PostgreSQL: real, asking for passwords, and not stopped by what a killed start left behind."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from dashboard.stack import postgres
from dashboard.stack.errors import StackError
from dashboard.stack.groups import is_alive
from dashboard.stack.home import load_secrets
from dashboard.stack.ports import HOST


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Longer than a Unix socket's path may be, with a space.
    folder = tmp_path_factory.mktemp("x" * 100) / "a home"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture(scope="module")
def running(home: Path) -> Iterator[postgres.RunningPostgres]:
    left = home / "postgres.new-0123"
    left.mkdir()
    (left / "PG_VERSION").write_text("half")
    server = postgres.start(home)
    yield server
    server.stop()


def test_it_is_postgres_18_with_durable_settings(running: postgres.RunningPostgres) -> None:
    with psycopg.connect(running.server.url()) as connection:
        row = connection.execute(
            "SELECT current_setting('server_version_num')::int / 10000, current_setting('fsync'),"
            " current_setting('TimeZone'), current_setting('server_encoding'),"
            " current_setting('unix_socket_directories')"
        ).fetchone()

    assert row == (18, "on", "UTC", "UTF8", "")


def test_a_wrong_password_is_refused(running: postgres.RunningPostgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(host=HOST, port=running.server.port, user="patchbay", password="wrong", dbname="patchbay")


def test_a_failing_statement_is_not_written_to_the_log(running: postgres.RunningPostgres, home: Path) -> None:
    with psycopg.connect(running.server.url()) as connection, pytest.raises(psycopg.Error):
        connection.execute("CREATE ROLE patchbay PASSWORD 'hunter2-in-a-statement'")

    log = (home / "postgres.log").read_text()
    assert "ready to accept connections" in log
    assert "hunter2" not in log


def test_nothing_half_made_and_no_password_file_is_left(running: postgres.RunningPostgres, home: Path) -> None:
    assert running.process.poll() is None
    assert [path.name for path in home.glob("postgres.new-*")] == []
    assert not (home / "initdb.password").exists()


def test_create_database_twice_is_one_database(running: postgres.RunningPostgres) -> None:
    running.server.create_database("ware house")
    running.server.create_database("ware house")

    with psycopg.connect(running.server.url("ware house")) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("ware house",)


def test_a_server_left_by_a_killed_start_is_ended_and_its_data_kept(tmp_path: Path) -> None:
    left = postgres.start(tmp_path)
    with psycopg.connect(left.server.url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS one")

    again = postgres.start(tmp_path)

    try:
        assert left.process.wait(10) == 0
        assert again.process.pid != left.process.pid
        with psycopg.connect(again.server.url()) as connection:
            assert connection.execute("SELECT one FROM kept").fetchone() == (1,)
    finally:
        again.stop()


def test_a_killed_server_starts_again(tmp_path: Path) -> None:
    first = postgres.start(tmp_path)
    first.process.kill()
    first.process.wait()

    second = postgres.start(tmp_path)

    second.stop()
    assert second.process.returncode == 0


def test_what_a_killed_server_left_at_work_does_not_keep_the_next_one_from_starting(tmp_path: Path) -> None:
    first = postgres.start(tmp_path)
    # A child that does not look up in time, as one waiting for a slow disk: stopped, it never would.
    busy = psutil.Process(first.process.pid).children()[0]
    busy.suspend()
    first.process.kill()
    first.process.wait()

    second = postgres.start(tmp_path)

    second.stop()
    assert second.process.returncode == 0
    assert not is_alive(busy)


def test_a_stranger_with_the_number_in_postmaster_pid_is_left_alone(tmp_path: Path) -> None:
    data = tmp_path / "postgres"
    data.mkdir()
    with subprocess.Popen(["sleep", "60"]) as stranger:
        (data / "postmaster.pid").write_text(f"{stranger.pid}\n{data}\n")

        postgres.end_left_server(data)

        assert psutil.Process(stranger.pid).is_running()
        stranger.kill()


def test_lost_secrets_are_one_line(tmp_path: Path) -> None:
    postgres.start(tmp_path).stop()
    (tmp_path / "secrets.json").unlink()
    load_secrets(tmp_path)

    with pytest.raises(StackError, match="does not open"):
        postgres.start(tmp_path)


def test_data_of_another_major_version_is_one_line(tmp_path: Path) -> None:
    data = tmp_path / "postgres"
    data.mkdir()
    (data / "PG_VERSION").write_text("17\n")

    with pytest.raises(StackError, match="made by PostgreSQL 17"):
        postgres.prepare(tmp_path)
