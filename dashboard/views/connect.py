"""The ways into the hosted flow and out of it: the link, the return from a provider, help, leaving, the script."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from connectors.providers import registry
from dashboard.browsers import told_by
from dashboard.connecting import carried as carrying
from dashboard.connecting.signing_in import StaleReturnError, come_back
from dashboard.connecting.steps import Step, is_assisted, manifest_of, stage_of, waiting_at
from dashboard.connecting.telling import tell
from dashboard.forms.connect import LeaveForm
from dashboard.forms.connect_told import NotTellableError, told_in
from dashboard.pages.connect import frame_of
from dashboard.throttle import address_of, wait_seconds
from dashboard.views.connect_visit import (
    GONE,
    INVALID,
    LINKS,
    NOT_FOUND,
    TOLD,
    closed,
    cookie_name,
    go_on,
    is_lost,
    of_flow,
    page,
    set_visit,
    to_step,
    too_many,
    visit_of,
    without_visit,
)
from sessions_log.events import EventName
from sessions_log.models import Session, SessionStatus
from sessions_log.services import progress
from sessions_log.services.links import (
    LinkExpiredError,
    LinkUsedError,
    find,
    new_visit_secret,
    redeem,
    was_withdrawn,
)
from sessions_log.services.record import NewEvent, TooManyEventsError, record
from sessions_log.services.return_addresses import usable_return

NO_CONTENT, BAD_REQUEST = 204, 400
FORM = ("GET", "HEAD", "POST")


@of_flow
@require_http_methods(FORM)
def start(request: HttpRequest, token: str) -> HttpResponse:
    """Show where a link leads, and exchange it for a visit when its person presses on. Looking changes nothing."""
    session = find(token)
    if session is None:
        return closed(request, "unknown", NOT_FOUND)
    if visit_of(request, session.pk):
        return go_on(session)
    if request.method == "POST" and not is_lost(session):
        return _redeem(request, session, token)
    if why := _why_closed(session):
        return closed(request, why, GONE)
    provider = registry.manifest(session.provider) if session.provider in registry.kinds() else None
    response = page(request, "start", {"session": session, "provider": provider})
    # So that a second press, before the answer to the first one came, finds what that one did.
    set_visit(response, session.pk, request.COOKIES.get(cookie_name(session.pk)) or new_visit_secret())
    return response


def _why_closed(session: Session) -> str:
    """Return why a link leads nowhere any more; empty while it does."""
    if is_lost(session):
        return "lost"
    if session.redeemed_at is not None:
        return "used"
    if session.status == SessionStatus.CREATED and session.expires_at > timezone.now():
        return ""
    return "withdrawn" if was_withdrawn(session) else "expired"


def _redeem(request: HttpRequest, session: Session, token: str) -> HttpResponse:
    if wait := wait_seconds(LINKS, address_of(request)):
        return too_many(request, wait)
    secret = request.COOKIES.get(cookie_name(session.pk), "")
    try:
        visit = redeem(token, visit=secret, detail=told_by(request.headers.get("User-Agent", "")))
    except LinkUsedError:
        # Pressed twice: the other press has just come through with the same cookie.
        found = visit_of(request, session.pk)
        return go_on(found) if found else closed(request, "used", GONE)
    except LinkExpiredError as error:
        return closed(request, _why_closed(error.session) or "expired", GONE)
    response = go_on(visit.session)
    set_visit(response, session.pk, visit.secret)
    return response


@of_flow
@require_safe
def oauth_return(request: HttpRequest) -> HttpResponse:
    """Take the return from a provider's own pages: once, and only in the browser that was sent there."""
    state = request.GET.get("state", "")
    session_id = progress.session_of_state(state)
    session = visit_of(request, session_id) if session_id else None
    if session is None:
        return closed(request, "stale", BAD_REQUEST)
    if request.method == "HEAD":
        return HttpResponse()
    code, error = request.GET.get("code", ""), request.GET.get("error", "")
    try:
        come_back(session_id=session.pk, state=state, code=code, error=error)
    except StaleReturnError:
        carried = carrying.read(session)
        if session.status == SessionStatus.COMPLETED or carried.is_accepted:
            return go_on(session, carried)
        return closed(request, "stale", BAD_REQUEST, go_on=reverse("connect:step", args=[session.pk, Step.SIGN_IN]))
    session.refresh_from_db()
    return go_on(session)


@of_flow
@require_safe
def help_(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Say how to get help, with the code by which support finds the session."""
    session = visit_of(request, pk)
    if session is None:
        return without_visit(request, pk)
    carried = carrying.read(session)
    step = waiting_at(session, carried)
    if request.method == "GET" and session.status != SessionStatus.COMPLETED:
        tell(session, NewEvent(EventName.HELP_OPENED, stage=stage_of(step), page=step))
    context = {"session": session, "frame": frame_of(session, carried, step), "provider": manifest_of(session)}
    return page(request, "help", context)


@of_flow
@require_http_methods(FORM)
def leave(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask why somebody leaves, and let him go."""
    session = visit_of(request, pk)
    if session is None:
        return without_visit(request, pk)
    carried = carrying.read(session)
    step = waiting_at(session, carried)
    if step == Step.DONE:
        return to_step(session, step)
    form = LeaveForm(request.POST if request.method == "POST" else None, is_assisted=is_assisted(session))
    if form.is_valid():
        return go(session, form.cleaned_data["reason"], step)
    context = {
        "session": session,
        "frame": frame_of(session, carried, step),
        "form": form,
        "provider": manifest_of(session),
    }
    return page(request, "leave", context, status=INVALID if form.is_bound else 200)


def go(session: Session, reason: str, step: Step) -> HttpResponse:
    """Let somebody leave; pressed twice he leaves once."""
    with progress.turn(session.pk) as current:
        if current.status not in {SessionStatus.EXITED, SessionStatus.COMPLETED}:
            progress.leave(session=current, reason=reason, stage=stage_of(step), page=step)
    response = to_step(session, step)
    response.headers["Location"] = reverse("connect:left", args=[session.pk])
    return response


@of_flow
@require_safe
def left(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Say what leaving meant, and how to come back. To look at it is no return."""
    session = visit_of(request, pk)
    if session is None:
        return without_visit(request, pk)
    if session.status != SessionStatus.EXITED:
        return go_on(session)
    step = waiting_at(session, carrying.read(session))
    context = {
        "session": session,
        "step": step,
        "return_url": usable_return(session.return_url),
        "provider": manifest_of(session),
    }
    return page(request, "left", context)


@of_flow
@require_POST
def events(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Record what only the browser knows. There is nobody who reads the answer."""
    session = visit_of(request, pk)
    if session is None:
        return HttpResponse(status=NOT_FOUND)
    if wait_seconds(TOLD, str(pk)):
        return HttpResponse(status=429)
    try:
        now = timezone.now()
        shown_after = session.events.shown_after
        record(
            session,
            told_in(request.POST, opened_at=session.redeemed_at or now, now=now, shown_after=shown_after),
        )
    except (NotTellableError, TooManyEventsError):
        return HttpResponse(status=BAD_REQUEST)
    return HttpResponse(status=NO_CONTENT)
