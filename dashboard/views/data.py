"""What is at the destination of a connection: tables and counts for everybody, rows for those who may see them."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from connectors.services import activity
from dashboard.forms.data import DataForm
from dashboard.pages.connection import Subject, head_of
from dashboard.pages.data import chosen_in, data_of, entity_of, look_at
from dashboard.views.connection_pages import connection_or_404

OK, INVALID = 200, 422


@require_http_methods(["GET", "HEAD", "POST"])
def data(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show what the destination holds now; a post shows the first rows of a table too, and that is recorded."""
    subject = Subject(connection_or_404(pk), timezone.now())
    connection = subject.connection
    form = DataForm(request.GET)
    asked, table = form.asked()
    entity = entity_of(connection, asked)
    is_post = request.method == "POST"
    look = look_at(connection, entity, table, with_rows=is_post)
    shown = chosen_in(look, table)
    if is_post and look.preview is not None and entity is not None:
        note = f"{entity.dataset}.{shown}"
        activity.record("connection.rows_seen", actor=cast("User", request.user), connection=connection, note=note)
    address = reverse("connections:data", args=[pk])
    context = {
        "section": "schema",
        "head": head_of(subject),
        "page": data_of(connection, entity, table, look, address=address, now=subject.now),
        "form": form,
        "here": request.get_full_path(),
    }
    is_refused = is_post and look.preview is None
    response = render(request, "connections/data.html", context, status=INVALID if is_refused else OK)
    # Rows are shown, and not kept anywhere.
    response.headers["Cache-Control"] = "private, no-store"
    return response
