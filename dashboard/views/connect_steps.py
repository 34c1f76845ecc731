"""The steps of the hosted flow, each at an address of its own. To look at one stores that it was seen, and no more."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from connectors.providers import registry
from dashboard.connecting import carried as carrying
from dashboard.connecting.carried import Carried
from dashboard.connecting.finishing import choose, connect
from dashboard.connecting.steps import Step, is_open, manifest_of, stage_of, waiting_at
from dashboard.connecting.telling import tell
from dashboard.forms.connect import EntitiesForm, ProviderSearchForm, TermsForm
from dashboard.pages.connect import companies_of, services_of, terms_of, told_of
from dashboard.pages.connect_check import check_of
from dashboard.pages.connect_done import done_of
from dashboard.pages.connect_look import look
from dashboard.views.connect import go
from dashboard.views.connect_show import Shown, note_seen, note_wrong, show_step
from dashboard.views.connect_sign_in import code_shown, sign_in_shown, take_code, take_sign_in
from dashboard.views.connect_upload import take_upload, upload_shown
from dashboard.views.connect_visit import (
    GONE,
    INVALID,
    closed,
    go_on,
    is_lost,
    of_flow,
    to_step,
    visit_of,
    without_visit,
)
from sessions_log.events import EventName
from sessions_log.exits import ExitReason
from sessions_log.models import Session
from sessions_log.services import progress
from sessions_log.services.record import NewEvent
from sessions_log.services.return_addresses import usable_return

FORM = ("GET", "HEAD", "POST")


@of_flow
@require_http_methods(FORM)
def step(request: HttpRequest, pk: UUID, page: str) -> HttpResponse:
    """Show a step, or take its answer; one that was not reached leads to the one that the session waits at."""
    if page not in Step.values:
        message = f"There is no step “{page}”."
        raise Http404(message)
    session = visit_of(request, pk)
    if session is None:
        return without_visit(request, pk)
    if is_lost(session):
        return closed(request, "lost", GONE)
    carried, wanted = carrying.read(session), Step(page)
    if not is_open(wanted, session, carried):
        return go_on(session, carried)
    if request.method == "POST":
        return _TAKES[wanted](request, session, carried)
    if request.method == "GET":
        carried = note_seen(request, session, carried, wanted)
    return show_step(request, session, carried, wanted, _SHOWS[wanted](request, session, carried))


def _terms(request: HttpRequest, session: Session, carried: Carried) -> Shown:
    del request, carried
    return {"terms": terms_of(session), "form": TermsForm()}


def _take_terms(request: HttpRequest, session: Session, carried: Carried) -> HttpResponse:
    if request.POST.get("action") == "decline":
        return go(session, ExitReason.TERMS_DECLINED, Step.TERMS)
    form = TermsForm(request.POST)
    if session.terms_accepted_at is None:
        if not form.is_valid():
            note_wrong(session, Step.TERMS, ["I agree"])
            shown = {**_terms(request, session, carried), "form": form}
            return show_step(request, session, carried, Step.TERMS, shown, status=INVALID)
        progress.agree(session=session, version=look().terms_version, stage=stage_of(Step.TERMS))
        session.refresh_from_db(fields=["terms_accepted_at"])
    return to_step(session, _after(Step.TERMS, session, carried))


def _after(step: Step, session: Session, carried: Carried) -> Step:
    """Return the page that follows one that was gone back to: the next, not the furthest."""
    later = list(Step)[list(Step).index(step) + 1 :]
    return next((one for one in later if is_open(one, session, carried)), waiting_at(session, carried))


def _provider(request: HttpRequest, session: Session, carried: Carried) -> Shown:
    del carried
    query = ProviderSearchForm(request.GET).text()
    services = services_of(session, query)
    if query and request.method == "GET":
        # How many there were, and never what was looked for.
        detail = {"found": len(services)}
        tell(
            session,
            NewEvent(EventName.PROVIDER_SEARCHED, stage=stage_of(Step.PROVIDER), page=Step.PROVIDER, detail=detail),
        )
    return {"services": services, "query": query}


def _take_provider(request: HttpRequest, session: Session, carried: Carried) -> HttpResponse:
    kind = request.POST.get("provider", "")
    if kind not in {one.kind for one in services_of(session, "")}:
        shown = {**_provider(request, session, carried), "is_unknown": True}
        return show_step(request, session, carried, Step.PROVIDER, shown, status=INVALID)
    if kind != session.provider:
        stage = stage_of(Step.PROVIDER)
        tell(session, NewEvent(EventName.PROVIDER_SELECTED, stage=stage, page=Step.PROVIDER, provider=kind))
        carrying.write(session, Carried())
    return to_step(session, Step.SIGN_IN)


def _code(request: HttpRequest, session: Session, carried: Carried) -> Shown:
    del request, session
    return code_shown(carried)


def _companies(request: HttpRequest, session: Session, carried: Carried) -> Shown:
    del request
    return {"companies": companies_of(registry.manifest(session.provider), carried.entities or (), carried.chosen)}


def _take_companies(request: HttpRequest, session: Session, carried: Carried) -> HttpResponse:
    entities, manifest = carried.entities or (), registry.manifest(session.provider)
    form = EntitiesForm(request.POST, entities=entities)
    is_ours = form.is_valid()
    chosen = set(form.cleaned_data["refs"]) if is_ours else set()
    action, query = (form.cleaned_data["action"], form.cleaned_data["q"]) if is_ours else ("", "")
    if is_ours and action == "connect" and chosen:
        choose(session=session, carried=carried, refs=chosen)
        return _connect(request, session)
    companies = companies_of(manifest, entities, chosen, query)
    if action in {"all", "none"}:
        meant = {one.ref for one in companies.shown}
        companies = companies_of(manifest, entities, chosen | meant if action == "all" else chosen - meant, query)
    is_missing = action not in {"all", "none", "search"}
    if is_missing:
        note_wrong(session, Step.COMPANIES, [companies.many])
    shown = {"companies": companies, "is_missing": is_missing}
    return show_step(request, session, carried, Step.COMPANIES, shown, status=INVALID if is_missing else 200)


def _check(request: HttpRequest, session: Session, carried: Carried) -> Shown:
    del request
    return {"check": check_of(session, carried)}


def _take_check(request: HttpRequest, session: Session, carried: Carried) -> HttpResponse:
    del carried
    return _connect(request, session)


def _connect(request: HttpRequest, session: Session) -> HttpResponse:
    """Make the real test and connect; what is missing is shown on the page of the check."""
    refusal = connect(session_id=session.pk)
    session.refresh_from_db()
    carried = carrying.read(session)
    if refusal is None or refusal.page != Step.CHECK:
        return go_on(session, carried)
    shown = {**_check(request, session, carried), "told": told_of(refusal, Step.CHECK, manifest_of(session))}
    return show_step(request, session, carried, Step.CHECK, shown, status=INVALID)


def _done(request: HttpRequest, session: Session, carried: Carried) -> Shown:
    del request, carried
    return {"done": done_of(session), "return_url": usable_return(session.return_url)}


def _take_nothing(request: HttpRequest, session: Session, carried: Carried) -> HttpResponse:
    del request, carried
    return to_step(session, Step.DONE)


_SHOWS: dict[Step, Callable[[HttpRequest, Session, Carried], Shown]] = {
    Step.TERMS: _terms,
    Step.PROVIDER: _provider,
    Step.SIGN_IN: sign_in_shown,
    Step.CODE: _code,
    Step.UPLOAD: upload_shown,
    Step.COMPANIES: _companies,
    Step.CHECK: _check,
    Step.DONE: _done,
}
_TAKES: dict[Step, Callable[[HttpRequest, Session, Carried], HttpResponse]] = {
    Step.TERMS: _take_terms,
    Step.PROVIDER: _take_provider,
    Step.SIGN_IN: take_sign_in,
    Step.CODE: take_code,
    Step.UPLOAD: take_upload,
    Step.COMPANIES: _take_companies,
    Step.CHECK: _take_check,
    Step.DONE: _take_nothing,
}
