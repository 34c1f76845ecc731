"""Takes one uploaded file per form: streamed to disk, within its limit, before the rest of the form is looked at."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile, TemporaryFileUploadHandler
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt, csrf_protect

View = Callable[..., HttpResponse]
# The field of the form that holds the file.
FIELD = "file"


class _Quota(FileUploadHandler):
    """Lets one file through, and no more bytes of it than an upload may have; the rest is read and thrown away."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self.is_too_large = False
        self._files = self._bytes = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Count the files. Raises `SkipFile` for all but the first."""
        super().new_file(*args, **kwargs)
        self._files += 1
        if self._files > 1:
            raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """Hand a chunk on to the next handler. Raises `SkipFile` for a file that is too large."""
        del start
        self._bytes += len(raw_data)
        if self._bytes > settings.PATCHBAY_UPLOAD_BYTES:
            self.is_too_large = True
            raise SkipFile
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """Leave the file to the next handler."""
        del file_size


def takes_file(view: View) -> View:
    """Prepare a view whose form holds a file; whether the form is forged is looked at after the handlers are set."""
    protected = csrf_protect(view)

    @csrf_exempt
    @wraps(view)
    def prepared(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        request.upload_handlers = [_Quota(request), TemporaryFileUploadHandler(request)]
        return protected(request, *args, **kwargs)

    return prepared


def sent_file(request: HttpRequest) -> UploadedFile[bytes] | None:
    """Return the file of a form, None where there is none or it was too large."""
    found = request.FILES.get(FIELD)
    return found if isinstance(found, UploadedFile) else None


def was_too_large(request: HttpRequest) -> bool:
    """Whether the form's file was larger than an upload may be."""
    return sent_file(request) is None and any(
        one.is_too_large for one in request.upload_handlers if isinstance(one, _Quota)
    )
