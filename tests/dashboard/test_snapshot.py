"""A page that says one thing in several places reads all of it at one moment."""

from __future__ import annotations

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connectors.models import Connection, Entity
from dashboard.pages.snapshot import one_moment
from tests.conftest import _client
from tests.factories import make_connection, make_entity
from tests.jobs.chain import together


def _payroll() -> Connection:
    made = make_connection(provider="sandbox_payroll")
    for name in ("Alder", "Birch"):
        make_entity(made, name=name, last_success_at=timezone.now())
    return made


def _rename() -> int:
    return Entity.objects.filter(name="Alder").update(name="Ash")


@pytest.mark.django_db(transaction=True)
def test_what_others_change_meanwhile_is_not_seen() -> None:
    _payroll()

    with one_moment():
        before = set(Entity.objects.values_list("name", flat=True))
        assert together(_rename) == [1]
        after = set(Entity.objects.values_list("name", flat=True))

    assert before == after == {"Alder", "Birch"}
    assert set(Entity.objects.values_list("name", flat=True)) == {"Ash", "Birch"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("view", ["overview", "jobs", "entity"])
def test_page_of_entities_reads_them_and_their_jobs_at_one_moment(view: str) -> None:
    client: Client = _client("viewer")
    connection = _payroll()
    first = connection.entities.first()
    assert first is not None
    arguments = [connection.pk, first.pk] if view == "entity" else [connection.pk]

    with CaptureQueriesContext(
        database,
    ) as queries:
        assert client.get(reverse(f"connections:{view}", args=arguments)).status_code == 200

    said = [query["sql"] for query in queries]
    begin = next(place for place, sql in enumerate(said) if "REPEATABLE READ" in sql)
    end = said.index("COMMIT", begin)
    reads = [place for place, sql in enumerate(said) if "connectors_entity" in sql or '"jobs_' in sql]
    outside = [said[place] for place in reads if not begin < place < end]
    # The line of Patchbay's own health is not the page's.
    assert [sql for sql in outside if "overdue" not in sql and "jobs_worker" not in sql] == []
    assert len(reads) - len(outside) >= 4
