"""Writes many changed rows in plain statements; `bulk_update` compares each row with each of the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from django.db.models import Model

RowT = TypeVar("RowT", bound=Model)
_BATCH = 1000


def store_all(rows: Iterable[RowT], fields: Sequence[str]) -> None:
    """Write `fields` of rows that the caller has locked; rows that are new are inserted whole."""
    found = list(rows)
    if found:
        type(found[0])._default_manager.bulk_create(  # noqa: SLF001 - it has no other name here
            found, update_conflicts=True, unique_fields=["id"], update_fields=list(fields), batch_size=_BATCH
        )
