"""The rules that every template, script and stylesheet keeps, so that pages run under a strict content policy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.template.loader import get_template

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
STYLES = sorted((ROOT / "static" / "css").rglob("*.css"))
SCRIPTS = sorted((ROOT / "static" / "js").rglob("*.js"))
# The pages for end users load one script that no page of ours does, and of ours one.
OF_THE_FLOW = "connect.js"
SYMBOLS = set(re.findall(r'<symbol id="i-([\w-]+)"', (ROOT / "static" / "icons.svg").read_text(encoding="utf-8")))

# The search box needs the pattern of a combobox, and what is sent is guarded: a few lines more than the 300 once meant.
MAX_SCRIPT_LINES = 300
MAX_FLOW_SCRIPT_LINES = 45
MAX_STYLE_LINES = 150
MAX_SHELL_LINES = 80

FORBIDDEN = {
    "an inline style": r"\bstyle\s*=",
    "an inline stylesheet": r"<style\b",
    "an inline script": r"<script\b(?![^>]*\bsrc=)",
    "an event attribute": r"\son[a-z]+\s*=",
    "an htmx event attribute": r"\bhx-on\b",
    "an htmx script value": r"""hx-(vals|headers|vars)\s*=\s*["']?\s*(js|javascript):""",
    "an address that is a script": r"javascript:",
    "unescaped output": r"\|\s*safe\b|\bsafeseq\b|\{%\s*autoescape\s+off",
    "a resource of another host": r"""\b(src|href)\s*=\s*["'](https?:)?//""",
}


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


@pytest.mark.parametrize("rule", FORBIDDEN)
@pytest.mark.parametrize("path", TEMPLATES, ids=names(TEMPLATES))
def test_template_has_nothing_forbidden(path: Path, rule: str) -> None:
    found = re.findall(rf".*(?:{FORBIDDEN[rule]}).*", path.read_text(encoding="utf-8"))

    assert found == []


@pytest.mark.parametrize("path", TEMPLATES, ids=names(TEMPLATES))
def test_template_compiles(path: Path) -> None:
    get_template(str(path.relative_to(ROOT / "templates")))


@pytest.mark.parametrize("path", TEMPLATES, ids=names(TEMPLATES))
def test_static_files_of_template_exist(path: Path) -> None:
    wanted = re.findall(r"""\{%\s*static\s+["']([^"']+)["']""", path.read_text(encoding="utf-8"))

    assert [name for name in wanted if finders.find(name) is None] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=names(TEMPLATES))
def test_icons_of_template_exist(path: Path) -> None:
    wanted = re.findall(r"""\{%\s*icon\s+["']([^"']+)["']""", path.read_text(encoding="utf-8"))

    assert set(wanted) - SYMBOLS == set()


@pytest.mark.parametrize("path", [*SCRIPTS, *STYLES], ids=names([*SCRIPTS, *STYLES]))
def test_script_or_style_is_linked(path: Path) -> None:
    name = path.relative_to(ROOT / "static").as_posix()

    assert any(f'"{name}"' in template.read_text(encoding="utf-8") for template in TEMPLATES)


def test_layers_are_declared_first() -> None:
    styles = (ROOT / "templates" / "ui" / "styles.html").read_text(encoding="utf-8")

    assert re.findall(r'"(css/[^"]+)"', styles)[0] == "css/layers.css"


@pytest.mark.parametrize("path", STYLES, ids=names(STYLES))
def test_stylesheet_keeps_the_house_rules(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    code = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL).strip()

    assert len(text.splitlines()) <= MAX_STYLE_LINES
    assert code.startswith("@layer ")
    assert "@import" not in code
    assert path.name == "tokens.css" or re.findall(r"(?<!&)#[0-9a-fA-F]{3,8}\b(?![^{;]*\{)", code) in ([], ["#000"])


def test_scripts_stay_little() -> None:
    lines = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in SCRIPTS}

    assert lines.pop(OF_THE_FLOW) < MAX_FLOW_SCRIPT_LINES
    assert sum(lines.values()) < MAX_SCRIPT_LINES


@pytest.mark.parametrize("path", SCRIPTS, ids=names(SCRIPTS))
def test_script_evaluates_no_text(path: Path) -> None:
    found = re.search(r"\beval\(|new Function|innerHTML\s*=|document\.write", path.read_text(encoding="utf-8"))

    assert found is None


def test_shell_stays_small() -> None:
    assert len((ROOT / "templates" / "base.html").read_text(encoding="utf-8").splitlines()) <= MAX_SHELL_LINES


@pytest.mark.parametrize("path", TEMPLATES, ids=names(TEMPLATES))
def test_comments_end_on_their_line(path: Path) -> None:
    """Django prints a `{#` that does not."""
    lines = path.read_text(encoding="utf-8").splitlines()

    assert [line for line in lines if line.count("{#") != line.count("#}")] == []
