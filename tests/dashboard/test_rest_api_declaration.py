"""The editor of a declaration: its buttons with and without scripts, text and files, what is wrong, and a trial."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.forms import Form
from pytest_django import Settings

from connectors.models import Activity, Connection
from connectors.services.connect import check_and_discover, set_credentials
from dashboard.forms.declaration.document import normal
from dashboard.forms.declaration.editor import Editor
from tests.connectors import forge as forges
from tests.connectors.forge import Forge, serving
from tests.connectors.test_providers_rest_api import DECLARED
from tests.dashboard.pages import flat
from tests.factories import make_connection, make_destination

if TYPE_CHECKING:
    from django.test import Client

NEW = "/connections/new/rest_api/"
HTMX = {"HX-Request": "true"}
SMALL: dict[str, Any] = {"resources": [{"name": "issues", "path": "/repos/octo-org/spoon/issues", "key": ["id"]}]}


@pytest.fixture
def forge(settings: Settings) -> Iterator[Forge]:
    settings.PATCHBAY_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with serving(forges.filled()) as running:
        yield running


@pytest.fixture
def connection(db: None, forge: Forge) -> Connection:
    config = {"base_url": forge.url, "auth": "bearer", "declaration": normal(DECLARED)}
    made = make_connection(provider="rest_api", config=config, name="Forge")
    made.tables.all().delete()
    set_credentials(connection=made, credentials={"secret": forges.TOKEN})
    check_and_discover(connection=made)
    return made


def typed(document: Mapping[str, Any], **more: str) -> dict[str, str]:
    """Return what a browser posts of the editor that shows `document`."""
    editor = Editor(document)
    forms = [editor.general, editor.pagination, editor.entities]
    forms += [form for row in editor.rows for form in (row.form, row.pagination)]
    shown = {name: value for form in forms for name, value in _values(form)}
    return {"api-mode": "rows", "api-count": str(editor.count), **shown, **more}


def _values(form: Form) -> Iterator[tuple[str, str]]:
    for field in form:
        value = field.value()
        if value not in {None, False, ""}:
            yield field.html_name, "on" if value is True else str(value)


def answer(document: Mapping[str, Any], base: str = "https://api.example.com", **more: str) -> dict[str, str]:
    return {"connection_name": "Forge", "base_url": base, "auth": "bearer", **typed(document, **more)}


def shown(response: Any) -> str:
    return unescape(flat(response))


def test_a_new_one_begins_with_one_resource(operator: Client) -> None:
    found = shown(operator.get(NEW))

    assert ('id="api-r0" open' in found, "not tried" in found) == (True, True)
    assert 'name="api-count" value="1"' in found


def test_a_resource_is_added_without_scripts_and_nothing_is_stored(operator: Client) -> None:
    response = operator.post(NEW, answer(SMALL, secret="sk-5f1e0c77aa", **{"api-do": "add"}))

    found = shown(response)
    assert (response.status_code, Connection.objects.count()) == (200, 0)
    assert 'name="api-count" value="2"' in found
    assert "/repos/octo-org/spoon/issues" in found
    # Nobody asked to store it, so nothing is said of what is missing; the secret is not kept in the page.
    assert ("Choose where the data lands" in found, "sk-5f1e0c77aa" in found) == (False, False)


def test_with_scripts_only_the_editor_comes_back(operator: Client) -> None:
    response = operator.post(NEW, answer(SMALL, **{"api-do": "remove:0"}), headers=HTMX)

    found = shown(response)
    assert found.startswith('<section class="api-editor stack" id="api-editor"')
    assert 'name="api-count" value="0"' in found
    assert "csrfmiddlewaretoken" not in found


def test_text_and_rows_say_the_same(operator: Client) -> None:
    text = Editor(DECLARED)
    as_text = operator.post(NEW, answer(DECLARED, **{"api-do": "text"}), headers=HTMX)
    written = as_text.context["editor"].text

    back = operator.post(NEW, {"api-mode": "text", "api-text": written, "api-do": "rows"}, headers=HTMX)

    assert "  incremental:\n    param: since\n    cursor: updated_at\n" in written.replace("- ", "  ")
    assert [row.form.initial for row in back.context["editor"].rows] == [row.form.initial for row in text.rows]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("resources: [", "Line 1, column 13: this is neither YAML nor JSON"),
        ("- a\n- b", "Line 1: a declaration is an object with names and values"),
        ("resources:\n- name: a\n  path: /a\n  keys: id", "Line 4, resources[1].keys: “keys” is not known here."),
        ("resources:\n- name: a\n  path: /a?x=1", "Line 3, resources[1].path: A path has no “?”"),
        ("resources:\n- name: a\n  path: /../a", "Line 3, resources[1].path: A path does not go up"),
        ("resources:\n- name: a b\n  path: /a", "Line 2, resources[1].name: “a b” cannot be a table's name"),
        ("resources:\n- &x {name: a, path: /a}\n- *x", "Line 2: anchors and aliases"),
        ("resources:\n- name: a\n  name: b", "Line 3: “name” stands here twice."),
        ('{"resources": [{"name": "a", "path": "/a", "fields": ["x: number"]}]}', "“number” is no type."),
        ("headers: {Authorization: x}\nresources:\n- {name: a, path: /a}", "Line 1, headers.Authorization: “Auth"),
        ("pagination: {kind: cursor}\nresources:\n- {name: a, path: /a}", "Line 1, pagination.param: Name the param"),
        (
            "resources:\n- {name: a, path: '/a/{parent.id}', parent: a, key: id}",
            "A resource cannot be a child of itself",
        ),
        (
            "resources:\n- {name: a, path: '/{entity}/a'}",
            "Line 2, resources[1].path: {entity} needs the list of accounts",
        ),
    ],
)
def test_a_text_that_is_wrong_is_told_by_its_line(operator: Client, text: str, said: str) -> None:
    response = operator.post(NEW, {"api-mode": "text", "api-text": text, "api-do": "rows"}, headers=HTMX)

    assert said in shown(response)
    assert response.context["editor"].text == text


def test_it_is_kept_as_a_file_without_secrets_and_taken_from_one(operator: Client) -> None:
    saved = operator.post(NEW, answer(DECLARED, secret="sk-5f1e0c77aa", **{"api-do": "save"}))
    file = SimpleUploadedFile("mine.yaml", saved.content)

    loaded = operator.post(NEW, {"api-mode": "text", "api-text": "", "api-do": "load", "api-file": file}, headers=HTMX)

    assert saved["Content-Disposition"] == 'attachment; filename="declaration.yaml"'
    assert b"sk-5f1e0c77aa" not in saved.content
    assert loaded.context["editor"].text.encode() == saved.content


@pytest.mark.parametrize(
    ("content", "said"), [(b"\xff\xfe\x00", "no text in UTF-8"), (b"", "Choose a file first: YAML or JSON.")]
)
def test_a_file_that_is_none_is_refused(operator: Client, content: bytes, said: str) -> None:
    file = SimpleUploadedFile("mine.yaml", content or b" ")

    response = operator.post(NEW, {"api-mode": "text", "api-text": "a: b", "api-do": "load", "api-file": file})

    assert said in shown(response)
    assert response.context["declared"].text == "a: b"


def test_what_is_wrong_stands_beside_its_control(operator: Client) -> None:
    make_destination()
    broken = {"pagination": {"kind": "page"}, "resources": [{"name": "1st", "path": ""}]}

    response = operator.post(NEW, answer(broken))

    found = shown(response)
    assert (response.status_code, Connection.objects.count()) == (422, 0)
    assert 'id="id_api-r0-name_error"' in found
    assert "“1st” cannot be a table's name" in found
    assert 'id="id_api-pages-param_error"' in found
    # The sign-in that was chosen needs a secret.
    assert 'id="id_secret_error"' in found


def test_a_trial_shows_what_came_and_stores_nothing(operator: Client, forge: Forge) -> None:
    data = answer(SMALL, forge.url, secret=forges.TOKEN, **{"api-do": "try:0"})

    response = operator.post(NEW, data, headers=HTMX)

    found = shown(response)
    assert '<b class="medium">6 records, 14 fields.</b> Answered 200 in ' in found
    assert "none: this is the last one" in found
    assert "labels: json" in found
    assert (forges.TOKEN in found, Connection.objects.count()) == (False, 0)


@pytest.mark.parametrize(
    ("secret", "said"),
    [("ghp_wrong_wrong_wrong", "401 Bad credentials"), ("", "First correct: Key, token or secret.")],
)
def test_a_trial_that_fails_says_why(operator: Client, forge: Forge, secret: str, said: str) -> None:
    response = operator.post(NEW, answer(SMALL, forge.url, secret=secret, **{"api-do": "try:0"}), headers=HTMX)

    assert said in shown(response)


def test_stored_secrets_are_used_for_their_own_place_only(
    operator: Client, connection: Connection, forge: Forge
) -> None:
    address = f"/connections/{connection.pk}/setup/"
    press = {"part": "source", "api-do": "try:1"}
    forge.asked.clear()

    here = operator.post(address, {**answer(DECLARED, forge.url), **press}, headers=HTMX)
    elsewhere = operator.post(address, {**answer(DECLARED, "http://127.0.0.1:1"), **press}, headers=HTMX)

    assert "1 record, 5 fields." in shown(here)
    assert "It is sent only to where it was stored for." in shown(elsewhere)


def test_saving_what_stands_there_changes_nothing(operator: Client, connection: Connection, forge: Forge) -> None:
    before = Connection.objects.get().config
    page = operator.get(f"/connections/{connection.pk}/setup/")
    seen = page.context["source"].seen

    data = {**answer(DECLARED, forge.url), "part": "source", "seen": seen}
    response = operator.post(page.request["PATH_INFO"], data, follow=True)

    assert "Nothing was changed. Forge: the source accepts the stored sign-in." in shown(response)
    assert Connection.objects.get().config == before


def test_another_resource_is_stored_with_its_table_and_told(
    operator: Client, connection: Connection, forge: Forge
) -> None:
    page = operator.get(f"/connections/{connection.pk}/setup/")
    more = {**DECLARED, "resources": [*DECLARED["resources"], {"name": "people", "path": "/user/repos"}]}

    operator.post(
        page.request["PATH_INFO"],
        {**answer(more, forge.url), "part": "source", "seen": page.context["source"].seen},
    )

    assert set(connection.tables.values_list("name", flat=True)) == {"issues", "issue_comments", "people"}
    told = Activity.objects.get(action="connection.configured").changes
    added = [(one["field"], one["before"], one["after"]) for one in told if "people" in one["field"]]
    way = "declaration.resources.people"
    assert added == [(f"{way}.name", None, "people"), (f"{way}.path", None, "/user/repos")]


def test_a_viewer_sees_what_is_read_and_no_editor(viewer: Client, connection: Connection) -> None:
    found = shown(viewer.get(f"/connections/{connection.pk}/setup/"))

    assert "<dt>What is read</dt><dd>issues, issue_comments</dd>" in found
    assert "api-editor" not in found
    refused = viewer.post(f"/connections/{connection.pk}/setup/", {"part": "source", "api-mode": "rows"})
    assert refused.status_code == 403


def test_what_was_found_once_is_known_in_every_run(connection: Connection, forge: Forge) -> None:
    for issue in forge.issues["octo-org/hello-world"]:
        issue.pop("locked")
        issue["closed_at"] = None

    check_and_discover(connection=connection)

    found = dict(map(tuple, connection.tables.get(name="issues").found))
    assert (found["locked"], found["closed_at"]) == ("bool", "timestamp")
    assert connection.schema_changes.count() == 0
