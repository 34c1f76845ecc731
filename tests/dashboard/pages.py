"""What tests of pages share."""

from __future__ import annotations

from typing import Protocol


class Answer(Protocol):
    """A response of the test client."""

    @property
    def content(self) -> bytes:
        """The body."""


def flat(answer: Answer) -> str:
    """Return the answer's text on one line and closed up, so that how a template is wrapped does not matter."""
    return " ".join(answer.content.decode().split()).replace("> <", "><")
