"""`/oauth/authorize`: the pages on which a user signs in and decides what a client may read (RFC 6749, 4.1.1).

What was asked, and how far the user has come, travels from page to page in a signed ticket, so nothing is kept of those
who never come back. A decision counts once.
"""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace

from connectors.sandbox import pages
from connectors.sandbox.grants import Grants
from connectors.sandbox.messages import FORM, Reply, Request, allow, pairs_in
from connectors.sandbox.oauth import CLIENTS, Asked, SentBackError, UntrustedRequestError, read_request
from connectors.sandbox.passwords import Letter, Passwords, RefusedError
from connectors.sandbox.redirects import origin_of
from connectors.sandbox.tokens import Clock, Signer
from connectors.sandbox.users import USERS

AUTHORIZE_PATH = "/oauth/authorize"
VISIT_SECONDS = 15 * 60
_MOST_DECIDED = 10_000
# What was typed was refused, and the page asks again.
_ASKED_AGAIN = 422
_OVER = "This page is over: it was used already, or waited for too long. Go back to the application and begin anew."


@dataclass(frozen=True, slots=True)
class Visit:
    """How far a user has come: who it is once the password was right, and which letter has to be answered first."""

    id: str
    asked: Asked
    expires_at: float
    user: str = ""
    letter: str = ""


class Authorization:
    """Answers `/oauth/authorize`; safe to use from several threads."""

    def __init__(
        self, *, registered: Collection[str], signer: Signer, passwords: Passwords, grants: Grants, clock: Clock
    ) -> None:
        """Send browsers back to `registered` addresses only; `clock` gives seconds since 1970."""
        self._registered = registered
        self._signer = signer
        self._passwords = passwords
        self._grants = grants
        self._clock = clock
        self._decided: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Reply:
        """Return the page that comes next, or send the browser back to the client."""
        allow(request, "GET", "POST")
        try:
            return self._begin(request) if request.method == "GET" else self._go_on(request)
        except UntrustedRequestError as error:
            return pages.stopped("This sign-in cannot go on", str(error))
        except SentBackError as error:
            return _redirect(error.uri)

    def _begin(self, request: Request) -> Reply:
        asked = read_request(request.query_string, self._registered)
        visit = Visit(secrets.token_hex(8), asked, self._clock() + VISIT_SECONDS)
        return self._password_page(visit)

    def _go_on(self, request: Request) -> Reply:
        sent = _sent(request)
        visit = self._visit(sent.get("ticket", [""])[0])
        field = {name: values[0] for name, values in sent.items()}
        if field.get("decision") == "deny":
            self._decide(visit)
            raise SentBackError(visit.asked, "access_denied", "The user denied the request")
        if visit.letter:
            return self._check_code(visit, field.get("code", ""))
        if visit.user:
            return self._consent(visit, sent.get("scope", []), is_decided=field.get("decision") == "allow")
        return self._check_password(visit, field.get("username", ""), field.get("password", ""))

    def _check_password(self, visit: Visit, username: str, password: str) -> Reply:
        try:
            found = self._passwords.check(username, password)
        except RefusedError as error:
            return self._password_page(visit, error=error.words, username=username)
        if isinstance(found, Letter):
            return self._code_page(replace(visit, user=found.user.name, letter=found.id))
        return self._consent_page(replace(visit, user=found.name))

    def _check_code(self, visit: Visit, code: str) -> Reply:
        try:
            self._passwords.check_code(visit.letter, code)
        except RefusedError as error:
            if error.tries_left == 0:
                anew = replace(visit, user="", letter="")
                return self._password_page(anew, error=str(error), username=visit.user)
            return self._code_page(visit, error=error.words)
        return self._consent_page(replace(visit, letter=""))

    def _consent(self, visit: Visit, chosen: Collection[str], *, is_decided: bool) -> Reply:
        rights = USERS[visit.user].rights
        scopes = tuple(name for name in visit.asked.scopes if name in chosen and name in rights)
        if not is_decided or not scopes:
            return self._consent_page(visit, error="Tick what may be read, or deny.")
        self._decide(visit)
        asked = visit.asked
        code = self._grants.code_for(
            visit.user, scopes, client=asked.client, redirect_uri=asked.redirect_uri, challenge=asked.challenge
        )
        return _redirect(asked.back(code=code))

    def _decide(self, visit: Visit) -> None:
        """Use up a visit; raise UntrustedRequestError where it was before: a second press is no second grant."""
        with self._lock:
            if visit.id in self._decided:
                raise UntrustedRequestError(_OVER)
            self._decided[visit.id] = None
            if len(self._decided) > _MOST_DECIDED:
                self._decided.popitem(last=False)

    def _password_page(self, visit: Visit, *, error: str = "", username: str = "") -> Reply:
        body = pages.password_body(self._form(visit, error), CLIENTS[visit.asked.client], username=username)
        return _page("Sign in", body, visit, error)

    def _code_page(self, visit: Visit, *, error: str = "") -> Reply:
        body = pages.code_body(self._form(visit, error), USERS[visit.user])
        return _page("Enter the code", body, visit, error)

    def _consent_page(self, visit: Visit, *, error: str = "") -> Reply:
        client = CLIENTS[visit.asked.client]
        body = pages.consent_body(self._form(visit, error), client, USERS[visit.user], visit.asked.scopes)
        return _page(f"Let {client} read your data?", body, visit, error)

    def _form(self, visit: Visit, error: str) -> pages.Form:
        return pages.Form(self._signer.sign("visit", asdict(visit)), error)

    def _visit(self, ticket: str) -> Visit:
        """Return the visit of a ticket of ours that has not run out; raise UntrustedRequestError."""
        try:
            content = self._signer.open("visit", ticket)
        except ValueError:
            raise UntrustedRequestError(_OVER) from None
        assert isinstance(content, dict)  # noqa: S101 - for the type checker: nobody else signs visits
        asked = Asked(**{**content["asked"], "scopes": tuple(content["asked"]["scopes"])})
        visit = Visit(**{**content, "asked": asked})
        if visit.expires_at <= self._clock():
            raise UntrustedRequestError(_OVER)
        return visit


def _page(title: str, body: str, visit: Visit, error: str) -> Reply:
    # The policy follows the redirects of a form, so the way back is named in it.
    form_action = f"'self' {origin_of(visit.asked.redirect_uri)}"
    return pages.page(title, body, status=_ASKED_AGAIN if error else 200, form_action=form_action)


def _sent(request: Request) -> dict[str, list[str]]:
    if request.content_type.partition(";")[0].strip().lower() != FORM:
        raise UntrustedRequestError("What was sent is no form of this page.")
    return pairs_in(request.body.decode("ascii", errors="replace"))


def _redirect(uri: str) -> Reply:
    headers = (("Location", uri), ("Cache-Control", "no-store"), ("Referrer-Policy", "no-referrer"))
    return Reply(303, "", headers, content_type="text/plain")
