"""The recommended actions of a job that ended badly or waits after a failure, each with the button that does it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import reverse

from connectors.errors import Action
from connectors.models import Status
from dashboard.access import Can
from dashboard.pages.job_again import Again, can_sync, sync_again_url
from dashboard.pages.job_lines import again_url
from jobs.models import SYNC_TYPES, Job, JobType

# What a job that is no sync does when it is done again; how, its own button says.
_AGAIN_HINTS = {
    JobType.TEST_CONNECTION: "It asks the source the same questions and changes nothing.",
    JobType.DISCOVER: "It looks at the source once more. What is selected stays.",
    JobType.PURGE: "It removes what is still there.",
}


@dataclass(frozen=True, slots=True)
class _Way:
    """A kind of action: its button, the view (a sync's own without one), and what the role must allow."""

    label: str
    icon: str
    view: str
    action: str = "see"
    is_post: bool = False
    is_dialog: bool = False


_SETUP = _Way("Edit setup", "pencil", "connections:setup", "edit_connection")
_WAYS: dict[str, _Way] = {
    "sync_now": _Way("Sync again", "refresh", "", "run_sync", is_post=True),
    "test_connection": _Way("Test connection", "flask", "connections:test", "test_connection", is_post=True),
    "edit_credentials": _SETUP,
    "edit_settings": _SETUP,
    "review_schema": _Way("Review changes", "check", "connections:schema"),
    "resume": _Way("Resume…", "play", "connections:resume", "pause", is_dialog=True),
    "open_destination": _Way("Open destination", "db", "destinations:detail"),
    "open_history": _Way("Open job history", "history", "connections:jobs"),
    "contact_admin": _Way("Open System", "system", "system:overview"),
}
_OF_A_SYNC = frozenset({"sync_now", "test_connection"})


@dataclass(frozen=True, slots=True)
class Button:
    """What does an action: a form is posted to `url`, or a link leads there, which a question opens as a dialog."""

    label: str
    icon: str
    url: str
    is_post: bool = False
    is_dialog: bool = False


@dataclass(frozen=True, slots=True)
class Recommended:
    """An action with its button, None where a person acts elsewhere. The first one that has a button stands out."""

    title: str
    hint: str
    button: Button | None
    is_first: bool = False


def recommended_of(
    job: Job, actions: Iterable[Action], again: Again | None, *, code: str, can: Can
) -> tuple[Recommended, ...]:
    """Return the actions that fit the job's type, with the buttons that the role and the connection's state allow.

    `again` is the job's own button, `code` the error's.
    """
    offered = list(actions)
    if job.type not in SYNC_TYPES:
        offered = [one for one in offered if one.kind not in _OF_A_SYNC]
    found = [(one.title, one.hint, _button(job, one, code, can)) for one in offered]
    if job.type in _AGAIN_HINTS and again:
        button = Button(again.label, again.icon, again.url, is_post=not again.is_question, is_dialog=again.is_question)
        found.append((again.label, _AGAIN_HINTS[JobType(job.type)], button))
    first = next((place for place, (_, _, button) in enumerate(found) if button), None)
    return tuple(Recommended(*one, is_first=place == first) for place, one in enumerate(found))


def _button(job: Job, action: Action, code: str, can: Can) -> Button | None:
    if action.kind == "correct_lines":
        url = again_url(job) if job.is_over and can["write_back"] else ""
        return Button("Correct and send again", "pencil", url) if url else None
    way = _WAYS.get(action.kind)
    if way is None or not can[way.action] or not _fits(job, action.kind, code):
        return None
    return Button(way.label, way.icon, _url(job, way), is_post=way.is_post, is_dialog=way.is_dialog)


def _fits(job: Job, kind: str, code: str) -> bool:
    """Whether the state of the job and of its connection allow what the button does."""
    connection = job.connection
    if connection.deleted_at is not None:
        return False
    if kind == "sync_now":
        return job.is_over and can_sync(job)
    if kind == "resume":
        return connection.status == Status.PAUSED
    if kind == "open_destination":
        return connection.destination_id is not None
    # What lies in this installation is seen on its own page; a network is allowed in its settings.
    return kind != "contact_admin" or code != "address_not_allowed"


def _url(job: Job, way: _Way) -> str:
    if not way.view:
        return sync_again_url(job)
    of = {"connections": job.connection_id, "destinations": job.connection.destination_id}
    place = of.get(way.view.partition(":")[0])
    return reverse(way.view, args=[place] if place else [])
