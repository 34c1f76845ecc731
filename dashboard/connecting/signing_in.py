"""An end user signs in at a provider: with what he types here, with a code, or on the provider's own pages.

Each press is answered once, however often it comes: the answer of the first one is that of the others.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from hashlib import blake2b
from urllib.parse import urlsplit
from uuid import UUID

from django.utils import timezone

from connectors import signing_in
from connectors.plan import Endpoint, FoundEntity, SyncError
from connectors.providers import registry
from connectors.providers.manifest import Manifest
from connectors.services.asking import ask_in_time
from connectors.signing_in import Challenge, SignedIn, SignInError
from dashboard.connecting import carried as carrying
from dashboard.connecting.carried import Carried, Refusal
from dashboard.connecting.steps import Step, manifest_of, stage_of
from dashboard.connecting.telling import refused, tell
from sessions_log.events import EventName
from sessions_log.models import Session, SessionKind, SessionStatus
from sessions_log.services import progress
from sessions_log.services.record import NewEvent


class StaleReturnError(Exception):
    """A return from the provider that belongs to no sign-in that is open: it was used, or it is another one's."""


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed to sign in, and the press that sent it."""

    method: str
    press: str
    values: Mapping[str, str] = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """Name the press together with what it sent: a form that was kept and changed is another press."""
        return fingerprint(self.press, self.method, dict(self.values))


@dataclass(frozen=True, slots=True)
class _Accepted:
    """A sign-in that was accepted, and what can be seen with it."""

    signed_in: SignedIn
    entities: tuple[FoundEntity, ...]


def choose_method(*, session: Session, method: str) -> None:
    """Tell by which of several ways he wants to sign in."""
    tell(session, _event(EventName.AUTH_METHOD_SELECTED, Step.SIGN_IN, method))


def submit(*, session_id: UUID, typed: Typed) -> Refusal | None:
    """Sign in with what was typed. Returns the refusal, None where the flow goes on."""
    with progress.turn(session_id) as session:
        carried, manifest = carrying.read(session), manifest_of(session)
        press = typed.fingerprint
        if manifest is None or _is_answered(session, carried, press):
            return carried.answer_to(press)
        values = {**typed.values, **_kept_entity(session, manifest)}
        ask = partial(signing_in.sign_in, manifest.kind, typed.method, base_config(session, manifest), values)
        submitted = _event(EventName.CREDENTIALS_SUBMITTED, Step.SIGN_IN, typed.method)
        fresh = Carried(method=typed.method, press=press)
        return _settle(session, manifest, fresh, ask, submitted, EventName.LOGIN_FAILED)


def answer(*, session_id: UUID, code: str, press: str) -> Refusal | None:
    """Answer the question for a code. Returns the refusal, None where the flow goes on."""
    press = fingerprint(press, code)
    with progress.turn(session_id) as session:
        carried, manifest = carrying.read(session), manifest_of(session)
        if manifest is None or not carried.challenge or _is_answered(session, carried, press):
            return carried.answer_to(press)
        config = base_config(session, manifest)
        ask = partial(signing_in.answer, manifest.kind, config, carried.challenge, code)
        submitted = _event(EventName.MFA_SUBMITTED, Step.CODE, carried.method)
        return _settle(session, manifest, replace(carried, press=press), ask, submitted, EventName.MFA_FAILED)


def origin_elsewhere(session: Session, manifest: Manifest) -> str:
    """Return the origin of the provider's own sign-in pages; empty where its address cannot be used."""
    try:
        address = signing_in.authorize_url(
            manifest.kind, base_config(session, manifest), redirect_uri="", state="", code_challenge="", scopes=()
        )
    except SyncError:
        return ""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def go_elsewhere(*, session_id: UUID, redirect_uri: str, press: str) -> str:
    """Open a sign-in at the provider and return the address of its page. A second press leads to the same one.

    Empty where there is none to lead to; then the page of the sign-in says why.
    """
    with progress.turn(session_id) as session:
        carried, manifest = carrying.read(session), manifest_of(session)
        if manifest is None or session.status == SessionStatus.COMPLETED:
            return ""
        if press and carried.press == press and carried.elsewhere:
            return carried.elsewhere
        verifier, challenge = signing_in.new_verifier()
        began = timezone.now()
        try:
            address = signing_in.authorize_url(
                manifest.kind,
                base_config(session, manifest),
                redirect_uri=redirect_uri,
                state=progress.begin_elsewhere(session=session),
                code_challenge=challenge,
                scopes=session.products or [product.name for product in manifest.usual_products],
            )
        except SyncError as error:
            _refuse(session, manifest, Carried(method="oauth2", press=press), error, (), EventName.OAUTH_FAILED, began)
            return ""
        tell(session, _event(EventName.OAUTH_OPENED, Step.SIGN_IN, "oauth2"))
        there = Carried(method="oauth2", press=press, verifier=verifier, redirect_uri=redirect_uri, is_elsewhere=True)
        carrying.write(session, replace(there, elsewhere=address))
        return address


def come_back(*, session_id: UUID, state: str, code: str, error: str) -> Refusal | None:
    """Take the return from the provider. Returns the refusal, None where the flow goes on.

    Raises `StaleReturnError`; then nothing is changed.
    """
    with progress.turn(session_id) as session:
        carried, manifest = carrying.read(session), manifest_of(session)
        if manifest is None or not carried.verifier or not progress.came_back(session=session, state=state):
            raise StaleReturnError
        config = base_config(session, manifest)

        def ask() -> SignedIn:
            if error or not code:
                raise signing_in.refused_at_provider(error or "server_error")
            return signing_in.exchange(
                manifest.kind, config, code=code, verifier=carried.verifier, redirect_uri=carried.redirect_uri
            )

        refusal = _settle(session, manifest, Carried(method="oauth2"), ask, None, EventName.OAUTH_FAILED)
        if refusal is not None:
            # The browser is led to the page of the sign-in, which shows it.
            carrying.write(session, Carried(method="oauth2", refusal=replace(refusal, is_news=True)))
        return refusal


def note_return(*, session: Session, carried: Carried) -> Carried:
    """Tell once that he came back from the provider's page without an answer; the page there goes on working."""
    tell(session, _event(EventName.OAUTH_CLOSED, Step.SIGN_IN, "oauth2"))
    known = replace(carried, is_elsewhere=False)
    carrying.write(session, known)
    return known


def base_config(session: Session, manifest: Manifest) -> dict[str, object]:
    """Return the settings that no end user types: the operator's, or those that the connection has."""
    if session.kind != SessionKind.RECONNECT or session.connection is None:
        return dict(session.config)
    stored = session.connection.config
    return {one.name: stored[one.name] for one in manifest.operator_fields if one.name in stored}


def _kept_entity(session: Session, manifest: Manifest) -> dict[str, str]:
    """Return the settings that say what an entity is, which a new sign-in cannot change."""
    if session.kind != SessionKind.RECONNECT or session.connection is None:
        return {}
    stored = session.connection.config
    return {one.name: str(stored[one.name]) for one in manifest.fields if one.names_entity and one.name in stored}


def _is_answered(session: Session, carried: Carried, press: str) -> bool:
    """Whether this press was answered, or there is nothing to sign in to any more."""
    return session.status == SessionStatus.COMPLETED or bool(press and press == carried.press)


def _settle(
    session: Session,
    manifest: Manifest,
    carried: Carried,
    ask: Callable[[], SignedIn | Challenge],
    submitted: NewEvent | None,
    failed: EventName,
) -> Refusal | None:
    """Ask the provider, tell what came of it, and carry on what was accepted."""
    began = timezone.now()
    before = [submitted] if submitted else []
    try:
        found = ask_in_time(partial(_asked, manifest.kind, ask))
    except SyncError as error:
        return _refuse(session, manifest, carried, error, before, failed, began)
    if isinstance(found, Challenge):
        carrying.write(session, replace(carried, challenge=found.token, hint=found.hint, refusal=None))
        tell(session, *before, _event(EventName.MFA_REQUESTED, Step.SIGN_IN, carried.method), since=began)
        return None
    accepted = Carried(
        method=carried.method,
        press=carried.press,
        config=dict(found.signed_in.config),
        secrets=dict(found.signed_in.secrets),
        entities=found.entities,
    )
    carrying.write(session, accepted)
    listed = NewEvent(EventName.ENTITY_LISTED, detail={"count": len(found.entities)})
    after = [_event(EventName.LOGIN_SUCCEEDED, Step.SIGN_IN, carried.method), listed]
    if not found.entities:
        nothing = Refusal(Step.COMPANIES, "insufficient_permissions", missing=(manifest.entities_in_words(2)[2:],))
        after.append(refused(EventName.PERMISSIONS_MISSING, nothing, manifest))
        carrying.write(session, replace(accepted, refusal=replace(nothing, is_news=True)))
    tell(session, *before, *after, since=began)
    return None


def _asked(kind: str, ask: Callable[[], SignedIn | Challenge]) -> _Accepted | Challenge:
    """Sign in and look what can be seen; for `ask_in_time`, so without our database."""
    found = ask()
    if isinstance(found, Challenge):
        return found
    endpoint = Endpoint(kind, found.config, found.secrets)
    return _Accepted(found, tuple(registry.access(kind).list_entities(endpoint)))


def _refuse(
    session: Session,
    manifest: Manifest,
    carried: Carried,
    error: SyncError,
    before: Sequence[NewEvent],
    failed: EventName,
    began: datetime,
) -> Refusal:
    tries = error.tries_left if isinstance(error, SignInError) else None
    is_code = failed == EventName.MFA_FAILED
    refusal = Refusal(Step.CODE if is_code else Step.SIGN_IN, error.code, tries, press=carried.press)
    tell(session, *before, refused(failed, refusal, manifest), since=began)
    if is_code and (tries == 0 or error.code != "mfa_failed"):
        # The question is over: he begins anew, and the page of the sign-in says why.
        refusal = replace(refusal, page=Step.SIGN_IN, is_news=True)
        carrying.write(session, Carried(method=carried.method, press=carried.press, refusal=refusal))
    else:
        carrying.write(session, carried.refused(refusal))
    return refusal


def fingerprint(press: str, *sent: object) -> str:
    """Name a press by what it sent; empty for a form that names none, so that it is always a new one."""
    return blake2b(json.dumps([press, *sent], sort_keys=True).encode(), digest_size=16).hexdigest() if press else ""


def _event(name: EventName, step: Step, method: str) -> NewEvent:
    return NewEvent(name, stage=stage_of(step), page=step, detail={"method": method})
