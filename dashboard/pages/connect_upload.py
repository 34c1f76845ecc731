"""The pages of the hosted flow on which files are delivered and looked over, ready to print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils.text import get_text_list

from connectors.models import Upload, UploadStatus
from connectors.providers.assisted.declared import Awaited
from dashboard.connecting.delivering import Part
from dashboard.formatting import file_size
from jobs.text import counted
from sessions_log.models import Session


@dataclass(frozen=True, slots=True)
class FileSlot:
    """One file that is asked for. `said` is what came of the newest upload, `is_good` that it can be sent."""

    place: str
    table: str
    name: str
    asks: str
    said: str
    file: str
    is_good: bool


@dataclass(frozen=True, slots=True)
class Company:
    """The files of one company; without a name where there is only one."""

    pk: UUID | None
    name: str
    slots: tuple[FileSlot, ...]


@dataclass(frozen=True, slots=True)
class UploadPage:
    """What the page says."""

    companies: tuple[Company, ...]
    address: str
    told: str
    largest: str
    days: int
    is_whole: bool


def upload_of(session: Session, parts: Sequence[Part], *, is_whole: bool) -> UploadPage:
    """Prepare the page of the files."""
    good, total = _counts(parts)
    return UploadPage(
        companies=tuple(_company(part, is_named=len(parts) > 1) for part in parts),
        address=reverse("connect:upload", args=[session.pk]),
        told=f"{good} of {counted(total, 'file')} {'is' if good == 1 else 'are'} there" if good else "",
        largest=file_size(settings.PATCHBAY_UPLOAD_BYTES),
        days=settings.PATCHBAY_UPLOAD_DAYS,
        is_whole=is_whole,
    )


def checked_lines(parts: Sequence[Part]) -> tuple[str, ...]:
    """Return one line per file that will be sent: what it is for, its name and its rows."""
    several = len(parts) > 1
    return tuple(
        f"{f'{part.entity.name}, ' if several and part.entity else ''}{one.name}: {upload.name}, "
        f"{counted(upload.rows or 0, 'row')}"
        for part in parts
        if part.is_begun
        for one, upload in part.files
        if upload is not None
    )


def _counts(parts: Sequence[Part]) -> tuple[int, int]:
    asked = [part for part in parts if part.is_begun] or list(parts[:1])
    total = sum(len(part.files) for part in asked)
    return total - sum(len(part.missing) for part in asked), total


def _company(part: Part, *, is_named: bool) -> Company:
    pk = part.entity.pk if part.entity else None
    return Company(
        pk=pk,
        name=part.entity.name if is_named and part.entity else "",
        slots=tuple(_slot(one, upload, pk) for one, upload in part.files),
    )


def _slot(one: Awaited, upload: Upload | None, pk: UUID | None) -> FileSlot:
    is_good = upload is not None and upload.status == UploadStatus.CHECKED
    asks = [one.format or "CSV, JSON Lines or Parquet"]
    if one.columns:
        asks.append(f"with the columns {get_text_list(list(one.columns), 'and')}")
    said = ""
    if upload is not None:
        said = counted(upload.rows or 0, "row") if is_good else upload.reason
    return FileSlot(
        place=f"{pk}-{one.table}" if pk else one.table,
        table=one.table,
        name=one.name,
        asks=", ".join(asks),
        said=said,
        file=upload.name if upload else "",
        is_good=is_good,
    )
