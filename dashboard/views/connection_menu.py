"""The menu of a connection: what the person may do with it now."""

from __future__ import annotations

from typing import cast
from urllib.parse import urlsplit
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve
from django.views.decorators.http import require_safe

from connectors.models import Connection
from connectors.providers import registry as providers
from dashboard.access import HtmxRequest
from dashboard.pages.next_steps import why_no_sync
from dashboard.pages.session_link import invite_of
from dashboard.views.connection_pages import connection_or_404
from dashboard.views.rendering import own_address, render_page


@require_safe
def actions(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show the menu: what fits into the page that it opens on, or all of it as a page of its own."""
    connection = connection_or_404(pk)
    page = cast("HtmxRequest", request).htmx.current_url_abs_path or ""
    context = {
        "connection": connection,
        "refusal": why_no_sync(connection.status, connection.status_reason),
        "invite": invite_of(connection),
        "changes": providers.manifest(connection.provider).actions,
        "back": page or own_address(request, request.GET.get("next", ""), connection.get_absolute_url()),
        "of": _place(page, connection),
    }
    return render_page(request, "connections/menu.html", context, fragment="items")


def _place(page: str, connection: Connection) -> str:
    """Say which page it is that the menu opens on: the list, one of the connection's own, or another (empty)."""
    try:
        match = resolve(urlsplit(page).path)
    except Resolver404:
        return ""
    if match.view_name == "connections:list":
        return "list"
    return "page" if match.kwargs.get("pk") == connection.pk else ""
