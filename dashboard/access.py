"""Who may do what: the roles, the one policy table, and the gate that every request passes.

Access is denied unless the table grants it: a view that is not listed here answers nobody, and a test walks the
URLs so that it cannot be forgotten. Templates ask the same table (`can.run_sync`), so that no page shows a button
that would refuse.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect

if TYPE_CHECKING:
    from django_htmx.middleware import HtmxDetails

SEE_OTHER_MIN, SEE_OTHER_MAX = 300, 399
SIGN_IN = ("account_login", "account_reauthenticate")


class HtmxRequest(HttpRequest):
    """A request that passed django-htmx's middleware."""

    htmx: HtmxDetails


class Role(IntEnum):
    """What a member may do; each role includes the ones before it. The names are those of the groups."""

    NONE = 0
    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    @property
    def label(self) -> str:
        """The role's name as pages and groups have it."""
        return self.name.lower()


MEMBER_ROLES = (Role.VIEWER, Role.OPERATOR, Role.ADMIN)

# What a role is needed for. Everything a person can do has a name here.
ACTIONS: dict[str, Role] = {
    "see": Role.VIEWER,
    "run_sync": Role.OPERATOR,
    "cancel_job": Role.OPERATOR,
    "pause": Role.OPERATOR,
    "test_connection": Role.OPERATOR,
    "resync": Role.OPERATOR,
    "purge": Role.ADMIN,
    "edit_connection": Role.OPERATOR,
    "choose_entities": Role.OPERATOR,
    "delete_connection": Role.ADMIN,
    "make_link": Role.OPERATOR,
    "write_back": Role.OPERATOR,
    "see_rows": Role.OPERATOR,
    "upload_files": Role.OPERATOR,
    "edit_destination": Role.OPERATOR,
    "delete_destination": Role.ADMIN,
    "read_audit_log": Role.ADMIN,
    "edit_settings": Role.ADMIN,
}

# Every address of ours: the action that each method needs. None: open to everybody.
VIEWS: dict[str, dict[str, str | None]] = {
    "connections:list": {"GET": "see"},
    "connections:csv": {"GET": "see"},
    "connections:json": {"GET": "see"},
    "connections:columns": {"POST": "see"},
    "connections:new": {"GET": "edit_connection"},
    "connections:new-of": {"GET": "edit_connection", "POST": "edit_connection"},
    "connections:setup-step": {"GET": "edit_connection", "POST": "edit_connection"},
    "connections:overview": {"GET": "see"},
    "connections:jobs": {"GET": "see"},
    "connections:insight": {"GET": "see"},
    "connections:sessions": {"GET": "see"},
    "connections:auth": {"GET": "see"},
    "connections:schema": {"GET": "see", "POST": "edit_connection"},
    "connections:files": {"GET": "see"},
    "connections:upload": {"POST": "upload_files"},
    "connections:withdraw-upload": {"POST": "upload_files"},
    "connections:data": {"GET": "see", "POST": "see_rows"},
    "connections:setup": {"GET": "see", "POST": "edit_connection"},
    "connections:activity": {"GET": "see"},
    "connections:entity": {"GET": "see"},
    "connections:actions": {"GET": "run_sync"},
    "connections:sync": {"POST": "run_sync"},
    "connections:sync-entity": {"POST": "run_sync"},
    "connections:exclude-entity": {"GET": "choose_entities", "POST": "choose_entities"},
    "connections:include-entity": {"POST": "choose_entities"},
    "connections:test": {"GET": "see", "POST": "test_connection"},
    "connections:discover": {"POST": "test_connection"},
    "connections:pause": {"GET": "pause", "POST": "pause"},
    "connections:resume": {"GET": "pause", "POST": "pause"},
    "connections:resync": {"GET": "resync", "POST": "resync"},
    "connections:purge": {"GET": "purge", "POST": "purge"},
    "connections:duplicate": {"POST": "edit_connection"},
    "connections:action": {"GET": "write_back", "POST": "write_back"},
    "connections:delete": {"GET": "delete_connection", "POST": "delete_connection"},
    "bulk:sync": {"POST": "run_sync"},
    "bulk:test": {"POST": "test_connection"},
    "bulk:pause": {"GET": "pause", "POST": "pause"},
    "bulk:resume": {"POST": "pause"},
    "bulk:tag": {"GET": "edit_connection", "POST": "edit_connection"},
    "bulk:delete": {"GET": "delete_connection", "POST": "delete_connection"},
    "bulk:detail": {"GET": "see"},
    "jobs:list": {"GET": "see"},
    "jobs:csv": {"GET": "see"},
    "jobs:retry": {"GET": "run_sync", "POST": "run_sync"},
    "jobs:detail": {"GET": "see"},
    "jobs:log": {"GET": "see"},
    "jobs:cancel": {"GET": "cancel_job", "POST": "cancel_job"},
    "jobs:bundle": {"POST": "see"},
    "sessions:list": {"GET": "see"},
    "sessions:detail": {"GET": "see"},
    "sessions:funnel": {"GET": "see"},
    "sessions:funnel-csv": {"GET": "see"},
    "activity:list": {"GET": "read_audit_log"},
    "destinations:list": {"GET": "see"},
    "destinations:new": {"GET": "edit_destination", "POST": "edit_destination"},
    "destinations:detail": {"GET": "see"},
    "destinations:edit": {"GET": "edit_destination", "POST": "edit_destination"},
    "destinations:check": {"POST": "test_connection"},
    "destinations:delete": {"GET": "delete_destination", "POST": "delete_destination"},
    # A key lets in, which the view itself asks for.
    "api:session-events": {"POST": None},
    "system:overview": {"GET": "see"},
    "system:alarm": {"GET": "see"},
    "settings:overview": {"GET": "edit_settings"},
    "settings:connect": {"GET": "edit_settings", "POST": "edit_settings"},
    "settings:keys": {"GET": "edit_settings", "POST": "edit_settings"},
    "settings:revoke-key": {"GET": "edit_settings", "POST": "edit_settings"},
    "sessions:new": {"GET": "make_link", "POST": "make_link"},
    "sessions:withdraw": {"GET": "make_link", "POST": "make_link"},
    "connect:start": {"GET": None, "POST": None},
    "connect:step": {"GET": None, "POST": None},
    "connect:upload": {"POST": None},
    "connect:help": {"GET": None},
    "connect:leave": {"GET": None, "POST": None},
    "connect:left": {"GET": None},
    "connect:events": {"POST": None},
    "connect:oauth-return": {"GET": None},
    "connect:look": {"GET": None},
    "connect:logo": {"GET": None},
    "search": {"GET": "see"},
    "health": {"GET": None},
    "account_login": {"GET": None, "POST": None},
    "account_logout": {"GET": None, "POST": None},
    "account_inactive": {"GET": None},
    "account_reauthenticate": {"GET": "see", "POST": "see"},
}


def role_of(user: User | AnonymousUser) -> Role:
    """Return the highest role that the user's groups give; a superuser is an admin. One query per request."""
    if not user.is_authenticated or not user.is_active:
        return Role.NONE
    if user.is_superuser:
        return Role.ADMIN
    known = getattr(user, "_patchbay_role", None)
    if isinstance(known, Role):
        return known
    names = set(user.groups.values_list("name", flat=True))
    role = max((role for role in MEMBER_ROLES if role.label in names), default=Role.NONE)
    user._patchbay_role = role  # type: ignore[attr-defined]  # noqa: SLF001 - kept for this request only
    return role


class Can:
    """Answers `can.run_sync` in a template from the policy table. An unknown action is a fault, not a "no"."""

    def __init__(self, role: Role) -> None:
        self._role = role

    def __getitem__(self, action: str) -> bool:
        return self._role >= ACTIONS[action]


def needed_action(view_name: str, method: str) -> str | None:
    """Return the action that `method` on the view needs, None when it is open.

    Raises `PermissionDenied` for a view that the table does not list, `KeyError` for a method that it does not.
    """
    if view_name not in VIEWS:
        message = f"The view {view_name!r} is not in the policy table."
        raise PermissionDenied(message)
    return VIEWS[view_name]["GET" if method == "HEAD" else method]


class PolicyMiddleware:
    """Lets a request through to its view only if the policy table says so."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on; `process_view` decides."""
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        """Refuse with 405 or 403, or return None to go on. Anonymous visitors were sent to sign in before."""
        del view, args, kwargs
        match = request.resolver_match
        name = match.view_name if match else ""
        try:
            action = needed_action(name, request.method or "GET")
        except KeyError:
            return HttpResponseNotAllowed(VIEWS[name])
        if action is not None and role_of(request.user) < ACTIONS[action]:
            message = f"This needs the role {ACTIONS[action].label}."
            raise PermissionDenied(message)
        return None


class ReauthenticateByHeaderMiddleware:
    """Leads a person whose session has ended back to the page they were on, and shows sign-in as a whole page.

    The address that was refused is no place to come back to when it was posted to, or was that of a fragment.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HtmxRequest) -> HttpResponse:
        """Pass the request on; name the page in a redirect to sign in, by a client redirect to a fragment request."""
        response = self.get_response(request)
        sign_in, mark, _ = response.headers.get("Location", "").partition(f"?{REDIRECT_FIELD_NAME}=")
        is_away = SEE_OTHER_MIN <= response.status_code <= SEE_OTHER_MAX
        # Other pages are told where to go on, too.
        if not mark or not is_away or sign_in not in {reverse(name) for name in SIGN_IN}:
            return response
        address = f"{sign_in}?{urlencode({REDIRECT_FIELD_NAME: _page_of(request)}, safe='/')}"
        if not request.htmx:
            response.headers["Location"] = address
            return response
        redirect = HttpResponseClientRedirect(address)
        redirect.cookies = response.cookies
        return redirect


def _page_of(request: HtmxRequest) -> str:
    """Return the address of the page from which a request came, or of the request itself where it asked for a page."""
    if request.htmx and request.htmx.current_url_abs_path:
        return request.htmx.current_url_abs_path
    if request.method == "GET":
        return request.get_full_path()
    page = urlsplit(request.headers.get("Referer", ""))
    return urlunsplit(("", "", page.path, page.query, "")) if page.netloc == request.get_host() else "/"
