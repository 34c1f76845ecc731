"""Ingest keys: made and shown once, listed without anything secret, revoked at once."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from connectors.models import Activity
from sessions_log.models import IngestKey
from sessions_log.services.ingest_keys import enter, make_key, revoke_key
from tests.dashboard.pages import flat

PAGE = reverse("settings:keys")
# Session, user, groups; the keys; the line of Patchbay's own health.
QUERIES = 5


def test_a_key_is_shown_once_and_works(admin: Client) -> None:
    made = admin.post(PAGE, {"name": "Shop front"})
    page = flat(made)
    secrets = re.findall(r"pb_ingest_[\w-]{43}", page)

    assert (made.status_code, len(secrets)) == (200, 1)
    assert "no-store" in made.headers["Cache-Control"]
    assert "Authorization: Bearer $PATCHBAY_KEY" in page.replace("&quot;", '"')
    key = IngestKey.objects.get()
    assert (enter(secrets[0]), key.created_by) == (key, Activity.objects.get().actor)
    listed = flat(admin.get(PAGE))
    assert "Shop front" in listed
    assert f"{key.prefix}…" in listed
    assert secrets[0] not in listed
    activity = flat(admin.get(reverse("activity:list")))
    assert "Made the ingest key" in activity
    assert secrets[0] not in activity


@pytest.mark.parametrize(("name", "why"), [("", "Give the key a name"), ("x" * 101, "at most 100 characters")])
def test_a_key_needs_a_name(admin: Client, name: str, why: str) -> None:
    refused = admin.post(PAGE, {"name": name})

    assert refused.status_code == 422
    assert why in flat(refused)
    assert not IngestKey.objects.exists()


def test_two_keys_that_work_have_no_name_in_common(admin: Client) -> None:
    first = admin.post(PAGE, {"name": "Shop front"})
    second = admin.post(PAGE, {"name": "Shop front"})

    assert (first.status_code, second.status_code, IngestKey.objects.count()) == (200, 422, 1)
    assert "A key that works is called Shop front already" in flat(second)
    revoke_key(key=IngestKey.objects.get(), actor=None)
    assert admin.post(PAGE, {"name": "Shop front"}).status_code == 200


def test_a_revoked_key_lets_nobody_in_from_then_on(admin: Client) -> None:
    key, secret = make_key(name="Shop front", actor=None)
    address = reverse("settings:revoke-key", args=[key.pk])

    asked = flat(admin.get(address))
    assert "Revoke Shop front?" in asked
    assert enter(secret) == key
    done = admin.post(address, follow=True)

    assert "The key Shop front does not work any more." in flat(done)
    assert "Revoked" in flat(done)
    assert address not in flat(done)
    assert enter(secret) is None
    again = admin.post(address)
    assert again.status_code == 409
    assert "Shop front was revoked already." in flat(again)
    assert Activity.objects.filter(action="ingest_key.revoked").count() == 1


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_takes_the_same_queries_whatever_it_shows(
    admin: Client, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    for number in range(count):
        make_key(name=f"Key {number}", actor=None)
    revoke_key(key=IngestKey.objects.latest("pk"), actor=None)

    with django_assert_num_queries(QUERIES):
        assert f"Key {count - 1}" in flat(admin.get(PAGE))


def test_without_keys_the_page_says_what_they_are_for(admin: Client) -> None:
    page = flat(admin.get(PAGE))

    assert "No keys yet" in page
    assert 'aria-current="page">Ingest keys</a>' in page
