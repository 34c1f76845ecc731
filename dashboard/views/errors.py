"""The pages for an address where nothing is, and for an error of ours.

The latter is recorded under an ID, and rendered without anything that may have failed.
"""

from __future__ import annotations

import sys

import structlog
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.csrf import requires_csrf_token

from connectors.ids import new_id
from dashboard.context import theme_of
from dashboard.pages.search import asked_of

log = structlog.get_logger(__name__)


@requires_csrf_token
def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Offer to search for what the address names: the ID in it, even where it was cut off."""
    del exception
    return render(request, "404.html", {"asked": asked_of(request.path).beginning}, status=404)


@requires_csrf_token
def server_error(request: HttpRequest) -> HttpResponse:
    """Log the exception being handled under a new error ID and show that ID.

    The page is given plain values instead of the request, so that no context processor, no session and no query
    runs. "Try again" leads to the same address for what was read, and to the start for what was sent.
    """
    error_id = new_id()
    log.error(
        "page failed",
        error_id=str(error_id),
        method=request.method,
        path=request.path,
        # Django calls this while it handles the exception, though not in a block of ours.
        exc_info=sys.exc_info(),
    )
    body = render_to_string(
        "500.html",
        {
            "error_id": error_id,
            "at": timezone.now(),
            "path": request.path,
            "retry_path": request.get_full_path() if request.method == "GET" else "/",
            "theme": theme_of(request),
        },
    )
    return HttpResponse(body, status=500)
