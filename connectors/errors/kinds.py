"""What an entry of the error registry is made of, and the classes of retries.

The classes, limits and waits are those of the reliability rules.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Actor = Literal["operator", "end_user", "provider", "us", "nobody"]
ActionKind = Literal[
    "edit_credentials", "edit_settings", "test_connection", "sync_now", "resume", "open_destination", "open_history",
    "open_docs", "contact_admin", "correct_lines", "review_schema", "wait",
]  # fmt: skip
RetryClass = Literal[
    "auth", "config", "data", "rate_limit", "transient", "timeout", "worker_lost", "resource", "internal", "put_back",
    "ended",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Retry:
    """Whether and when a failed attempt is followed by another one of the same job.

    A job ends after `in_a_row` charged attempts in a row that moved nothing, or after `in_all` charged ones, which
    are `in_all_moving` while the last one moved something. The wait is `first_wait_seconds`, doubled with each
    attempt in a row that moved nothing. An attempt that is not charged does not count, however often it comes.
    """

    kind: RetryClass
    in_a_row: int = 1
    in_all: int = 1
    in_all_moving: int = 1
    first_wait_seconds: int = 30
    is_charged: bool = True

    @property
    def is_automatic(self) -> bool:
        """Whether there is another attempt without a person's help."""
        return self.in_a_row > 1 or not self.is_charged


# A further try could lock the account, or needs a person anyway.
AUTH, CONFIG, DATA = Retry("auth"), Retry("config"), Retry("data")
TRANSIENT = Retry("transient", in_a_row=5, in_all=10, in_all_moving=20)
# A host name that nobody knows is mostly mistyped; three tries cover a name server that hiccups.
LOOK_UP = replace(TRANSIENT, in_a_row=3)
TIMEOUT = Retry("timeout", in_a_row=3, in_all=3, in_all_moving=3)
INTERNAL = Retry("internal", in_a_row=3, in_all=3, in_all_moving=3)
RESOURCE = Retry("resource", in_a_row=3, in_all=3, in_all_moving=3, first_wait_seconds=300)
# Counted by itself, and at once the first time: the job had done nothing wrong.
WORKER_LOST = Retry("worker_lost", in_a_row=3, in_all=3, in_all_moving=3)
RATE_LIMIT = Retry("rate_limit", first_wait_seconds=60, is_charged=False)
PUT_BACK = Retry("put_back", first_wait_seconds=0, is_charged=False)
# Nothing failed: somebody or something ended it on purpose.
ENDED = Retry("ended")


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a person can do next: a title, a sentence, and the kind of button where we can do it."""

    title: str
    hint: str
    kind: ActionKind = "wait"


@dataclass(frozen=True, slots=True)
class ErrorEntry:
    """What one code means. Texts may hold `{source}`, `{destination}` and `{entity}`, filled by `told`.

    `short` is the two or three words beside a status. `breaks` says that a person must act once a job has ended with
    this code, so the entity is broken at once instead of after three failures. `holds` stops the schedule until then,
    since each further try could lock the account or kill another worker.
    """

    code: str
    short: str
    title: str
    cause: str
    who: Actor
    end_user_text: str
    actions: tuple[Action, ...]
    retry: Retry
    breaks: bool = False
    holds: bool = False

    @property
    def is_retryable(self) -> bool:
        """Whether trying again without a person's help can end in success."""
        return self.retry.is_automatic

    @property
    def max_attempts(self) -> int:
        """How many charged attempts a job has that fails with this code each time and moves nothing."""
        return self.retry.in_a_row


SYNC_NOW = Action("Sync again", "Starts one run now. Nothing that was loaded is lost or doubled.", "sync_now")
TEST = Action("Check whether {source} works now", "A test takes a few seconds and changes nothing.", "test_connection")
CHECK_LATER = Action("Wait for the next try", "Patchbay tries again by itself, within the job or with the next run.")
ASK_ADMIN = Action("Ask an admin of Patchbay", "The cause is in this installation, not in your data.", "contact_admin")
