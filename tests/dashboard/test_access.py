"""The policy table against the addresses there are: every view, role and method, made from the URLs themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from connectors.models import Upload
from dashboard.access import ACTIONS, MEMBER_ROLES, VIEWS, Can, Role
from jobs.models import BulkAction, JobStatus
from jobs.services.bulk import start_bulk
from sessions_log.models import ConnectLook
from sessions_log.services.ingest_keys import make_key
from tests.assisted import make_assisted
from tests.conftest import member
from tests.factories import make_connection, make_entity, make_job
from tests.sessions_log.telling import make_link

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
REFUSED = ("PUT", "PATCH", "DELETE", "OPTIONS")
LOGIN = reverse("account_login")
# Sign-in and sign-out forms send members on to a page; what they do with a form is tested beside them.
FORMS = {"account_login", "account_logout", "account_reauthenticate"}
# Pages for somebody with a link or a visit. No role opens them: to whoever has neither there is nothing.
OF_VISIT = {f"connect:{name}" for name in ("start", "step", "help", "leave", "left", "events", "oauth-return")}
OF_VISIT.add("connect:upload")
# What a key opens that is in the call itself, and no member's session.
BY_KEY = {"api:session-events"}
# What answers everybody.
OPEN = {"health", "account_login", "account_logout", "account_inactive", "connect:look", "connect:logo"}
OPEN |= OF_VISIT | BY_KEY
# The connection of these tests is not paused, its setup is finished, and nothing can be changed at its source.
NOTHING_TO_ASK = {"connections:resume", "connections:purge", "connections:setup-step", "connections:action"}
# Pages of connections whose files people deliver.
ASSISTED = {"connections:files", "connections:upload", "connections:withdraw-upload"}
# What is posted for because it is recorded, and answers with a file.
FILES = {"jobs:bundle"}
# Words that addresses hold beside keys.
WORDS = {"provider": "postgres", "step": "review", "page": "terms", "token": "unknown", "action": "enroll_benefits"}


def patterns(urls: list[URLPattern | URLResolver], namespace: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Give every address with its full name; an address without a name has an empty one."""
    for url in urls:
        if isinstance(url, URLResolver):
            yield from patterns(url.url_patterns, f"{namespace}{url.namespace}:" if url.namespace else namespace)
        else:
            yield (f"{namespace}{url.name}" if url.name else ""), url


ADDRESSES = dict(patterns(get_resolver().url_patterns))


@dataclass
class Site:
    """One record of each kind that an address can name, and a client per role."""

    clients: dict[Role, Client]
    keys: dict[str, object] = field(default_factory=dict)

    def path(self, name: str) -> str:
        """Return the address of a view with the keys that its pattern asks for."""
        kind = "assisted" if name in ASSISTED else name.partition(":")[0]
        known = {**self.keys, "pk": self.keys.get(kind)}
        return reverse(name, kwargs={key: known[key] for key in ADDRESSES[name].pattern.converters})


@pytest.fixture
def site(viewer: Client, operator: Client, admin: Client) -> Site:
    connection = make_connection()
    entity = make_entity(connection)
    job = make_job(connection, entity, status=JobStatus.RUNNING)
    keys: dict[str, object] = {"connections": connection.pk, "jobs": job.pk, "entity_pk": entity.pk}
    keys["destinations"] = connection.destination_id
    assisted = make_assisted()
    upload = Upload.objects.create(connection=assisted, entity=assisted.entities.get(), table="employees", name="a.csv")
    keys |= {"assisted": assisted.pk, "upload_pk": upload.pk}
    bulk = start_bulk(action=BulkAction.SYNC, connection_ids=[connection.pk], actor=None, options={})
    keys["bulk"] = bulk.pk
    keys["settings"] = make_key(name="Shop front", actor=None)[0].pk
    keys["sessions"] = keys["connect"] = make_link(connection=connection)[0].pk
    ConnectLook.objects.create(logo=b"a picture", logo_type="image/png")
    clients = {Role.NONE: Client(), Role.VIEWER: viewer, Role.OPERATOR: operator, Role.ADMIN: admin}
    return Site(clients, {**keys, **WORDS})


def test_every_address_is_in_the_table_and_the_table_lists_no_other() -> None:
    assert len(ADDRESSES) == sum(1 for _ in patterns(get_resolver().url_patterns))
    assert set(ADDRESSES) == set(VIEWS)


def test_every_action_of_the_table_has_a_role() -> None:
    assert {action for methods in VIEWS.values() for action in methods.values() if action} <= set(ACTIONS)
    assert all(methods for methods in VIEWS.values())
    assert {method for methods in VIEWS.values() for method in methods} <= {"GET", "POST"}


def answers(site: Site, role: Role, names: set[str]) -> dict[tuple[str, str], Response]:
    """Ask for every address by every method. Posts come last: they change what the others show."""
    return {
        (name, method): site.clients[role].generic(method, site.path(name))
        for method in sorted(METHODS, key=lambda method: method == "POST")
        for name in sorted(names)
    }


def test_stranger_is_sent_to_sign_in_unless_the_view_is_open(site: Site) -> None:
    closed = {name for name in ADDRESSES if None not in VIEWS[name].values()}
    wrong = {
        call: response.status_code
        for call, response in answers(site, Role.NONE, closed).items()
        if response.status_code != 302 or not response.headers["Location"].startswith(f"{LOGIN}?next=")
    }

    assert wrong == {}
    assert closed == set(VIEWS) - OPEN


@pytest.mark.parametrize("role", MEMBER_ROLES)
def test_member_may_do_what_the_table_says_and_nothing_else(site: Site, role: Role) -> None:
    names = set(ADDRESSES) - FORMS
    heads = {name: site.clients[role].head(site.path(name)).status_code for name in names}
    found = answers(site, role, names)

    wrong = {
        call: (response.status_code, expected(role, *call))
        for call, response in found.items()
        if response.status_code not in expected(role, *call)
    }
    assert wrong == {}
    # HEAD is no way around the table, and a wrong method is told the right ones.
    assert heads == {name: found[name, "GET"].status_code for name in names}
    told = {call: set(found[call].headers["Allow"].split(", ")) for call in found if call[1] in REFUSED}
    assert told == {(name, method): set(VIEWS[name]) for name in names for method in REFUSED}
    refused = [found[call] for call in found if expected(role, *call) == {403}]
    needed = {answer.content.decode().partition("This needs the role ")[2].partition(".")[0] for answer in refused}
    assert needed == {one.label for one in set(ACTIONS.values()) if one > role}


def expected(role: Role, name: str, method: str) -> set[int]:
    """Return the statuses that the table allows."""
    if method not in VIEWS[name]:
        return {405}
    action = VIEWS[name][method]
    # A post leads on (302), is refused with its reason (409), or is asked again (422); asking for a page gives it,
    # or leads on where there is nothing to ask.
    if name in FILES:
        return {200}
    if name in OF_VISIT:
        return {404, 400}
    if name in BY_KEY:
        return {401}
    done = {302, 409, 422} if method == "POST" else {302} if name in NOTHING_TO_ASK else {200}
    return {403} if action is not None and role < ACTIONS[action] else done


def test_head_is_no_way_around_the_table_for_a_stranger(site: Site) -> None:
    paths = [site.path(name) for name in set(ADDRESSES) - FORMS]
    statuses = {path: (site.clients[Role.NONE].head(path), site.clients[Role.NONE].get(path)) for path in paths}

    assert {path for path, (head, get) in statuses.items() if head.status_code != get.status_code} == set()


@pytest.mark.parametrize("role", Role)
def test_account_forms_take_their_own_methods_only(site: Site, role: Role) -> None:
    refused = {
        (name, method)
        for name in FORMS
        for method in set(METHODS) - {"POST"}
        if site.clients[role].generic(method, site.path(name)).status_code == 405
    }

    is_open = {name for name in FORMS if role or None in VIEWS[name].values()}
    assert refused == {(name, method) for name in is_open for method in set(METHODS) - {"GET", "POST"}}


def test_who_has_no_role_may_see_nothing(site: Site) -> None:
    member("viewer").groups.clear()

    assert site.clients[Role.VIEWER].get(site.path("connections:list")).status_code == 403


def test_template_asks_the_same_table() -> None:
    allowed = {role: {action for action in ACTIONS if Can(role)[action]} for role in Role}

    assert allowed[Role.NONE] == set()
    assert allowed[Role.VIEWER] == {"see"}
    assert allowed[Role.VIEWER] < allowed[Role.OPERATOR] <= allowed[Role.ADMIN] == set(ACTIONS)
    with pytest.raises(KeyError):
        Can(Role.ADMIN)["fly"]
