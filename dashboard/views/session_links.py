"""Connect links: made and shown once, sent by e-mail, withdrawn while nobody has used them."""

from __future__ import annotations

from typing import cast
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_http_methods

from connectors.models import Connection
from dashboard.forms.session_link import LinkForm
from dashboard.mail import mail_state, send_link
from dashboard.pages.connect_look import look_of
from dashboard.pages.session_link import back_of, made_link_of, new_link_of
from dashboard.views.connection_pages import connection_or_404
from dashboard.views.rendering import render_page
from sessions_log.models import ConnectLook, Session
from sessions_log.services.links import LinkGoneError, LinkMadeError, create_link, is_unused, withdraw

OK, CONFLICT, INVALID = 200, 409, 422
QUESTION = ("GET", "HEAD", "POST")


@require_http_methods(QUESTION)
def new(request: HttpRequest) -> HttpResponse:
    """Ask for whom a link is and what it leads to; make it and show it, once."""
    connection, like = _about(request)
    look, mail = ConnectLook.objects.current(), mail_state()
    answer = request.POST if request.method == "POST" else None
    form = LinkForm(answer, look=look, mail=mail, connection=connection, like=like)
    if not form.is_valid():
        query = urlencode({"connection": connection.pk} if connection else {"from": like.pk} if like else {})
        back = back_of(connection or like)
        context = {"form": form, "mail": mail, "page": new_link_of(form, query=query, back=back), "back": back}
        status = INVALID if answer is not None else OK
        return _unkept(render_page(request, "sessions/link_new.html", context, fragment="question", status=status))
    sent: list[bool] = []

    def send(session: Session, secret: str) -> bool:
        zone = timezone.get_current_timezone()
        sent.append(send_link(session, _address(request, secret), look=look_of(look), zone=zone))
        return sent[0]

    try:
        session, secret = create_link(
            invitation=form.invitation(),
            actor=cast("User", request.user),
            key=form.cleaned_data["key"],
            send=send if form.is_sent else None,
        )
    except LinkMadeError as known:
        return _again(request, known)
    return _made(request, session, secret, was_sent=sent[0] if sent else None)


@require_http_methods(QUESTION)
def withdraw_link(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Say what withdrawing does, and end a link that nobody has used (409 for any other)."""
    session = get_object_or_404(Session.objects.for_page(), pk=pk)
    back = back_of(session)
    status, refusal = OK, "" if is_unused(session) else str(LinkGoneError())
    if request.method == "POST":
        try:
            withdraw(session=session, actor=cast("User", request.user))
        except LinkGoneError as error:
            status, refusal = CONFLICT, str(error)
        else:
            messages.success(request, f"The connect link for {session} does not work any more.")
            return redirect(back.href)
    context = {"session": session, "refusal": refusal, "back": back}
    return render_page(request, "sessions/link_withdraw.html", context, fragment="question", status=status)


def _again(request: HttpRequest, known: LinkMadeError) -> HttpResponse:
    """Answer a form that was sent twice: with the link while it waits, since the first answer may not have come."""
    if is_unused(known.session):
        return _made(request, known.session, known.secret, was_sent=None, is_repeated=True)
    context = {"session": known.session, "back": back_of(known.session)}
    return _unkept(render(request, "sessions/link_over.html", context, status=CONFLICT))


def _made(
    request: HttpRequest, session: Session, secret: str, *, was_sent: bool | None, is_repeated: bool = False
) -> HttpResponse:
    page = made_link_of(
        session,
        _address(request, secret),
        was_sent=was_sent,
        is_repeated=is_repeated,
        folder=mail_state().folder,
        back=back_of(session.connection or session),
    )
    return _unkept(render(request, "sessions/link_made.html", {"page": page, "session": session, "back": page.back}))


def _address(request: HttpRequest, secret: str) -> str:
    return request.build_absolute_uri(reverse("connect:start", args=[secret]))


def _unkept(response: HttpResponse) -> HttpResponse:
    """Leave nothing in a cache.

    The address holds no secret, and pages tell it to our own server only (`SECURE_REFERRER_POLICY`): with
    "no-referrer" browsers would send forms without their origin, which the protection against forged forms refuses.
    """
    patch_cache_control(response, private=True, no_store=True)
    return response


def _about(request: HttpRequest) -> tuple[Connection | None, Session | None]:
    """Return the connection to mend, and the earlier session whose values are taken over. Raises `Http404`."""
    asked = {name: _key(request.GET[name]) for name in ("connection", "from") if request.GET.get(name)}
    like = get_object_or_404(Session.objects.for_page(), pk=asked["from"]) if "from" in asked else None
    target = asked.get("connection") or (like.connection_id if like and _is_kept(like) else None)
    if target is None:
        return None, like
    connection = connection_or_404(target)
    return connection, like or Session.objects.latest_of(connection)


def _is_kept(session: Session) -> bool:
    return session.connection is not None and session.connection.deleted_at is None


def _key(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        message = "There is nothing with this ID."
        raise Http404(message) from None
