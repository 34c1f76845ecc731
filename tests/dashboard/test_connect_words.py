"""What the hosted flow says: of every code, of every browser."""

from __future__ import annotations

import pytest

from connectors.errors import REGISTRY
from connectors.providers import registry
from dashboard.browsers import told_by
from dashboard.pages.connect_words import refusal_of

MANIFEST = registry.manifest("sandbox_payroll")


@pytest.mark.parametrize("code", REGISTRY)
def test_every_code_is_told_in_whole_sentences(code: str) -> None:
    told = refusal_of(code, MANIFEST, tries_left=2, missing=["Payroll"])

    assert told.title.strip(". ") == told.title
    assert told.text.startswith("Missing: Payroll. ")
    assert told.text.endswith(".")
    assert "{" not in told.words
    assert "please" not in told.words.casefold()
    assert "!" not in told.words


def test_tries_are_counted_where_they_count() -> None:
    texts = {
        (code, left): refusal_of(code, MANIFEST, tries_left=left).text
        for code in ("invalid_credentials", "mfa_failed", "unreachable")
        for left in (0, 1, 3)
    }

    assert texts["invalid_credentials", 3].endswith("3 tries are left before Sandbox Payroll locks the account.")
    assert texts["invalid_credentials", 1].endswith("1 try is left before Sandbox Payroll locks the account.")
    assert texts["mfa_failed", 0].endswith("No try is left for this code: sign in again to get a new one.")
    assert "left" not in texts["unreachable", 3]


AGENTS = {
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:150.0) Gecko/20100101 Firefox/150.0": ("Firefox", "Windows"),
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15": (
        *("Safari", "macOS"),
    ),
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/150.0.0.0 Safari/537.36": ("Chrome", "Linux"),
    "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/150.0 Safari/537.36 Edg/150.0": ("Edge", "Windows"),
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) CriOS/150.0 Mobile Safari/604.1": ("Chrome", "iPhone"),
    "Mozilla/5.0 (Linux; Android 15; SM-S921B) SamsungBrowser/27.0 Chrome/125.0 Mobile Safari/537.36": (
        *("Samsung Internet", "Android"),
    ),
}


@pytest.mark.parametrize("agent", AGENTS)
def test_browser_is_told_in_two_words(agent: str) -> None:
    assert tuple(told_by(agent).values()) == AGENTS[agent]


def test_browser_that_is_not_known_is_told_as_nothing() -> None:
    assert told_by("<script>canary</script>") == told_by("") == {}
