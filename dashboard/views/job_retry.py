"""Retry what fails with one error code at one provider: the question with the number, and the bulk action."""

from __future__ import annotations

from typing import cast

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from dashboard.forms.job_retry import RetryForm
from dashboard.pages.job_retry import retry_question
from dashboard.views.rendering import render_page
from jobs.models import BulkAction
from jobs.services.bulk import start_bulk

OK, INVALID = 200, 422


@require_http_methods(["GET", "HEAD", "POST"])
def retry(request: HttpRequest) -> HttpResponse:
    """Ask before the failing connections of a group sync again, and start that; the same answer twice starts it once.

    Where more or fewer fail than were shown, the question is asked again (422).
    """
    form = RetryForm(request.POST if request.method == "POST" else request.GET)
    group = form.group()
    page = retry_question(group)
    if request.method == "POST" and group.question:
        if group.was_answered:
            return redirect("bulk:detail", pk=group.question)
        if page.ids and not page.changed:
            options = {"code": group.code, "provider": group.provider, "query": page.query}
            actor = cast("User", request.user)
            bulk = start_bulk(
                action=BulkAction.RETRY, connection_ids=page.ids, actor=actor, options=options, pk=group.question
            )
            return redirect(bulk)
    status = INVALID if request.method == "POST" else OK
    return render_page(request, "jobs/retry.html", {"page": page}, fragment="question", status=status)
