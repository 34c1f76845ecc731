"""Which browser somebody uses, in two words: what support asks first. Nothing finer is kept."""

from __future__ import annotations

# In this order: most browsers name others as well.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def told_by(user_agent: str) -> dict[str, str]:
    """Return the browser and the system that a `User-Agent` names; what is not known is left out."""
    found = {"browser": _first(user_agent, _BROWSERS), "system": _first(user_agent, _SYSTEMS)}
    return {name: word for name, word in found.items() if word}


def _first(text: str, known: tuple[tuple[str, str], ...]) -> str:
    return next((word for mark, word in known if mark in text), "")
