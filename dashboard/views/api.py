"""The door of the API: it is loaded with its first call, since a web process that nobody calls needs none of it."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.urls import get_resolver
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

_ADDRESSES = "dashboard.api.urls"
_BELOW = "/api/v1"


@csrf_exempt
@login_not_required
@never_cache
@require_POST
def session_events(request: HttpRequest) -> HttpResponse:
    """Take events of somebody's own front end. A key lets in and no cookie, so a browser cannot be made to."""
    match = get_resolver(_ADDRESSES).resolve(request.path_info.removeprefix(_BELOW))
    answer: HttpResponse = match.func(request, *match.args, **match.kwargs)
    return answer
