from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

from connectors import folders
from connectors.plan import SyncError


@pytest.fixture
def allowed(settings: Settings, tmp_path: Path) -> Path:
    """An allowed folder with a file in a folder, a link out of it, and a secret beside it."""
    folder = tmp_path / "exports"
    (folder / "shop").mkdir(parents=True)
    (folder / "shop" / "orders.db").touch()
    (tmp_path / "secret.db").touch()
    (folder / "link.db").symlink_to(tmp_path / "secret.db")
    (folder / "way").symlink_to(tmp_path)
    settings.PATCHBAY_FILE_FOLDERS = [str(folder)]
    return folder


def test_what_lies_below_is_found_by_both_its_names(allowed: Path) -> None:
    path = allowed / "shop" / "orders.db"

    assert (folders.find("shop/orders.db"), folders.find(f" {path} ")) == (path, path)


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("", "is no usable path"),
        ("../secret.db", "without “..”"),
        ("shop/../../secret.db", "without “..”"),
        ("shop/orders.db\x00.txt", "is no usable path"),
        ("/etc/passwd", "is not below an allowed folder"),
        ("link.db", "is reached over a link"),
        ("way/secret.db", "is reached over a link"),
        ("shop/none.db", "is not there"),
        ("x" * 5000, "is not there"),
    ],
)
def test_everything_else_is_refused(allowed: Path, named: str, said: str) -> None:
    with pytest.raises(SyncError, match=said) as caught:
        folders.find(named)

    assert caught.value.code == "misconfigured"


def test_nothing_may_be_read_where_no_folder_is_listed(settings: Settings) -> None:
    settings.PATCHBAY_FILE_FOLDERS = []

    with pytest.raises(SyncError, match="An admin lists them in PATCHBAY_FILE_FOLDERS"):
        folders.find("shop/orders.db")
