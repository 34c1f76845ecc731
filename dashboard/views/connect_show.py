"""Renders a step of the hosted flow, and tells that it was seen."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse

from dashboard.connecting import carried as carrying
from dashboard.connecting.carried import Carried
from dashboard.connecting.signing_in import note_return
from dashboard.connecting.steps import Step, manifest_of, stage_of
from dashboard.connecting.telling import seen, tell
from dashboard.pages.connect import frame_of, told_of
from dashboard.views.connect_visit import page
from sessions_log.events import EventName
from sessions_log.models import Session
from sessions_log.services.record import NewEvent

Shown = dict[str, Any]


def show_step(
    request: HttpRequest, session: Session, carried: Carried, step: Step, shown: Shown, *, status: int = 200
) -> HttpResponse:
    """Render the page of `step` with what it shows; `press` names each rendering, so that its answer counts once."""
    manifest = manifest_of(session)
    common = {
        "session": session,
        "frame": frame_of(session, carried, step),
        "provider": manifest,
        "told": told_of(carried.refusal, step, manifest),
        "press": secrets.token_hex(8),
    }
    template = step.value.replace("-", "_")
    target = shown.get("form_target", "")
    return page(request, template, {**common, **shown}, status=status, form_target=target)


def note_seen(request: HttpRequest, session: Session, carried: Carried, step: Step) -> Carried:
    """Tell that a page was seen. That of a refusal that was told just now belongs to that, and is no further visit."""
    if carried.refusal and carried.refusal.is_news and carried.refusal.page == step:
        known = replace(carried, refusal=replace(carried.refusal, is_news=False))
        carrying.write(session, known)
        return known
    if step == Step.SIGN_IN and carried.is_elsewhere:
        carried = note_return(session=session, carried=carried)
    if "prefetch" not in request.headers.get("Sec-Purpose", "") and step != Step.DONE:
        tell(session, seen(step))
    return carried


def note_wrong(session: Session, step: Step, labels: list[str]) -> None:
    """Tell that fields were to be corrected: which ones, and nothing of what stood in them."""
    words = f"Fields to correct: {', '.join(labels)}."
    tell(session, NewEvent(EventName.ERROR_SHOWN, stage=stage_of(step), page=step, words=words))
