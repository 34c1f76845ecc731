"""One job: its page, which lives while the job does, and the question before it is cancelled."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRedirect

from connectors.services.scrubbing import scrubber_for
from dashboard.access import Can, HtmxRequest, role_of
from dashboard.forms.jobs import LogFilterForm
from dashboard.pages import parts
from dashboard.pages.changes import changes_of
from dashboard.pages.job import page_of, subject_of
from dashboard.pages.job_actions import recommended_of
from dashboard.pages.job_again import again_of, sync_again_url
from dashboard.pages.job_lines import lines_of
from dashboard.pages.job_log import log_of
from dashboard.pages.job_log_choices import choices_of
from dashboard.pages.job_neighbours import neighbours_of
from dashboard.pages.job_retention import is_removed, made_at, retention
from dashboard.pages.job_support import Taken, support_of
from dashboard.views.refusals import refused
from dashboard.views.rendering import render_page, wants_fragment
from jobs.models import WRITE_TYPES, Job, JobStatus
from jobs.services.cancel import CannotCancel, request_cancel

OK, STOP_POLLING, NOT_FOUND = 200, 286, 404
PARTS = (
    "icon", "title", "when", "actions", "progress", "verdict", "rates", "lines", "tables", "levels", "facts",
    "attempts", "cancelling", "live", "spoken", "count", "error",
)  # fmt: skip


@require_safe
def detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show a job; a poll gets the parts that changed and the log lines that came, and 286 once the job is over.

    An ID from before what is kept is answered with 404 and that sentence.
    """
    job = Job.objects.for_page().filter(pk=pk).first()
    if job is None:
        return _unknown(request, pk)
    is_poll = wants_fragment(request)
    context = _living(request, job, only_new=is_poll)
    rendered = parts.render_parts("jobs/parts", PARTS, context)
    context["page_version"] = parts.version_of(rendered, str(context["log"].last))
    if is_poll:
        context["changed"] = parts.changed(rendered, request.headers.get("If-None-Match", ""))
        # What was copied for support while the job ran ends with the job.
        context |= _still(request, job, context["now"]) if job.is_over else {}
    else:
        context["parts"] = {name: part.html for name, part in zip(PARTS, rendered, strict=True)}
        context |= _still(request, job, context["now"])
    status = STOP_POLLING if is_poll and job.is_over else OK
    return render_page(
        request, "jobs/detail.html", context, fragment="live", status=status, version=context["page_version"]
    )


@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask before a job is cancelled (a dialog, or a page of its own), and cancel it."""
    job = get_object_or_404(Job.objects.for_page(), pk=pk)
    try:
        if request.method == "POST":
            request_cancel(job=job, actor=cast("User", request.user))
            return _to_job(request, job, _cancelled(job))
    except CannotCancel as refusal:
        return _refused(request, job, str(refusal))
    if job.is_over:
        return _refused(request, job, f"This job is over already ({job.get_status_display()}), nothing was changed.")
    return render_page(request, "jobs/cancel.html", {"job": job, "subject": subject_of(job)[0]}, fragment="question")


def _unknown(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Say that a job is no longer kept, if its ID is that old. Raises `Http404` otherwise."""
    kept = retention(timezone.now(), timezone.get_current_timezone())
    if not is_removed(pk, kept):
        message = "There is no such job."
        raise Http404(message)
    return render(request, "jobs/removed.html", {"pk": pk, "kept": kept, "made_at": made_at(pk)}, status=NOT_FOUND)


def _living(request: HttpRequest, job: Job, *, only_new: bool) -> dict[str, Any]:
    """Return what changes while a job runs."""
    now, zone = timezone.now(), timezone.get_current_timezone()
    criteria = LogFilterForm(request.GET).criteria()
    attempts, steps = list(job.attempts.order_by("-number")), list(job.steps.order_by("number"))
    can = Can(role_of(request.user))
    page = page_of(job, attempts, steps, now=now, zone=zone)
    again, verdict = again_of(job, page.reason, can), page.verdict
    return {
        "job": job,
        "now": now,
        "can": can,
        "page": page,
        "again": again,
        "lines": lines_of(job, can),
        "recommended": recommended_of(job, verdict.actions, again, code=verdict.code, can=can) if verdict else (),
        "log_choices": choices_of(page.steps, attempts, criteria),
        "log": log_of(job, attempts, criteria, zone, now=now, only_new=only_new),
    }


def _still(request: HttpRequest, job: Job, now: datetime) -> dict[str, Any]:
    """Return what a page shows once, as of when it was loaded."""
    # What copies nothing has no tables, settings or versions to be compared with.
    changes = changes_of(job) if job.status == JobStatus.FAILED and job.type not in WRITE_TYPES else None
    taken = Taken(request.build_absolute_uri(job.get_absolute_url()), timezone.get_current_timezone(), now)
    return {
        "changes": changes,
        "support": support_of(job, changes, scrubber_for(job.connection_id), taken),
        "sync_again_url": sync_again_url(job),
        "neighbours": neighbours_of(job),
    }


def _cancelled(job: Job) -> str:
    """Say what a cancel did: a job that waited is over at once, a running one stops when its worker hears of it."""
    job.refresh_from_db(fields=["status"])
    if job.is_over:
        return "The job is cancelled. It waited in the queue, so nothing had to be stopped."
    return "The job was asked to stop. It ends at the next safe point."


def _to_job(request: HttpRequest, job: Job, told: str, level: int = messages.SUCCESS) -> HttpResponse:
    messages.add_message(request, level, told)
    if cast("HtmxRequest", request).htmx:
        return HttpResponseClientRedirect(job.get_absolute_url())
    return redirect(job)


def _refused(request: HttpRequest, job: Job, reason: str) -> HttpResponse:
    """Refuse what was posted (409); who only asked for the question is led to the job with the reason."""
    if request.method == "POST":
        return refused(request, job.connection, reason, job_id=job.pk)
    return _to_job(request, job, reason, messages.WARNING)
