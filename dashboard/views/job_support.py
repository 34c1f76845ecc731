"""What support takes away from a job: its bundle as one file."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.contrib.auth.models import User
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_POST

from connectors.services.scrubbing import scrubber_for
from dashboard.pages.bundle import Bundle, files_of
from dashboard.pages.changes import changes_of
from dashboard.pages.job_support import Taken, support_of
from dashboard.zip_stream import zipped
from jobs.models import Attempt, Job
from jobs.services.support import record_bundle


@require_POST
def bundle(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """Record who takes the bundle of a job, and stream it as a .zip. A post, because it is recorded."""
    job = get_object_or_404(Job.objects.for_page(), pk=pk)
    person, now = cast("User", request.user), timezone.now()
    address = request.build_absolute_uri(job.get_absolute_url())
    scrubber, changes = scrubber_for(job.connection_id), changes_of(job)
    attempts = tuple(Attempt.objects.of_jobs([job.pk]))
    taken = Taken(address, timezone.get_current_timezone(), now)
    whole = Bundle(
        job=job,
        changes=changes,
        attempts=attempts,
        summary=support_of(job, changes, scrubber, taken).text,
        scrubber=scrubber,
        by=person.get_username(),
        address=address,
        now=now,
    )
    record_bundle(job=job, actor=person)
    response = StreamingHttpResponse(zipped(files_of(whole), now), content_type="application/zip")
    response.headers["Content-Disposition"] = f'attachment; filename="patchbay-job-{job.pk}.zip"'
    # It is compressed already; done again, it would be gathered whole before its first byte is sent.
    response.headers["Content-Encoding"] = "identity"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "private, no-store"
    return response
