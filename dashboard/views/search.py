"""The search box of every page: its suggestions while somebody types, and the page of what was found."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard.forms.search import SearchForm
from dashboard.pages.search import look_up, suggest
from dashboard.views.rendering import render_page, wants_fragment


@require_safe
def results(request: HttpRequest) -> HttpResponse:
    """Lead to the one record that is meant, or show what may be; to htmx the first few of it."""
    form, now = SearchForm(request.GET), timezone.now()
    asked, only = form.asked(), form.only_kind()
    if wants_fragment(request):
        return render_page(request, "search/results.html", {"found": suggest(asked, now)}, fragment="suggestions")
    found = look_up(asked, now, only=only)
    if found.exact:
        return HttpResponseRedirect(found.exact)
    return render_page(request, "search/results.html", {"found": found, "only": only}, fragment="suggestions")
