"""Records what the source made of a line of a write-back."""

from __future__ import annotations

from uuid import UUID

from django.db.models.functions import Now

from connectors.providers.actions import Answer
from jobs.models import ActionLine, LineStatus
from jobs.text import storable

_REF_LENGTH, _WORDS_LENGTH = 200, 300


def record(*, job_id: UUID, number: int, answer: Answer) -> bool:
    """End a line that waits by what the source answered. Returns False where that was recorded before."""
    waiting = ActionLine.objects.filter(job_id=job_id, number=number, status=LineStatus.WAITING)
    reasons = [
        {"field": one.field, "code": one.code, "words": storable(one.words, _WORDS_LENGTH)} for one in answer.refused
    ]
    changed = waiting.update(
        status=LineStatus.REFUSED if reasons else LineStatus.DONE,
        made_ref=storable(answer.ref, _REF_LENGTH),
        refused=reasons,
        was_repeated=answer.is_repeated,
        ended_at=Now(),
    )
    return changed == 1
