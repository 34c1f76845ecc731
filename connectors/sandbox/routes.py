"""What the API answers to a request: routes, keys, pages and the knobs' failures, as plain values without HTTP."""

import base64
import binascii
import json
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from connectors.sandbox import pages, sign_in, take_back
from connectors.sandbox.config import SandboxConfig
from connectors.sandbox.consent import AUTHORIZE_PATH, Authorization
from connectors.sandbox.data import Account, Ledger, Wanted
from connectors.sandbox.dice import token
from connectors.sandbox.grants import Grants
from connectors.sandbox.knobs import EVERYBODY, KnobBoard, Knobs, parse_knobs
from connectors.sandbox.messages import ApiError, Reply, Request, allow, not_found, same
from connectors.sandbox.oauth import REVOKE_PATH, TOKEN_PATH, TokenEndpoint
from connectors.sandbox.passwords import Passwords
from connectors.sandbox.people import Record
from connectors.sandbox.tokens import Clock, Signer, Tokens
from connectors.sandbox.users import USERS
from connectors.sandbox.viewers import viewer_of

DEFAULT_LIMIT = 100
MAX_LIMIT = 500

_COLLECTIONS = "employees|pay-runs|pay-statements|benefit-plans|benefit-enrollments"
_COMPANY_PATH = re.compile(rf"/v1/companies/(?P<company>[^/]+)/(?P<collection>{_COLLECTIONS})")
# What can be added to.
_WRITABLE = "benefit-enrollments"
_MOST_IDS = 200
_KNOBS_PATH = "/_sandbox/knobs"
_INBOX_PATH = re.compile(r"/inbox/(?P<user>[^/]+)")
# The code and the words of a failure that a knob asked for by its status alone.
_FAILURES = {
    401: ("invalid_api_key", "The API key is not valid."),
    403: ("company_access_revoked", "The company has withdrawn its access for this API key."),
    429: ("rate_limited", "Too many requests."),
    503: ("service_unavailable", "The service is down for maintenance."),
}


class Sandbox:
    """The running product: an account, its keys and users, and the knobs."""

    def __init__(self, config: SandboxConfig, clock: Clock = time.time) -> None:
        """Build the account; raise KnobError where the configured knobs cannot be used.

        `clock` gives seconds since 1970, for everything that expires.
        """
        self._config = config
        signer = Signer(config.seed, config.api_key)
        self._tokens, self._passwords = Tokens(signer, clock), Passwords(clock)
        grants = Grants(self._tokens, clock)
        self._sign_in = sign_in.SignInApi(self._passwords, self._tokens)
        self._taking_back = take_back.TakingBack(self._passwords, self._tokens)
        self._token_endpoint = TokenEndpoint(grants)
        self._authorization = Authorization(
            registered=config.redirect_uris, signer=signer, passwords=self._passwords, grants=grants, clock=clock
        )
        self._account = Account(config.seed, config.company_count, config.today, clock)
        self._company_ids = frozenset(company.id for company in self._account.companies)
        self._knobs = KnobBoard(parse_knobs({} if config.knobs is None else config.knobs, self._company_ids))

    def answer(self, request: Request) -> Reply:
        """Answer one request. Waits where a knob says so; never raises for what a client sent."""
        try:
            return self._route(request)
        except ApiError as error:
            return error.reply

    def _route(self, request: Request) -> Reply:
        if request.path == "/healthz":
            allow(request, "GET")
            return Reply(200, {"status": "ok"})
        if request.path == _KNOBS_PATH and self._config.admin_key is not None:
            return self._change_knobs(request, self._config.admin_key)
        if request.path in sign_in.PATHS:
            self._obey_knobs(EVERYBODY, 1)
            return self._sign_in.answer(request)
        if request.path.startswith("/v1/"):
            return self._serve_data(request)
        return self._serve_people(request)

    def _serve_people(self, request: Request) -> Reply:
        """Answer what browsers open, and what clients ask of the authorization server."""
        if request.path == AUTHORIZE_PATH:
            return self._authorization.answer(request)
        if request.path in {TOKEN_PATH, REVOKE_PATH}:
            return self._token_endpoint.answer(request)
        if request.path == take_back.PATH:
            return self._taking_back.answer(request)
        if request.path == pages.STYLE_PATH:
            allow(request, "GET")
            return pages.style()
        match = _INBOX_PATH.fullmatch(request.path)
        letters = self._passwords.inbox(match["user"]) if match else None
        if match is None or letters is None:
            raise not_found()
        allow(request, "GET")
        return pages.inbox(USERS[match["user"]], letters)

    def _change_knobs(self, request: Request, admin_key: str) -> Reply:
        if not same(request.headers.get("x-sandbox-admin", ""), admin_key):
            raise ApiError(401, "invalid_admin_key", "Send the admin key in the header X-Sandbox-Admin.")
        allow(request, "GET", "PUT", "DELETE")
        if request.method == "PUT":
            try:
                self._knobs.replace(parse_knobs(json.loads(request.body), self._company_ids))
            except ValueError as error:  # KnobError, broken JSON or broken UTF-8
                raise ApiError(400, "invalid_knobs", str(error)) from error
        elif request.method == "DELETE":
            self._knobs.replace({})
        return Reply(200, {"knobs": self._knobs.document()})

    def _serve_data(self, request: Request) -> Reply:
        viewer = viewer_of(request, api_key=self._config.api_key, tokens=self._tokens)
        if request.path == "/v1/companies":
            allow(request, "GET")
            page = _Page.of(request, has_since=False)
            knobs = self._obey_knobs(EVERYBODY, page.number)
            return page.reply(*self._account.company_list(viewer.sees).page(page.offset, page.limit), knobs)
        match = _COMPANY_PATH.fullmatch(request.path)
        if match is None:
            raise not_found()
        allow(request, "GET", *(("POST",) if match["collection"] == _WRITABLE else ()))
        ledger = self._account.ledger(match["company"]) if viewer.sees(match["company"]) else None
        if ledger is None:
            raise ApiError(404, "company_not_found", "There is no such company.")
        viewer.refuse_unless_allowed(match["collection"])
        if request.method == "POST":
            return self._enrol(ledger, request)
        page = _Page.of(request, has_since=True)
        knobs = self._obey_knobs(ledger.company.id, page.number)
        return page.reply(*ledger.page(match["collection"], page.offset, page.limit, page.wanted), knobs)

    def _enrol(self, ledger: Ledger, request: Request) -> Reply:
        """Add to a collection. A body that a knob cuts short does not undo what was done."""
        number = self._knobs.count_write(ledger.company.id)
        knobs = self._obey_knobs(ledger.company.id, number, is_write=True)
        record, is_repeated = ledger.enrol(request)
        headers = (("Idempotency-Replayed", "true"),) if is_repeated else ()
        return Reply(201, record, headers, knobs.drip_bytes_per_second, knobs.truncates(number))

    def _obey_knobs(self, company_id: str, page_number: int, *, is_write: bool = False) -> Knobs:
        """Wait, or raise the ApiError, that the knobs ask for; return them for what they do to the body."""
        knobs = self._knobs.for_company(company_id)
        if knobs.writes_only and not is_write:
            return Knobs()
        wait_seconds = self._knobs.seconds_to_wait(company_id)
        if wait_seconds is not None:
            raise ApiError(429, *_FAILURES[429], *_retry_after(knobs, wait_seconds))
        if knobs.page_delay_ms:
            time.sleep(knobs.page_delay_ms / 1000)
        status = knobs.fails_on(page_number)
        if status is not None:
            code, message = _FAILURES.get(status, ("internal_error", "Something went wrong on our side."))
            headers = _retry_after(knobs, 1) if status in {429, 503} else ()
            raise ApiError(status, knobs.fail_code or code, message, *headers)
        return knobs


@dataclass(frozen=True, slots=True)
class _Page:
    """Which part of a collection is asked for. `query` stands for everything a cursor is bound to."""

    offset: int
    limit: int
    wanted: Wanted
    query: str

    @classmethod
    def of(cls, request: Request, *, has_since: bool) -> "_Page":
        """Read cursor, limit, updated_since, ids and q; raise ApiError 400 for one that cannot be used.

        The list of companies knows none of the last three, which `has_since` tells.
        """
        names = ("updated_since", "ids", "q")
        since, ids, words = (request.query.get(name, "") if has_since else "" for name in names)
        query = token(request.path, since, *([ids, words] if ids or words else []), length=8)
        wanted = Wanted(_since(since), _ids(ids), tuple(words.casefold().split()))
        return cls(_offset(request.query.get("cursor", ""), query), _limit(request), wanted, query)

    @property
    def number(self) -> int:
        """The page's number, from 1."""
        return self.offset // self.limit + 1

    def reply(self, records: list[Record], total: int, knobs: Knobs) -> Reply:
        """Return the page with the cursor of the one after it, or none on the last."""
        end = self.offset + len(records)
        cursor = _cursor(end, self.query) if records and end < total else None
        payload: Record = {"data": records, "next_cursor": cursor, "total": total}
        return Reply(200, payload, (), knobs.drip_bytes_per_second, knobs.truncates(self.number))


def _cursor(offset: int, query: str) -> str:
    return base64.urlsafe_b64encode(f"{query}:{offset}".encode()).decode().rstrip("=")


def _offset(cursor: str, query: str) -> int:
    """Return the offset in `cursor`; a cursor of another collection or filter would skip rows, so it is refused."""
    if not cursor:
        return 0
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True).decode("ascii")
    except (binascii.Error, UnicodeError, ValueError) as error:
        raise ApiError(400, "invalid_cursor", "The cursor is not one of ours.") from error
    made_for, _, offset = text.partition(":")
    if made_for != query or re.fullmatch(r"[0-9]{1,9}", offset) is None:
        raise ApiError(400, "invalid_cursor", "The cursor does not belong to this request.")
    return int(offset)


def _limit(request: Request) -> int:
    text = request.query.get("limit", str(DEFAULT_LIMIT))
    if re.fullmatch(r"[0-9]{1,9}", text) is None or not 1 <= int(text) <= MAX_LIMIT:
        raise ApiError(400, "invalid_limit", f"limit must be a number from 1 to {MAX_LIMIT}.")
    return int(text)


def _ids(text: str) -> frozenset[str]:
    """Return the ids of a list with commas between them."""
    found = frozenset(one for one in text.split(",") if one)
    if len(found) > _MOST_IDS:
        raise ApiError(400, "invalid_ids", f"ids may name {_MOST_IDS} at most.")
    return found


def _since(text: str) -> datetime | None:
    """Return the moment, in UTC where it names no zone."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ApiError(
            400, "invalid_updated_since", "updated_since must be a moment such as 2026-01-31T00:00:00Z."
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _retry_after(knobs: Knobs, seconds: int) -> tuple[tuple[str, str], ...]:
    return () if knobs.no_retry_after else (("Retry-After", str(seconds)),)
