"""Who connected one connection, and how: the history of its sessions, and how far people come."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard.forms.connection_sessions import ProgressForm, SessionPlaceForm
from dashboard.pages.auth_progress import progress_of
from dashboard.pages.auth_steps import steps_of
from dashboard.pages.connection import Subject, head_of
from dashboard.pages.connection_sessions import sessions_of
from dashboard.pages.milestones import facts_of, milestones_of, next_milestone
from dashboard.pages.session import SessionPage, page_of, read
from dashboard.pages.session_next import next_step
from dashboard.pages.session_rows import row_of
from dashboard.pages.session_support import Taken, support_text
from dashboard.views.connection_pages import connection_or_404
from dashboard.views.rendering import render_page, wants_fragment
from sessions_log.models import Session

OK, STOP_POLLING = 200, 286


@require_safe
def sessions(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show the sessions of a connection beside the story of one; a poll gets that story alone, and 286 at its end."""
    subject = Subject(connection_or_404(pk), timezone.now())
    form = SessionPlaceForm(request.GET)
    asked = form.criteria()
    listed = sessions_of(subject, asked)
    told = _told(request, subject, listed.chosen, is_raw="view" in asked) if listed.chosen else {}
    page: SessionPage | None = told.get("page")
    context = {
        "section": "sessions",
        "form": form,
        "listed": listed,
        "told_href": listed.told_href,
        "raw_href": listed.raw_href,
        "address": request.get_full_path(),
        "poll_address": listed.raw_href if page and page.is_raw else listed.told_href,
        **told,
    }
    is_poll = wants_fragment(request)
    if not is_poll:
        context["head"] = head_of(subject)
    is_over = is_poll and (page is None or not page.is_live)
    return render_page(
        request,
        "connections/sessions.html",
        context,
        fragment="live",
        status=STOP_POLLING if is_over else OK,
        version=page.version if page else "",
    )


@require_safe
def auth(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show how far one person came, the newest unless another session is asked for, and how far all come."""
    subject = Subject(connection_or_404(pk), timezone.now())
    form = ProgressForm(request.GET)
    asked = form.criteria()
    mine = Session.objects.for_page().filter(connection=subject.connection)
    session = get_object_or_404(mine, pk=asked["session"]) if "session" in asked else mine.order_by("-pk").first()
    context: dict[str, Any] = {
        "section": "auth",
        "form": form,
        "head": head_of(subject),
        "address": request.get_full_path(),
        "progress": progress_of(subject, asked),
        "session": session,
        "now": subject.now,
    }
    story = read(session).story if session else None
    if session and story:
        context["row"] = row_of(session, subject.now)
        context["steps"] = steps_of(session, story)
        context["next"] = next_step(session, subject.now)
    if subject.provider.is_assisted:
        facts = facts_of(subject.connection, session, story)
        context["steps"] = milestones_of(facts)
        context["next"] = next_milestone(subject.connection, facts)
    return render_page(request, "connections/auth.html", context, fragment="live")


def _told(request: HttpRequest, subject: Subject, pk: UUID, *, is_raw: bool) -> dict[str, Any]:
    """Return the story of a session of this connection. Raises `Http404` for any other."""
    found = Session.objects.for_page().filter(connection=subject.connection)
    session = get_object_or_404(found, pk=pk)
    page = page_of(read(session), subject.now, is_raw=is_raw)
    address = request.build_absolute_uri(session.get_absolute_url())
    support = support_text(session, page, Taken(address, subject.now))
    return {"session": session, "page": page, "support": support, "now": subject.now}
