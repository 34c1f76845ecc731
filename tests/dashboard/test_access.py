"""The policy table against the addresses there are: every view, role and method, made from the URLs themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from dashboard.access import ACTIONS, MEMBER_ROLES, VIEWS, Can, Role
from tests.factories import make_connection, make_entity, make_job

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
LOGIN = reverse("account_login")
# Sign-in and sign-out forms send members on to a page; what they do with a form is tested beside them.
FORMS = {"account_login", "account_logout", "account_reauthenticate"}


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
        kind = name.partition(":")[0]
        known = {**self.keys, "pk": self.keys.get(kind)}
        return reverse(name, kwargs={key: known[key] for key in ADDRESSES[name].pattern.converters})


@pytest.fixture
def site(viewer: Client, operator: Client, admin: Client) -> Site:
    connection = make_connection()
    entity = make_entity(connection)
    job = make_job(connection, entity)
    clients = {Role.NONE: Client(), Role.VIEWER: viewer, Role.OPERATOR: operator, Role.ADMIN: admin}
    return Site(clients, {"connections": connection.pk, "jobs": job.pk, "entity_pk": entity.pk})


def needed(name: str, method: str) -> str | None:
    return VIEWS[name]["GET" if method == "HEAD" else method]


def is_listed(name: str, method: str) -> bool:
    return ("GET" if method == "HEAD" else method) in VIEWS[name]


def test_every_address_is_in_the_table_and_the_table_lists_no_other() -> None:
    assert len(ADDRESSES) == sum(1 for _ in patterns(get_resolver().url_patterns))
    assert set(ADDRESSES) == set(VIEWS)


def test_every_action_of_the_table_has_a_role() -> None:
    assert {action for methods in VIEWS.values() for action in methods.values() if action} <= set(ACTIONS)
    assert all(methods for methods in VIEWS.values())
    assert {method for methods in VIEWS.values() for method in methods} <= {"GET", "POST"}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", sorted(ADDRESSES))
def test_stranger_is_sent_to_sign_in_unless_the_view_is_open(site: Site, name: str, method: str) -> None:
    path, is_open = site.path(name), None in VIEWS[name].values()

    response = site.clients[Role.NONE].generic(method, path)

    if is_open:
        assert response.status_code == (200 if is_listed(name, method) and name not in FORMS else response.status_code)
        assert (response.status_code == 405) == (not is_listed(name, method))
    else:
        assert response.status_code == 302
        assert response.headers["Location"].startswith(f"{LOGIN}?next=")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", sorted(set(ADDRESSES) - FORMS))
@pytest.mark.parametrize("role", MEMBER_ROLES)
def test_member_may_do_what_the_table_says_and_nothing_else(site: Site, role: Role, name: str, method: str) -> None:
    response = site.clients[role].generic(method, site.path(name))

    if not is_listed(name, method):
        assert response.status_code == 405
        assert set(response.headers["Allow"].split(", ")) == set(VIEWS[name])
        return
    action = needed(name, method)
    if action is not None and role < ACTIONS[action]:
        assert response.status_code == 403
        assert f"This needs the role {ACTIONS[action].label}." in response.content.decode() or method == "HEAD"
    else:
        assert response.status_code in {200, 302, 409}


@pytest.mark.parametrize("name", sorted(FORMS))
@pytest.mark.parametrize("role", MEMBER_ROLES)
def test_account_forms_take_their_own_methods_only(site: Site, role: Role, name: str) -> None:
    statuses = {
        method: site.clients[role].generic(method, site.path(name)).status_code for method in METHODS if method != "POST"
    }

    assert {method for method, status in statuses.items() if status == 405} == set(METHODS) - {"GET", "HEAD", "POST"}


def test_who_has_no_role_may_see_nothing(site: Site) -> None:
    client = site.clients[Role.VIEWER]
    for group in client_groups(client):
        group.user_set.clear()

    assert client.get(site.path("connections:list")).status_code == 403


def test_template_asks_the_same_table() -> None:
    allowed = {role: {action for action in ACTIONS if Can(role)[action]} for role in Role}

    assert allowed[Role.NONE] == set()
    assert allowed[Role.VIEWER] == {"see"}
    assert allowed[Role.VIEWER] < allowed[Role.OPERATOR] <= allowed[Role.ADMIN] == set(ACTIONS)
    with pytest.raises(KeyError):
        Can(Role.ADMIN)["fly"]
