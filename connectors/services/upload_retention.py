"""Removes the contents of uploads whose time is over, and what was left behind."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from connectors.models import Upload, UploadStatus
from connectors.uploads import store

# An end user may come back to his session for a day; what he has not sent then is gone.
UNSENT = timedelta(days=2)
# A file is written before its record is, and by a process that may be killed in between.
_WRITTEN_WITHIN = timedelta(hours=1)


def drop_old_uploads(*, now: datetime | None = None) -> int:
    """Remove contents: of loaded files after PATCHBAY_UPLOAD_DAYS, of others when nobody loads them. Returns how many.

    The records stay, except those that an end user never sent.
    """
    now = now or timezone.now()
    old = now - timedelta(days=settings.PATCHBAY_UPLOAD_DAYS)
    stuck = Q(status=UploadStatus.WAITING, uploaded_at__lt=now - _WRITTEN_WITHIN)
    is_over = Q(status=UploadStatus.LOADED, loaded_at__lt=old) | stuck | Q(connection__deleted_at__isnull=False)
    gone = list(Upload.objects.filter(is_over, removed_at=None).values_list("pk", flat=True))
    Upload.objects.filter(pk__in=gone, status=UploadStatus.WAITING).update(
        status=UploadStatus.REFUSED, reason="The check did not come to an end. Upload the file once more."
    )
    Upload.objects.filter(pk__in=gone).update(removed_at=now)
    Upload.objects.unsent().filter(uploaded_at__lt=now - UNSENT).delete()
    kept = set(Upload.objects.filter(removed_at=None).values_list("pk", flat=True))
    return sum(_remove(pk, now) for pk in store.kept() if pk not in kept)


def _remove(pk: UUID, now: datetime) -> bool:
    """Remove a content that no record speaks for, unless its record may be on its way."""
    path = store.path_of(pk)
    try:
        is_new = path.stat().st_mtime > (now - _WRITTEN_WITHIN).timestamp()
    except FileNotFoundError:
        return False
    if is_new and not Upload.objects.filter(pk=pk).exists():
        return False
    path.unlink(missing_ok=True)
    return True
