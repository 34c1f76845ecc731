"""A copy of a connection: what it takes over, what it must not, and its name."""

from __future__ import annotations

import pytest
from django.utils import timezone

from connectors.models import Activity, Connection, ScheduleKind, Status, Table, Tag
from connectors.services.duplicate import DeletedError, duplicate, free_name
from tests.conftest import member
from tests.factories import make_connection, make_entity, make_ready_connection

pytestmark = pytest.mark.django_db


def test_copy_has_the_settings_and_no_credentials() -> None:
    original = make_ready_connection(
        name="Shop",
        schedule_kind=ScheduleKind.CRON,
        cron="5 4 * * *",
        time_zone="Europe/Berlin",
        description="Ask Ines",
    )
    original.tags.add(Tag.objects.create(name="north"))
    Table.objects.create(connection=original, name="notes", source_schema="public", is_selected=False)
    make_entity(original)

    copy = duplicate(connection=original, actor=member("operator"))

    copy = Connection.objects.get(pk=copy.pk)
    for field in ("provider", "config", "destination", "schedule_kind", "cron", "time_zone", "description"):
        assert getattr(copy, field) == getattr(original, field)
    chosen = {"name", "source_schema", "is_selected", "mode", "keys"}
    assert list(copy.tables.values(*chosen)) == list(original.tables.values(*chosen))
    assert [tag.name for tag in copy.tags.all()] == ["north"]
    assert (copy.name, bytes(copy.credentials), copy.tested_at) == ("Shop (copy)", b"", None)
    assert (copy.status, copy.status_reason) == (Status.INCOMPLETE, "missing_credentials")
    assert copy.dataset != original.dataset
    assert (copy.entities.count(), copy.created_by) == (0, member("operator"))
    told = Activity.objects.get()
    assert (told.action, told.connection, told.note) == ("connection.duplicated", copy, "From Shop.")


def test_each_copy_has_a_name_of_its_own() -> None:
    original = make_connection(name="Shop")

    names = [duplicate(connection=original, actor=None).name for _ in range(3)]

    assert names == ["Shop (copy)", "Shop (copy 2)", "Shop (copy 3)"]


def test_longest_name_leaves_room_for_the_ending() -> None:
    assert free_name("x" * 200) == f"{'x' * 193} (copy)"


def test_unfinished_setup_begins_at_its_first_step() -> None:
    assert duplicate(connection=make_connection(setup_step="tables"), actor=None).setup_step == "configure"


def test_deleted_connection_cannot_be_copied() -> None:
    original = make_connection(deleted_at=timezone.now(), config={})

    with pytest.raises(DeletedError, match="its settings are gone"):
        duplicate(connection=original, actor=None)

    assert not Connection.objects.exists()
