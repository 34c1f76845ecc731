"""How well text reads on a colour: the contrast of WCAG 2.2, from 1 (the same) to 21 (black on white)."""

from __future__ import annotations

from dataclasses import dataclass

WHITE, INK = "#ffffff", "#0d1714"
# Text of usual size needs so much (WCAG 2.2, 1.4.3).
READABLE = 4.5
# Below it the curve of sRGB is a line.
_LINEAR_UNTIL = 0.04045
_WORDS = {WHITE: "White", INK: "Dark"}


@dataclass(frozen=True, slots=True)
class Reading:
    """The better text colour on a colour, its name in words, and their contrast."""

    ink: str
    word: str
    ratio: float

    @property
    def is_readable(self) -> bool:
        """Whether text of usual size can be read."""
        return self.ratio >= READABLE


def reading_on(colour: str) -> Reading:
    """Return which text reads best on `colour`, `#rrggbb`."""
    ink = max((WHITE, INK), key=lambda one: contrast(one, colour))
    return Reading(ink, _WORDS[ink], contrast(ink, colour))


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, `#rrggbb` each."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    """Return the relative luminance, from 0 to 1."""
    red, green, blue = (_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return float(part / 12.92 if part <= _LINEAR_UNTIL else ((part + 0.055) / 1.055) ** 2.4)
