"""Changes of a connection that is not what the page showed any more: deleted, or changed by somebody else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import timezone

from connectors.models import Activity, Connection
from connectors.services.changing import ChangedMeanwhileError, ConnectionDeletedError, version_of
from connectors.services.choose import choose_tables
from connectors.services.configure import SignIn, change_sign_in
from connectors.services.describe import About, about_facts, change_about
from connectors.services.tags import tags_named, words_of
from tests.conftest import member
from tests.factories import make_ready_connection
from tests.jobs.chain import together

pytestmark = pytest.mark.django_db


def sign_in(connection: Connection) -> object:
    return change_sign_in(connection=connection, seen="", proposed=SignIn({"host": "127.0.0.1"}), actor=None)


def choose(connection: Connection) -> object:
    shown = set(connection.tables.values_list("pk", flat=True))
    return choose_tables(connection=connection, seen="", shown=shown, chosen=set(), actor=None)


def describe(connection: Connection) -> object:
    return change_about(connection=connection, seen="", about=About(name="Other"), actor=None)


@pytest.mark.parametrize("change", [sign_in, choose, describe])
def test_what_was_deleted_meanwhile_is_not_changed(change: Callable[[Connection], object]) -> None:
    connection = make_ready_connection(name="Shop")
    Connection.objects.filter(pk=connection.pk).update(deleted_at=timezone.now())

    with pytest.raises(ConnectionDeletedError, match=r"Shop was deleted\. Nothing was changed\."):
        change(connection)

    assert not Activity.objects.exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" , ,, ", []),
        ("a, b", ["a", "b"]),
        ("Finance,finance , FINANCE", ["Finance"]),
        ("weekly   report\t, x", ["weekly report", "x"]),
    ],
)
def test_words_between_commas(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_known_tag_keeps_its_spelling() -> None:
    tags_named(["Finance"])

    assert sorted(tag.name for tag in tags_named(["finance", "New"])) == ["Finance", "New"]


@pytest.mark.django_db(transaction=True)
def test_of_two_who_save_at_once_one_is_told() -> None:
    connection = make_ready_connection(name="Shop")
    seen = version_of(about_facts(connection))

    def save(word: str) -> Callable[[], object]:
        about = About(name="Shop", description=word, tags=["same"])
        return lambda: change_about(connection=connection, seen=seen, about=about, actor=member("operator"))

    results = together(save("one"), save("two"))

    refused = [result for result in results if isinstance(result, ChangedMeanwhileError)]
    assert len(refused) == 1
    assert Activity.objects.count() == 1
    assert Connection.objects.get().description in {"one", "two"}
