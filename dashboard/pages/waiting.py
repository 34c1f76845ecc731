"""What a person is told about something that waits: what will set it going, whether to act, and where to look."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from jobs.services.why import Cause, Reason


@dataclass(frozen=True, slots=True)
class Wait:
    """The banner of a job that waits. `url` leads to what is in the way; empty where there is nothing to look at."""

    status: str
    title: str
    text: str
    url: str
    link: str


# What is wrong with Patchbay itself is a warning; what goes on by itself is told calmly. What starts in a moment, and
# what an attempt that failed says already, needs no banner.
_TEXTS: dict[Cause, tuple[str, str, str]] = {
    Cause.WORKER: (
        "warning",
        "It starts by itself as soon as a worker of this queue runs again",
        "Nothing is lost while it waits. Start the workers; the System page says which are missing.",
    ),
    Cause.SCHEDULER: (
        "warning",
        "It starts by itself as soon as the scheduler is heard again",
        "Nothing is lost while it waits. Start beat, or manage.py dispatch in its place.",
    ),
    Cause.PROVIDER: (
        "pending",
        "It goes on by itself at the time that the provider asked for",
        "No request is made before, so that the account is not blocked. Nobody has to act.",
    ),
    Cause.OTHER_JOB: (
        "pending",
        "It starts by itself as soon as the other job has ended",
        "Two of them at once would write over each other.",
    ),
    Cause.CAP: (
        "pending",
        "It starts by itself as soon as one of them has ended",
        "The limit keeps workers free for others, and is a setting of this installation.",
    ),
    Cause.QUEUE: (
        "pending",
        "It starts by itself when its turn comes",
        "Jobs start in their order, fairly between connections. More workers or more slots shorten the wait.",
    ),
}
_OF_THE_SYSTEM = frozenset({Cause.WORKER, Cause.SCHEDULER, Cause.QUEUE})


def wait_of(reason: Reason | None) -> Wait | None:
    """Return the banner for what waits because of `reason`; None where there is nothing to add to the reason."""
    if reason is None or reason.cause not in _TEXTS:
        return None
    return Wait(*_TEXTS[reason.cause], *link_of(reason))


def link_of(reason: Reason | None) -> tuple[str, str]:
    """Return the address and the words of a link to what is in the way; empty where there is nothing to look at."""
    if reason is None:
        return "", ""
    if reason.job_id:
        words = "Open one of them" if reason.cause == Cause.CAP else "Open that job"
        return reverse("jobs:detail", args=[reason.job_id]), words
    return (reverse("system:overview"), "Open System") if reason.cause in _OF_THE_SYSTEM else ("", "")
