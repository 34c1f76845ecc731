"""Identifiers."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from connectors.ids import first_id_at, new_id, short_id


def test_new_id_is_a_uuid_of_version_7() -> None:
    made = new_id()

    assert (made.version, made.variant) == (7, uuid.RFC_4122)


def test_ids_made_at_once_differ_in_what_people_see_and_keep_their_order() -> None:
    made = [new_id() for _ in range(500)]

    assert len({short_id(one) for one in made}) == 500
    assert made == sorted(made)


def test_first_id_of_a_millisecond_comes_before_every_id_of_it() -> None:
    before = datetime.now(UTC)

    assert first_id_at(before) < new_id()
    assert str(first_id_at(datetime(2026, 11, 16, tzinfo=UTC))) == "01a1e1a7-4c00-7000-8000-000000000000"
