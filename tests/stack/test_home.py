"""The home folder: held by one process, its secrets drawn once."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from dashboard.stack.errors import StackError
from dashboard.stack.home import held, home_path, load_secrets, prepare_home

HOLD = """
import sys, time
from pathlib import Path
from dashboard.stack.home import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_home_is_in_the_checkout_unless_told(tmp_path: Path) -> None:
    assert home_path({}, tmp_path) == tmp_path / ".patchbay"
    assert home_path({"PATCHBAY_HOME": "/srv/pb"}, tmp_path) == Path("/srv/pb")


def test_home_is_private(tmp_path: Path) -> None:
    home = tmp_path / "a" / "b c"

    prepare_home(home)

    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_home_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StackError, match="Name another one with PATCHBAY_HOME"):
        prepare_home(tmp_path / "file")


def test_second_start_names_the_first_and_a_killed_first_frees_the_home(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"

        with pytest.raises(StackError, match=rf"already runs on .* \(process {holder.pid}\)"), held(tmp_path):
            pass

        holder.send_signal(signal.SIGKILL)
        holder.wait()

    with held(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_secrets_are_drawn_once_and_private(tmp_path: Path) -> None:
    first = load_secrets(tmp_path)

    assert load_secrets(tmp_path) == first
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600
    assert first.postgres_password != first.sandbox_api_key


def test_a_secret_of_a_newer_version_is_added_beside_the_old_ones(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text('{"postgres_password": "old", "theirs": "kept"}')

    drawn = load_secrets(tmp_path)

    assert drawn.postgres_password == "old"
    assert drawn.secret_key
    assert '"theirs": "kept"' in (tmp_path / "secrets.json").read_text()


def test_damaged_secrets_are_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text("{")

    with pytest.raises(StackError, match="Cannot read"):
        load_secrets(tmp_path)

    assert (tmp_path / "secrets.json").read_text() == "{"
