"""The search: what may be pasted, where it leads, what it lists and counts, what it says when nothing is found."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from uuid import UUID

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from connectors.ids import first_id_at
from connectors.models import Connection
from jobs.models import Job, JobStatus
from tests.dashboard.pages import flat
from tests.factories import make_connection, make_destination, make_entity, make_job
from tests.sessions_log.recorded import make_session
from tests.sessions_log.telling import opened

HTMX = {"HX-Request": "true"}
# A job's, in the middle of an hour, and one of the same 65 seconds.
ID, NEIGHBOUR = "01a1f376-a902-75f3-b08f-448cbd9c1e65", "01a1f376-b000-7111-8222-333344445555"


def went(client: Client, text: str) -> str:
    """Return where a search leads, empty where it shows a page of its own."""
    response = client.get("/search/", {"q": text})
    assert response.status_code in {200, 302}
    return response.headers.get("Location", "")


def page(client: Client, text: str, **more: str) -> str:
    response = client.get("/search/", {"q": text, **more})
    assert response.status_code == 200
    return flat(response)


def listed(text: str) -> list[str]:
    """Return the addresses of the hits on a page, in their order."""
    return [unescape(href) for href in re.findall(r'<a class="item" href="([^"]+)"', text)]


def suggested(client: Client, text: str) -> list[str]:
    response = client.get("/search/", {"q": text}, headers=HTMX)
    assert response.status_code == 200
    return [unescape(href) for href in re.findall(r'<a role="option"[^>]*href="([^"]+)"', flat(response))]


@pytest.mark.parametrize(
    "text",
    [
        ID,
        ID[:13],
        ID[:11],
        ID.upper(),
        ID.replace("-", ""),
        ID.replace("-", "")[:10],
        f'  "{ID}" ',
        f"«{ID[:13]}…»",
        f"`{ID}`,",
        f"{ID[:20]} {ID[20:]}",
        f"job {ID[:13]}… failed at 12:04",
        f"https://patchbay.example/jobs/{ID[:18]}",
        f"urn:uuid:{ID}",
    ],
)
def test_an_id_leads_to_its_job_however_it_was_pasted(viewer: Client, text: str) -> None:
    job = make_job(make_connection(), pk=UUID(ID))
    make_job(job.connection, pk=UUID(NEIGHBOUR))

    assert went(viewer, text) == f"/jobs/{ID}/"


def test_an_id_leads_to_connection_entity_and_destination(viewer: Client) -> None:
    connection = make_connection()
    entity = make_entity(connection)
    assert connection.destination is not None

    for record in (connection, entity, connection.destination):
        assert went(viewer, str(record.pk)) == record.get_absolute_url()
        assert went(viewer, str(record.pk)[:13]) == record.get_absolute_url()


def test_a_pasted_address_leads_to_that_very_page_of_what_exists(viewer: Client) -> None:
    connection = make_connection()
    entity = make_entity(connection)
    job = make_job(connection, entity)
    host = "https://patchbay.internal:8443"

    for address in (
        f"{job.get_absolute_url()}?level=error#line-12",
        entity.get_absolute_url(),
        f"/connections/{connection.pk}/setup/",
        "/jobs/?status=failed",
    ):
        assert went(viewer, host + address) == address
        assert went(viewer, address) == address
    # What would change something is not opened, nor is anything of another host.
    assert went(viewer, f"{host}/connections/{connection.pk}/pause/") == connection.get_absolute_url()
    assert went(viewer, f"{host}//elsewhere.example/jobs/") == ""
    assert "Nothing found" in page(viewer, f"{host}/jobs/{ID}/")


def test_a_name_or_number_that_one_record_has_leads_there(viewer: Client) -> None:
    connection = make_connection(name="Halden Foods", destination=make_destination(name="Big Query"))
    make_connection(name="Halden Foods Logistics", destination=connection.destination)
    entity = make_entity(connection, name="Bakeries", ref="co_4711-B")
    assert connection.destination is not None

    assert went(viewer, "halden foods") == connection.get_absolute_url()
    assert went(viewer, "BAKERIES") == entity.get_absolute_url()
    assert went(viewer, "CO_4711-b") == entity.get_absolute_url()
    assert went(viewer, " Big  Query ") == connection.destination.get_absolute_url()
    assert went(viewer, "invalid_credentials") == "/jobs/?status=failed&code=invalid_credentials"


def test_parts_of_names_are_listed_in_groups_with_counts_the_best_first(viewer: Client) -> None:
    lake = make_connection(name="Blue Lakeside", destination=make_destination(name="Lake"))
    other = make_connection(name="Lake North", destination=lake.destination)
    entity = make_entity(other, name="Northern Lake Ltd", ref="x-1")
    assert lake.destination is not None

    text = page(viewer, "lak")

    assert listed(text) == [one.get_absolute_url() for one in (other, lake, entity, lake.destination)]
    assert re.findall(r"<h2[^>]*>(\w+) <span[^>]*>([^<]+)", text) == [
        ("Connections", "2"),
        ("Entities", "1"),
        ("Destinations", "1"),
    ]
    assert "4 hits for “lak”" in text
    # Each word somewhere; what is short at the beginning only.
    assert listed(page(viewer, "north lake")) == [other.get_absolute_url(), entity.get_absolute_url()]
    assert listed(page(viewer, "la")) == [other.get_absolute_url(), lake.destination.get_absolute_url()]


def test_one_name_of_several_records_is_a_list(viewer: Client) -> None:
    connection = make_connection(name="Halden")
    entity = make_entity(connection, name="Halden")

    assert listed(page(viewer, "halden")) == [connection.get_absolute_url(), entity.get_absolute_url()]


def test_a_renamed_or_deleted_record_is_found_as_it_is_now(viewer: Client) -> None:
    connection = make_connection(name="Old name")
    entity = make_entity(connection, name="Passing")
    Connection.objects.filter(pk=connection.pk).update(name="New name")
    entity.delete()

    assert went(viewer, "new name") == connection.get_absolute_url()
    assert "Nothing found" in page(viewer, "old name")
    assert "Nothing found" in page(viewer, "passing")


def test_jobs_of_a_deleted_connection_are_found_by_its_name_and_by_their_id(viewer: Client) -> None:
    connection = make_connection(name="Shop", deleted_at=timezone.now())
    job = make_job(connection, make_entity(connection, name="Till"))

    assert went(viewer, str(job.pk)[:13]) == job.get_absolute_url()
    for name in ("shop", "till", str(connection.pk)):
        assert went(viewer, name) == f"/jobs/?connection={connection.pk}"
    # A new one of the same name is what is meant.
    successor = make_connection(name="Shop")
    assert went(viewer, "shop") == successor.get_absolute_url()
    assert listed(page(viewer, "sho")) == [successor.get_absolute_url(), f"/jobs/?connection={connection.pk}"]


def test_error_codes_say_how_many_jobs_failed_lately(viewer: Client) -> None:
    connection = make_connection()
    for code in ("tls_error", "provider_error", "provider_error"):
        make_job(connection, status=JobStatus.FAILED, error_code=code)
    make_job(
        connection,
        status=JobStatus.FAILED,
        error_code="tls_error",
        pk=first_id_at(timezone.now() - timedelta(hours=25)),
    )

    text = page(viewer, "error")

    assert listed(text)[:2] == [f"/jobs/?status=failed&code={code}" for code in ("provider_error", "tls_error")]
    assert "2 jobs failed in 24 h" in text
    assert "1 job failed in 24 h" in text


def test_a_beginning_of_many_jobs_is_capped_and_leads_to_the_list_of_their_minutes(viewer: Client) -> None:
    connection = make_connection()
    first = UUID(ID).int >> 80
    made = [
        Job(pk=UUID(int=((first + n) << 80) | (7 << 76) | (2 << 62)), **JOB, connection=connection) for n in range(102)
    ]
    Job.objects.bulk_create(made)

    text = page(viewer, ID[:8])

    assert listed(text) == [job.get_absolute_url() for job in made[:-21:-1]]
    assert "Jobs <span" in text
    assert "more than 100" in text
    more = re.search(r'href="(/jobs/[^"]+)">All jobs of these minutes', text)
    assert more is not None
    assert unescape(more[1]) == "/jobs/?since=2026-11-19T10:59Z&until=2026-11-19T11:01Z"
    Job.objects.update(created_at="2026-11-19T11:00Z")
    assert f'href="{made[-1].get_absolute_url()}"' in flat(viewer.get(unescape(more[1])))


def test_many_names_are_capped_and_can_be_had_by_their_kind(viewer: Client) -> None:
    connection = make_connection(name="One")
    for number in range(22):
        make_entity(connection, name=f"Lake {number:02}")

    text = page(viewer, "lake")

    assert len(listed(text)) == 20
    assert 'href="/search/?q=lake&amp;only=entities">Show more of them' in text
    assert len(listed(page(viewer, "lake", only="entities"))) == 22
    assert "Search everything" in page(viewer, "lake", only="entities")


def test_nothing_found_says_what_was_looked_for_and_how_an_id_looks(viewer: Client) -> None:
    assert "Nothing found for “la&lt;b&gt;ke”" in page(viewer, "la<b>ke")
    text = page(viewer, "FFFFFFFF-aa")
    assert 'an ID that begins with <span class="mono">ffffffff-aa</span>' in text
    assert "kept for 60 days" in text
    assert "An ID looks like" in text
    for nothing in ("", " ", "x", "\0", "%", "_", "''"):
        assert "An ID, whole or its first 8 characters" in page(viewer, nothing) or "Nothing found" in page(
            viewer, nothing
        )
    assert "Nothing found" in page(viewer, "x" * 5_000)
    assert "Nothing found" in page(viewer, "%%%")


def test_suggestions_are_a_few_of_each_kind_and_the_place_of_a_job(viewer: Client) -> None:
    connection = make_connection(name="Halden")
    entities = [make_entity(connection, name=f"Lake {number}") for number in range(7)]
    job = make_job(connection, entities[0])

    assert suggested(viewer, "lake") == [entity.get_absolute_url() for entity in entities[:5]]
    places = [job.get_absolute_url(), connection.get_absolute_url(), entities[0].get_absolute_url()]
    assert suggested(viewer, str(job.pk)) == places
    assert suggested(viewer, "l") == []
    fragment = flat(viewer.get("/search/", {"q": "lake"}, headers=HTMX))
    assert "<html" not in fragment
    assert "Entities, 5 of 7</div>" in fragment
    assert '<p id="announce" hx-swap-oob="innerHTML">7 hits</p>' in fragment


def test_a_search_takes_as_many_queries_for_one_record_as_for_many(
    viewer: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    connection = make_connection(name="Lake", destination=make_destination(name="Lake"))
    make_job(connection, make_entity(connection, name="Lake"), pk=UUID(ID))
    make_job(connection, pk=UUID(NEIGHBOUR))
    viewer.get("/search/", {"q": "lake"})

    # Session, member, role, state of Patchbay; names and IDs, then each kind.
    with django_assert_num_queries(9):
        page(viewer, "lake")
    with django_assert_num_queries(7):
        page(viewer, ID[:8])

    for number in range(3):
        another = make_connection(name=f"Lake {number}", destination=make_destination(name=f"Lake {number}"))
        make_job(
            another,
            make_entity(another, name=f"Lake {number}"),
            pk=UUID(f"01a1f376-b00{number}-7000-8000-000000000000"),
        )
    with django_assert_num_queries(9):
        page(viewer, "lak")
    with django_assert_num_queries(7):
        page(viewer, ID[:8])


def test_every_page_has_the_box_and_an_unknown_address_offers_its_id(viewer: Client, client: Client) -> None:
    for address in ("/", "/jobs/", "/system/", "/destinations/"):
        assert '<form class="search search--global" role="search"' in flat(viewer.get(address))

    missing = viewer.get(f"/jobs/{ID[:13]}/")

    assert missing.status_code == 404
    assert f'value="{ID[:13]}"' in flat(missing)
    assert 'value=""' in flat(viewer.get("/no/such/page/"))
    client.logout()
    stranger = client.get("/search/", {"q": "lake"})
    assert stranger.status_code == 302
    assert stranger.headers["Location"] == "/accounts/login/?next=/search/%3Fq%3Dlake"


NOW = timezone.now()
JOB = {"type": "data_sync", "status": "success", "trigger": "schedule", "ended_at": NOW, "started_at": NOW}


def test_a_session_is_found_by_its_id_whole_short_or_in_an_address(viewer: Client) -> None:
    session = make_session(*opened(), end_user_name="Bexley Paper")
    whole = str(session.pk)

    for text in (whole, whole[:13], whole.replace("-", ""), f"see /sessions/{whole[:18]}"):
        assert went(viewer, text) == f"/sessions/{whole}/"
    assert went(viewer, f"https://patchbay.example/sessions/{whole}/?view=raw") == f"/sessions/{whole}/?view=raw"
    assert suggested(viewer, whole[:13]) == [f"/sessions/{whole}/"]


def test_sessions_are_found_by_how_the_name_the_mail_or_the_reference_begins(viewer: Client) -> None:
    first = make_session(end_user_name="Bexley Paper", end_user_email="pay@bexley.example", reference="acct_17%")
    second = make_session(end_user_name="Bexley Paper, finance")
    make_session(end_user_name="Ashdown Brewery")

    for text in ("bexley pa", "BEXLEY"):
        assert listed(page(viewer, text)) == [second.get_absolute_url(), first.get_absolute_url()]
    for text in ("pay@bex", "acct_17%", "Acct_1"):
        assert listed(page(viewer, text)) == [first.get_absolute_url()]
    assert listed(page(viewer, "acct%")) == []
    assert listed(page(viewer, "paper")) == []


def test_a_name_leads_to_its_connection_although_sessions_have_it_too(viewer: Client) -> None:
    connection = make_connection(name="Bexley Paper")
    make_session(end_user_name="Bexley Paper")

    assert went(viewer, "Bexley Paper") == connection.get_absolute_url()


def test_many_sessions_of_a_name_lead_to_the_list(viewer: Client) -> None:
    for _ in range(22):
        make_session(end_user_name="Bexley Paper")
    text = page(viewer, "bexley")

    assert len(listed(text)) == 20
    assert '<a class="btn btn--sm push" href="/sessions/?period=all&amp;q=bexley">All sessions with it' in text
