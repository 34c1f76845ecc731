"""The rules that every template, script and stylesheet keeps, so that pages run under a strict content policy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.template import TemplateSyntaxError
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


def read(paths: list[Path]) -> dict[str, str]:
    """The text of each file by its name."""
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}


# All files at once: a test of its own for each file and rule would cost more than what it checks.
TEXTS = read(TEMPLATES)


@pytest.mark.parametrize("rule", FORBIDDEN)
def test_templates_have_nothing_forbidden(rule: str) -> None:
    forbidden = re.compile(rf".*(?:{FORBIDDEN[rule]}).*")

    assert {name: found for name, text in TEXTS.items() if (found := forbidden.findall(text))} == {}


def test_templates_compile() -> None:
    faults = {}
    for name in TEXTS:
        try:
            get_template(name.removeprefix("templates/"))
        except TemplateSyntaxError as error:
            faults[name] = str(error)

    assert faults == {}


def test_static_files_of_templates_exist() -> None:
    wanted = {found for text in TEXTS.values() for found in re.findall(r"""\{%\s*static\s+["']([^"']+)["']""", text)}

    assert {name for name in wanted if finders.find(name) is None} == set()


def test_icons_of_templates_exist() -> None:
    wanted = {found for text in TEXTS.values() for found in re.findall(r"""\{%\s*icon\s+["']([^"']+)["']""", text)}

    assert wanted - SYMBOLS == set()


def test_scripts_and_styles_are_linked() -> None:
    files = {path.relative_to(ROOT / "static").as_posix() for path in (*SCRIPTS, *STYLES)}

    assert {name for name in files if not any(f'"{name}"' in text for text in TEXTS.values())} == set()


def test_layers_are_declared_first() -> None:
    styles = (ROOT / "templates" / "ui" / "styles.html").read_text(encoding="utf-8")

    assert re.findall(r'"(css/[^"]+)"', styles)[0] == "css/layers.css"


def breaks(name: str, text: str) -> list[str]:
    """Return the house rules that a stylesheet breaks."""
    code = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL).strip()
    colours = re.findall(r"(?<!&)#[0-9a-fA-F]{3,8}\b(?![^{;]*\{)", code)
    kept = {
        "it is short": len(text.splitlines()) <= MAX_STYLE_LINES,
        "it is in a layer": code.startswith("@layer "),
        "it imports nothing": "@import" not in code,
        "its colours are tokens": name.endswith("/tokens.css") or colours in ([], ["#000"]),
    }
    return [rule for rule, is_kept in kept.items() if not is_kept]


def test_stylesheets_keep_the_house_rules() -> None:
    assert {name: found for name, text in read(STYLES).items() if (found := breaks(name, text))} == {}


def test_broken_house_rules_are_named() -> None:
    text = "@import 'x.css';\n" * (MAX_STYLE_LINES + 1) + "a { color: #123456 }"

    assert len(breaks("static/css/x.css", text)) == 4
    assert breaks("static/css/tokens.css", "@layer tokens { a { color: #123456 } }") == []


def test_scripts_stay_little() -> None:
    lines = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in SCRIPTS}

    assert lines.pop(OF_THE_FLOW) < MAX_FLOW_SCRIPT_LINES
    assert sum(lines.values()) < MAX_SCRIPT_LINES


def test_scripts_evaluate_no_text() -> None:
    evaluates = re.compile(r"\beval\(|new Function|innerHTML\s*=|document\.write")

    assert {name for name, text in read(SCRIPTS).items() if evaluates.search(text)} == set()


def test_shell_stays_small() -> None:
    assert len((ROOT / "templates" / "base.html").read_text(encoding="utf-8").splitlines()) <= MAX_SHELL_LINES


def test_comments_end_on_their_line() -> None:
    """Django prints a `{#` that does not."""
    lines = [f"{name}: {line}" for name, text in TEXTS.items() for line in text.splitlines()]

    assert [line for line in lines if line.count("{#") != line.count("#}")] == []
