"""What every page of the hosted flow has in common: its visitor, his limits, and headers that keep it to him.

No member's session is read here: the cookie of a visit opens one session of the flow and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from csp.decorators import csp_update
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from connectors.ids import short_id
from dashboard.connecting import carried as carrying
from dashboard.connecting.carried import Carried
from dashboard.connecting.steps import Step, waiting_at
from dashboard.pages.connect import step_href
from dashboard.pages.connect_look import look
from dashboard.throttle import Limit, address_of, wait_seconds
from sessions_log.models import Session, SessionKind
from sessions_log.services.links import VISIT, visited, was_visited

View = Callable[..., HttpResponse]
NOT_FOUND, GONE, INVALID, TOO_MANY = 404, 410, 422, 429
# Whole pages of one address; a company may sit behind it.
PAGES = Limit("connect-pages", 600, 60)
# Presses on a link of one address.
LINKS = Limit("connect-links", 120, 60)
# Sign-ins of one session: a provider locks an account sooner.
SIGN_INS = Limit("connect-sign-ins", 12, 600)
# What the script of one session tells.
TOLD = Limit("connect-told", 120, 60)


def of_flow(view: View) -> View:
    """Make a view one of the flow: open to everybody, limited per address, kept by nobody.

    The address of a page never leaves our own pages: see `SECURE_REFERRER_POLICY`. Without any referrer browsers send
    forms with an origin of "null", which the check against forged requests refuses.
    """

    @login_not_required
    @never_cache
    @wraps(view)
    def limited(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if wait := wait_seconds(PAGES, address_of(request)):
            return too_many(request, wait)
        return view(request, *args, **kwargs)

    return limited


def visit_of(request: HttpRequest, session_id: UUID) -> Session | None:
    """Return the session that the browser's cookie opens, while it can go on."""
    secret = request.COOKIES.get(cookie_name(session_id), "")
    return visited(session_id, secret) if secret else None


def cookie_name(session_id: UUID) -> str:
    """Return the name of the cookie that opens one session; several may be open in one browser."""
    return f"{settings.SESSION_COOKIE_NAME}-visit-{session_id.hex}"


def set_visit(response: HttpResponse, session_id: UUID, secret: str) -> None:
    """Let the browser hold a visit's secret, out of reach of scripts."""
    response.set_cookie(
        cookie_name(session_id),
        secret,
        max_age=VISIT,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def page(
    request: HttpRequest,
    template: str,
    context: dict[str, Any],
    *,
    status: int = 200,
    form_target: str = "",
) -> HttpResponse:
    """Render a page of the flow. `form_target` is the origin that a form's answer may lead to, beside our own."""
    response = render(request, f"connect/{template}.html", {"look": look(), **context}, status=status)
    if form_target:
        # Browsers hold the redirect that follows a form against this policy, too.
        response = csp_update({"form-action": [form_target]})(lambda _: response)(request)  # type: ignore[assignment]
    return response


def without_visit(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """Say that a page is another browser's, or that the session is over; nobody else learns that there is one."""
    secret = request.COOKIES.get(cookie_name(session_id), "")
    if secret and was_visited(session_id, secret):
        return closed(request, "over", GONE, code=short_id(session_id))
    return closed(request, "elsewhere", NOT_FOUND)


def is_lost(session: Session) -> bool:
    """Whether the connection that was to be mended is not there any more."""
    is_gone = session.connection is None or session.connection.deleted_at is not None
    return session.kind == SessionKind.RECONNECT and is_gone


def closed(request: HttpRequest, why: str, status: int, **context: Any) -> HttpResponse:
    """Say why there is nothing to go on with, and what to do."""
    response = page(request, "closed", {"why": why, **context}, status=status)
    # There is no form on it.
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def too_many(request: HttpRequest, wait: int) -> HttpResponse:
    """Say how long to wait (429)."""
    minutes = -(-wait // 60)
    context = {"wait": f"{minutes} minutes" if minutes > 1 else "a minute"}
    response = closed(request, "too_many", TOO_MANY, **context)
    response.headers["Retry-After"] = str(wait)
    return response


def go_on(session: Session, carried: Carried | None = None) -> HttpResponseRedirect:
    """Lead to the step that a session waits at."""
    return to_step(session, waiting_at(session, carried or carrying.read(session)))


def to_step(session: Session, step: Step) -> HttpResponseRedirect:
    """Lead to a step's page. 303: whatever was sent, what follows is asked for."""
    response = HttpResponseRedirect(step_href(session, step))
    response.status_code = 303
    return response
