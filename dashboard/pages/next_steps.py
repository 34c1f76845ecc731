"""What a person can do instead, where an action on a connection was refused."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.urls import reverse

from connectors.models import Status
from connectors.status import MISSING

_QUESTIONS = {
    "paused": ("Resume…", "connections:resume"),
    "already_paused": ("Resume…", "connections:resume"),
    "not_paused": ("Pause…", "connections:pause"),
}


@dataclass(frozen=True, slots=True)
class Way:
    """A button that leads on; `is_dialog` says that it opens a question."""

    label: str
    href: str
    is_dialog: bool = False


def why_no_sync(status: str, reason: str = "") -> str:
    """Return why a sync of a connection with this status would be refused in any case; what runs is its own answer."""
    if reason == "schema_review_pending" and status == Status.INCOMPLETE:
        return "Changes at the source wait for a review: nothing syncs before that"
    if status == Status.PAUSED:
        return "Paused: nothing syncs until it is resumed"
    if status == Status.INCOMPLETE:
        return "The setup is not finished, so there is nothing to sync yet"
    return ""


def way_out(connection_id: UUID, code: str, job_id: UUID | None) -> Way:
    """Return the next step after a refusal with `code`: the job that is in the way, or the question that helps."""
    if job_id is not None:
        return Way("Open job", reverse("jobs:detail", args=[job_id]))
    if code in _QUESTIONS:
        label, view = _QUESTIONS[code]
        return Way(label, reverse(view, args=[connection_id]), is_dialog=True)
    if code == "schema_review_pending":
        return Way("Review changes", reverse("connections:schema", args=[connection_id]))
    if code == "incomplete" or code in MISSING:
        return Way("Finish setup", reverse("connections:setup", args=[connection_id]))
    if code == "deleted":
        return Way("Go to Connections", reverse("connections:list"))
    return Way("Open connection", reverse("connections:overview", args=[connection_id]))
