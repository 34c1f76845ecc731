"""The log of a job as a text file."""

from __future__ import annotations

from datetime import UTC
from uuid import UUID

from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_safe

from connectors.ids import short_id
from dashboard.forms.jobs import UTC_ZONE, LogFilterForm
from dashboard.pages.job_log_text import text_of
from jobs.models import Job


@require_safe
def text(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """Stream the lines that the filter of the address lets through, all of them without one."""
    job = get_object_or_404(Job, pk=pk)
    criteria = LogFilterForm(request.GET).criteria()
    zone = UTC if criteria.zone == UTC_ZONE else timezone.get_current_timezone()
    lines = text_of(job, list(job.attempts.all()), criteria, zone, timezone.now())
    response = StreamingHttpResponse(lines, content_type="text/plain; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="job-{short_id(job.pk)}.log.txt"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "private, no-store"
    return response
