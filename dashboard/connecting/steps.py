"""The steps of the flow: which there are for a session, which it waits at, and which it may go back to."""

from __future__ import annotations

from django.db import models

from connectors.providers import registry
from connectors.providers.manifest import Manifest
from dashboard.connecting.carried import Carried
from sessions_log.models import Session, SessionKind, SessionStatus
from sessions_log.stages import Stage


class Step(models.TextChoices):
    """A page of the flow, named as in its address."""

    TERMS = "terms", "Terms"
    PROVIDER = "provider", "Service"
    SIGN_IN = "sign-in", "Sign in"
    CODE = "code", "Code"
    UPLOAD = "upload", "Files"
    COMPANIES = "companies", "Choose"
    CHECK = "check", "Connect"
    DONE = "done", "Done"


_STAGES = {
    Step.TERMS: Stage.TERMS,
    Step.PROVIDER: Stage.PROVIDER_SELECTION,
    Step.SIGN_IN: Stage.AUTHENTICATION,
    Step.CODE: Stage.MFA,
    # Files are delivered in place of a sign-in.
    Step.UPLOAD: Stage.AUTHENTICATION,
    Step.COMPANIES: Stage.ENTITY_SELECTION,
    Step.CHECK: Stage.VERIFICATION,
    Step.DONE: Stage.CONNECTED,
}
_ORDER = tuple(Step)


def stage_of(step: Step) -> Stage:
    """Return the stage of a session that a page belongs to."""
    return _STAGES[step]


def manifest_of(session: Session) -> Manifest | None:
    """Return the provider of a session; None where it is not chosen, or is none of ours any more."""
    return registry.manifest(session.provider) if session.provider in registry.kinds() else None


def asks_for_entities(session: Session, carried: Carried) -> bool:
    """Whether there is something to choose: not for one entity, and not where a connection has its own already."""
    if is_assisted(session):
        return False
    return session.kind == SessionKind.FIRST and carried.is_accepted and len(carried.entities or ()) != 1


def is_assisted(session: Session) -> bool:
    """Whether files are delivered in place of a sign-in."""
    manifest = manifest_of(session)
    return manifest is not None and manifest.is_assisted


def waiting_at(session: Session, carried: Carried) -> Step:
    """Return the step that a session waits at."""
    if session.status == SessionStatus.COMPLETED:
        return Step.DONE
    if session.terms_accepted_at is None:
        return Step.TERMS
    if manifest_of(session) is None:
        return Step.PROVIDER
    if not carried.is_accepted:
        return _signing_in(session, carried)
    if asks_for_entities(session, carried) and not carried.chosen:
        return Step.COMPANIES
    return Step.CHECK


def _signing_in(session: Session, carried: Carried) -> Step:
    if is_assisted(session):
        return Step.UPLOAD
    return Step.CODE if carried.challenge else Step.SIGN_IN


def is_open(step: Step, session: Session, carried: Carried) -> bool:
    """Whether a page can be shown: the one it waits at, and those before it that this session has."""
    waiting = waiting_at(session, carried)
    if step == waiting:
        return True
    if waiting == Step.DONE or _ORDER.index(step) > _ORDER.index(waiting):
        return False
    return {
        Step.PROVIDER: not session.is_provider_fixed,
        Step.SIGN_IN: not is_assisted(session),
        Step.CODE: False,
        Step.UPLOAD: is_assisted(session),
        Step.COMPANIES: asks_for_entities(session, carried),
    }.get(step, True)


def before(step: Step, session: Session, carried: Carried) -> Step | None:
    """Return the page that “Back” leads to from `step`; None on the first one."""
    if step == Step.CODE:
        return Step.SIGN_IN
    earlier = _ORDER[: _ORDER.index(step)]
    return next((one for one in reversed(earlier) if is_open(one, session, carried)), None)
