"""Page or fragment: the one place that answers it, with the headers that caches and polls need.

A view hands over its template and the name of the partial that lives. A request by htmx gets that partial alone,
everybody else the whole page, at the same address.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Any, cast

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, HttpResponseRedirect
from django.shortcuts import render
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.http import parse_etags, url_has_allowed_host_and_scheme

from dashboard.access import HtmxRequest

OK = 200
# Django masks the token anew in every answer, so it is no part of what an answer says.
_CSRF_TOKEN = re.compile(rb'name="csrfmiddlewaretoken" value="[^"]*"')


def wants_fragment(request: HttpRequest) -> bool:
    """Say whether only the living part is asked for: by htmx, neither boosted nor restoring the history."""
    htmx = cast("HtmxRequest", request).htmx
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


def render_page(
    request: HttpRequest,
    template: str,
    context: dict[str, Any],
    *,
    fragment: str,
    status: int = OK,
    version: str = "",
) -> HttpResponse:
    """Render the whole page, or its partial `fragment` with `is_fragment` set, and say how it may be kept.

    A fragment with status 200 carries an `ETag`, and the answer to a request that names it is an empty 304.
    `version` is that tag where the caller knows it beforehand (then an unchanged answer is not even rendered);
    otherwise it is taken from the text.
    """
    is_fragment = wants_fragment(request)
    is_tagged = is_fragment and status == OK and request.method == "GET"
    if is_tagged and version and _is_known(request, version):
        return _finished(HttpResponseNotModified(), f'"{version}"')
    name = f"{template}#{fragment}" if is_fragment else template
    response = render(request, name, {**context, "is_fragment": is_fragment}, status=status)
    if not is_tagged:
        return _finished(response)
    tag = version or blake2b(_CSRF_TOKEN.sub(b"", response.content), digest_size=12).hexdigest()
    if _is_known(request, tag):
        return _finished(HttpResponseNotModified(), f'"{tag}"')
    return _finished(response, f'"{tag}"')


def go_back(request: HttpRequest, fallback: str) -> HttpResponseRedirect:
    """Redirect to the posted `next` if it is an address of ours, else to `fallback`, after a plain form."""
    return HttpResponseRedirect(own_address(request, request.POST.get("next", ""), fallback))


def own_address(request: HttpRequest, target: str, fallback: str) -> str:
    """Return `target`, which somebody sent, if it is an address of ours, else `fallback`."""
    is_ours = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if is_ours else fallback


def _is_known(request: HttpRequest, tag: str) -> bool:
    """Whether the request names `tag` as the version that it already has (RFC 9110, 13.1.2)."""
    known = parse_etags(request.headers.get("If-None-Match", ""))
    return f'"{tag}"' in known or f'W/"{tag}"' in known


def _finished(response: HttpResponse, etag: str = "") -> HttpResponse:
    """Set the headers: one address has two forms, and what a page shows is private and soon old."""
    patch_vary_headers(response, ("HX-Request", "HX-Boosted", "HX-History-Restore-Request"))
    patch_cache_control(response, private=True, no_cache=True)
    if etag:
        response.headers["ETag"] = etag
    return response
