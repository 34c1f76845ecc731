"""Collected static files: all stylesheets are one file, in the order of their links."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.template.loader import render_to_string
from django.test import Client, override_settings

from dashboard.static_files import stylesheets

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def collected(tmp_path: Path) -> Iterator[Path]:
    with override_settings(STATIC_ROOT=tmp_path, STORAGES=settings.STORAGES):
        call_command("collectstatic", "--no-input", "--verbosity", "0")
        yield tmp_path


def links() -> list[str]:
    return re.findall(r'<link rel="stylesheet"\s+href="/static/([^"]+)"', render_to_string("ui/styles.html"))


def test_every_stylesheet_has_its_place_in_the_order() -> None:
    files = (ROOT / "static" / "css").rglob("*.css")

    assert sorted(stylesheets()) == sorted(path.relative_to(ROOT / "static").as_posix() for path in files)
    assert stylesheets()[0] == "css/layers.css"


def test_page_links_one_stylesheet_that_holds_all(collected: Path) -> None:
    [link] = links()

    text = (collected / link).read_text(encoding="utf-8")

    assert text == "\n".join(Path(finders.find(name) or "").read_text(encoding="utf-8") for name in stylesheets())
    assert gzip.decompress((collected / f"{link}.gz").read_bytes()).decode() == text


def test_collecting_twice_changes_nothing(collected: Path) -> None:
    before = links()

    call_command("collectstatic", "--no-input", "--verbosity", "0")

    assert links() == before
    assert len(list((collected / "css").glob("patchbay.*.css"))) == 1


def test_page_links_each_stylesheet_where_nothing_is_collected() -> None:
    plain = "django.contrib.staticfiles.storage.StaticFilesStorage"
    with override_settings(STORAGES={**settings.STORAGES, "staticfiles": {"BACKEND": plain}}):
        assert links() == list(stylesheets())


def test_page_is_compressed_for_browsers_that_ask(viewer: Client) -> None:
    response = viewer.get("/", headers={"Accept-Encoding": "gzip"})

    assert response.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in response.headers["Vary"]
    assert b"<h1>Connections</h1>" in gzip.decompress(response.content)
