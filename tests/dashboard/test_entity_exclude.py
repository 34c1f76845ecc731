"""Excluding an entity, which asks first, and including it again."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connectors.models import Connection, Entity
from jobs.models import JobStatus
from tests.dashboard.pages import flat
from tests.factories import make_entity, make_job, make_ready_connection

HTMX = {"HX-Request": "true"}


@pytest.fixture
def birch(db: None) -> Entity:
    """One of two companies."""
    connection = make_ready_connection(provider="sandbox_payroll", name="Payroll")
    make_entity(connection, name="Alder", last_success_at=timezone.now())
    return make_entity(connection, name="Birch", last_success_at=timezone.now(), last_rows=1200)


def _address(entity: Entity, act: str) -> str:
    return reverse(f"connections:{act}-entity", args=[entity.connection_id, entity.pk])


def test_question_says_what_ends_and_what_stays(operator: Client, birch: Entity) -> None:
    make_job(birch.connection, birch, status=JobStatus.PENDING)

    page = flat(operator.get(_address(birch, "exclude"), {"outcome": "success"}))
    fragment = flat(operator.get(_address(birch, "exclude"), headers=HTMX))

    assert "Exclude Birch?" in page
    assert "Its sync that waits is cancelled" in page
    assert "1,200 rows of the last sync stay at the destination and grow old" in page
    assert f'action="{_address(birch, "exclude")}?outcome=success"' in page
    assert "<html" not in fragment
    assert Entity.objects.get(pk=birch.pk).is_selected


def test_exclude_leads_back_to_the_drawer_which_offers_to_include(operator: Client, birch: Entity) -> None:
    response = operator.post(f"{_address(birch, 'exclude')}?text=b", follow=True)
    page = flat(response)

    assert response.redirect_chain == [(f"{birch.get_absolute_url()}?text=b", 302)]
    assert "Birch is excluded." in page
    assert 'id="include-entity"' in page
    assert 'id="exclude-entity"' not in page
    assert "1 of 1 entities synced in the last 24 h" in page
    assert 'disabled title="Excluded: it syncs again once it is included"' in page


def test_include_shows_the_drawer_anew_with_the_next_run(operator: Client, birch: Entity) -> None:
    operator.post(_address(birch, "exclude"))

    fragment = flat(operator.post(_address(birch, "include"), headers=HTMX))

    assert "Birch is included again. Its next sync is planned for" in fragment
    assert 'id="exclude-entity"' in fragment
    assert "2 of 2 entities synced in the last 24 h" in fragment


def test_what_is_so_already_is_a_409(operator: Client, birch: Entity) -> None:
    assert operator.post(_address(birch, "include")).status_code == 409
    operator.post(_address(birch, "exclude"))
    again = operator.post(_address(birch, "exclude"))

    assert again.status_code == 409
    assert "excluded already" in flat(again)


def test_excluded_stands_last_and_counts_nowhere(viewer: Client, birch: Entity) -> None:
    Entity.objects.filter(pk=birch.pk).update(is_selected=False, failure_streak=3, status="broken")
    connection = Connection.objects.get(pk=birch.connection_id)

    history = viewer.get(reverse("connections:jobs", args=[connection.pk])).context["page"]
    overview = flat(viewer.get(connection.get_absolute_url()))

    assert [(row.entity.name, row.entity.outcome) for row in history.rows] == [
        ("Alder", "success"),
        ("Birch", "excluded"),
    ]
    assert [(one.status, one.count) for one in history.counts] == [("success", 1)]
    assert [cell.name for cell in history.cells] == ["Alder"]
    assert "Excluded" in overview


def test_exclusion_is_for_operators_and_only_posted(viewer: Client, operator: Client, birch: Entity) -> None:
    assert 'id="exclude-entity"' not in flat(viewer.get(birch.get_absolute_url()))
    assert viewer.get(_address(birch, "exclude")).status_code == 403
    assert [viewer.post(_address(birch, act)).status_code for act in ("exclude", "include")] == [403, 403]
    assert operator.get(_address(birch, "include")).status_code == 405
