"""The API for other programs: what all its resources share. Loaded with the first call, not with the web process.

A call that is not as it should be is refused whole, with the place and the reason of each fault; no answer repeats a
value that was sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from dashboard.api.session_events import router as session_events
from dashboard.formatting import as_typed
from sessions_log.services.ingest_keys import TooManyCallsError

_BAD_REQUEST, _UNAUTHORIZED, _TOO_LARGE, _UNPROCESSABLE, _TOO_MANY = 400, 401, 413, 422, 429
# Where a body stands among what a call consists of, and in the arguments of the function that takes it.
_IN_FRONT = 2
_MOST_FAULTS = 50
_REASONS = {
    "extra_forbidden": "There is no such field. Leave it out: what people type is never taken.",
    "missing": "This field is missing.",
    "timezone_aware": "A time needs its zone, such as 2026-11-19T14:30:00.000Z.",
}


api = NinjaAPI(urls_namespace="api-v1", docs_url=None, openapi_url=None)
api.add_router("", session_events)


def _answer(request: HttpRequest, status: int, *faults: tuple[str, str]) -> HttpResponse:
    errors = [{"place": place, "reason": reason} for place, reason in faults]
    return api.create_response(request, {"errors": errors}, status=status)


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, error: Any) -> HttpResponse:
    faults = [(_place(one["loc"]), _REASONS.get(one["type"], f"{one['msg']}.")) for one in error.errors[:_MOST_FAULTS]]
    return _answer(request, _UNPROCESSABLE, *faults)


@api.exception_handler(HttpError)
def _refused(request: HttpRequest, error: Any) -> HttpResponse:
    words = "The body is no JSON that can be read." if error.status_code == _BAD_REQUEST else str(error)
    return _answer(request, error.status_code, ("", words))


@api.exception_handler(RequestDataTooBig)
def _too_large(request: HttpRequest, error: Any) -> HttpResponse:
    del error
    most = f"A call has at most {settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes. Send fewer events at once."
    return _answer(request, _TOO_LARGE, ("", most))


@api.exception_handler(AuthenticationError)
def _unknown(request: HttpRequest, error: Any) -> HttpResponse:
    del error  # there is one answer, whatever is wrong with the key
    response = _answer(request, _UNAUTHORIZED, ("", "This needs a key: Authorization: Bearer pb_ingest_…"))
    response.headers["WWW-Authenticate"] = "Bearer"
    return response


@api.exception_handler(TooManyCallsError)
def _too_many(request: HttpRequest, error: Any) -> HttpResponse:
    response = _answer(request, _TOO_MANY, ("", str(error)))
    response.headers["Retry-After"] = str(error.seconds)
    return response


def _place(parts: Sequence[str | int]) -> str:
    """Return a place as "events[3].error_code"."""
    place = ""
    for part in parts[_IN_FRONT:]:
        place += f"[{part}]" if isinstance(part, int) else f".{as_typed(part)}"
    return place.removeprefix(".")
