"""Asks a source while a person waits: with an end to the waiting, whatever the source does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from connectors.plan import SyncError

# Signing in and looking at a few tables takes a second or two. Each single question has its own, shorter limit.
PATIENCE_SECONDS = 25.0

AnswerT = TypeVar("AnswerT")


def ask_in_time(question: Callable[[], AnswerT], *, seconds: float = PATIENCE_SECONDS) -> AnswerT:
    """Return the answer of `question`, or raise what it raises, or `SyncError("connection_timeout")` after `seconds`.

    `question` runs in a thread of its own, which is left behind when it takes too long and ends by the time limits of
    its own calls. It must not use Django's database connection and must store nothing.
    """
    answers: list[AnswerT] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(question())
        except BaseException as failure:  # noqa: BLE001 - it is raised again where somebody waits for it
            failures.append(failure)

    asking = threading.Thread(target=run, name="asking-a-source", daemon=True)
    asking.start()
    asking.join(seconds)
    if failures:
        raise failures[0]
    if not answers:
        raise SyncError("connection_timeout", f"No answer came within {seconds:.0f} seconds.")
    return answers[0]
