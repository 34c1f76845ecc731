"""The sign-in of the hosted flow: by which way, what is typed, the provider's own pages, and the code."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from connectors.providers import registry
from connectors.providers.manifest import SignIn
from dashboard.connecting import carried as carrying
from dashboard.connecting.carried import Carried
from dashboard.connecting.signing_in import (
    Typed,
    answer,
    choose_method,
    go_elsewhere,
    origin_elsewhere,
    submit,
)
from dashboard.connecting.steps import Step
from dashboard.forms.connect import CodeForm, SignInForm
from dashboard.pages.connect import asked_of, told_of, way_named, ways_of
from dashboard.throttle import wait_seconds
from dashboard.views.connect_show import Shown, note_wrong, show_step
from dashboard.views.connect_visit import INVALID, SIGN_INS, go_on, to_step, too_many
from sessions_log.models import Session, SessionKind


def sign_in_shown(request: HttpRequest, session: Session, carried: Carried) -> Shown:
    """Return what the page of the sign-in shows: the ways, or the one that was chosen."""
    manifest = registry.manifest(session.provider)
    # What was refused is shown again; “another way” names none.
    way = way_named(manifest, request.GET.get("method", carried.method if carried.refusal else ""))
    shown = _shown(session, way, None)
    # A refusal belongs to its own way.
    return shown if way is None or way.method == carried.method else {**shown, "told": None}


def take_sign_in(request: HttpRequest, session: Session, carried: Carried) -> HttpResponse:
    """Take a choice of the way, or a sign-in."""
    way = way_named(registry.manifest(session.provider), request.POST.get("method", ""))
    if way is None:
        return to_step(session, Step.SIGN_IN)
    if request.POST.get("action") == "choose":
        choose_method(session=session, method=way.method)
        return _at_way(session, way)
    if wait := wait_seconds(SIGN_INS, str(session.pk)):
        return too_many(request, wait)
    press = request.POST.get("press", "")
    if way.method == "oauth2":
        return _send_elsewhere(request, session, way, press)
    return _submit(request, session, carried, way, press)


def _submit(request: HttpRequest, session: Session, carried: Carried, way: SignIn, press: str) -> HttpResponse:
    form = SignInForm(request.POST, sign_in=way, kept=_kept(session))
    if not form.is_valid():
        note_wrong(session, Step.SIGN_IN, [str(form[name].label) for name in form.errors])
        return show_step(request, session, Carried(), Step.SIGN_IN, _shown(session, way, form), status=INVALID)
    refusal = submit(session_id=session.pk, typed=Typed(way.method, press, form.typed()))
    if refusal is None:
        return _further(session)
    form.mark(refusal.code)
    told = told_of(refusal, Step.SIGN_IN, registry.manifest(session.provider))
    shown = {**_shown(session, way, form), "told": told}
    return show_step(request, session, carried, Step.SIGN_IN, shown, status=INVALID)


def take_code(request: HttpRequest, session: Session, carried: Carried) -> HttpResponse:
    """Take the code of the second factor."""
    form = CodeForm(request.POST)
    if not form.is_valid():
        note_wrong(session, Step.CODE, ["Code"])
        return show_step(request, session, carried, Step.CODE, code_shown(carried, form), status=INVALID)
    if wait := wait_seconds(SIGN_INS, str(session.pk)):
        return too_many(request, wait)
    press = request.POST.get("press", "")
    refusal = answer(session_id=session.pk, code=form.cleaned_data["code"], press=press)
    if refusal is None or refusal.page != Step.CODE:
        return _further(session)
    again = CodeForm({"code": ""})
    again.mark()
    told = told_of(refusal, Step.CODE, registry.manifest(session.provider))
    shown = {**code_shown(carried, again), "told": told}
    return show_step(request, session, carried, Step.CODE, shown, status=INVALID)


def code_shown(carried: Carried, form: CodeForm | None = None) -> Shown:
    """Return what the page of the code shows."""
    return {"form": form or CodeForm(), "hint": carried.hint}


def _shown(session: Session, way: SignIn | None, form: SignInForm | None) -> Shown:
    manifest = registry.manifest(session.provider)
    shown: Shown = {"ways": ways_of(manifest), "way": way, "has_several": len(manifest.sign_ins) > 1}
    if way is None:
        return shown
    if way.method == "oauth2":
        return {**shown, "form_target": origin_elsewhere(session, manifest)}
    form = form or SignInForm(None, sign_in=way, kept=_kept(session))
    return {**shown, "form": form, "asked": asked_of(form)}


def _kept(session: Session) -> frozenset[str]:
    """Return the fields that nobody types anew: the operator's, and what an entity of the connection is."""
    fields = registry.manifest(session.provider).fields
    is_reconnect = session.kind == SessionKind.RECONNECT
    return frozenset(one.name for one in fields if one.by_operator or (is_reconnect and one.names_entity))


def _send_elsewhere(request: HttpRequest, session: Session, way: SignIn, press: str) -> HttpResponse:
    """Lead to the provider's own pages."""
    back = request.build_absolute_uri(reverse("connect:oauth-return"))
    address = go_elsewhere(session_id=session.pk, redirect_uri=back, press=press)
    response = _at_way(session, way)
    if address:
        response.headers["Location"] = address
    return response


def _at_way(session: Session, way: SignIn) -> HttpResponse:
    response = to_step(session, Step.SIGN_IN)
    response.headers["Location"] += f"?{urlencode({'method': way.method})}"
    return response


def _further(session: Session) -> HttpResponse:
    """Lead on after a press that was taken, by this request or by one before it."""
    session.refresh_from_db()
    return go_on(session, carrying.read(session))
