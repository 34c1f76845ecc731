"""The stylesheet and the logo of the hosted flow, for everybody, without a session."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from dashboard.forms.connect_look import colour_of
from dashboard.pages.connect_look import css_of, css_of_colours, css_version
from sessions_log.models import ConnectLook

# Seconds. An address with a version always answers the same.
_LONG = 365 * 24 * 60 * 60
# A picture that is opened by itself may do nothing at all: no script, no other file, no origin of ours.
_PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


@require_safe
@login_not_required
def look_css(request: HttpRequest) -> HttpResponse:
    """Give the two variables of the brand's colours; for a preview, of the colours that the address holds."""
    light, dark = (colour_of(request.GET.get(name, "")) for name in ("light", "dark"))
    if light:
        return _kept(request, HttpResponse(css_of_colours(light, dark), content_type="text/css"), "")
    stored = ConnectLook.objects.current()
    return _kept(request, HttpResponse(css_of(stored), content_type="text/css"), css_version(stored))


@require_safe
@login_not_required
def logo(request: HttpRequest) -> HttpResponse:
    """Give the logo as it was uploaded, as a picture that can do nothing else."""
    stored = ConnectLook.objects.filter(logo_type__gt="").only("logo", "logo_type", "logo_digest").first()
    if stored is None:
        message = "There is no logo."
        raise Http404(message)
    response = HttpResponse(bytes(stored.logo), content_type=stored.logo_type)
    response.headers["Content-Security-Policy"] = _PICTURE_POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    return _kept(request, response, stored.logo_digest)


def _kept(request: HttpRequest, response: HttpResponse, version: str) -> HttpResponse:
    """Let browsers keep the version that the address names, and ask anew where it names none, or an older one."""
    if version and request.GET.get("v") == version:
        patch_cache_control(response, public=True, max_age=_LONG, immutable=True)
    else:
        patch_cache_control(response, no_cache=True)
    return response
