"""How pages follow each other, by every kind, and how a request proves who asks."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from connectors.plan import Endpoint, SyncError
from connectors.providers.rest_api import access
from connectors.providers.rest_api.reader import open_reader
from tests.connectors.answering import Answer, Asked, answering

SECRET = "sk-5f1e0c77aa"
ROWS = [{"id": number} for number in range(1, 8)]


def endpoint(url: str, declared: dict[str, Any], **config: str) -> Endpoint:
    auth = {"auth": "none", **config}
    return Endpoint("rest_api", {"base_url": url, "declaration": declared, **auth}, {"secret": SECRET})


def things(pagination: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"pagination": pagination, "resources": [{"name": "things", "path": "/things", **more}]}


def read(url: str, declared: dict[str, Any], **config: str) -> list[dict[str, Any]]:
    with open_reader(endpoint(url, declared, **config), "", lambda _: None) as reader:
        (resource,) = reader.declared.resources
        return [record for page in reader.read(resource, None) for record in page.records]


def failure(how: Callable[[Asked], Answer], declared: dict[str, Any], **config: str) -> tuple[str, str]:
    with answering(how) as api, pytest.raises(SyncError) as caught:
        read(api.url, declared, **config)
    assert SECRET not in str(caught.value)
    return caught.value.code, caught.value.detail


def by_page(asked: Asked) -> Answer:
    page, size = int(asked.params["page"]), int(asked.params.get("per_page", "3"))
    return Answer(ROWS[(page - 1) * size : page * size])


def by_offset(asked: Asked) -> Answer:
    # More than three at a time are never given, whatever is asked for.
    offset = int(asked.params["offset"])
    return Answer({"data": {"items": ROWS[offset : offset + min(3, int(asked.params["limit"]))]}})


def by_cursor(asked: Asked) -> Answer:
    start = int(asked.params.get("after", "0"))
    following = start + 3 if start + 3 < len(ROWS) else None
    return Answer({"data": ROWS[start : start + 3], "meta": {"next": following}})


def by_last(asked: Asked) -> Answer:
    rows = [row for row in ROWS if row["id"] > int(asked.params.get("starting_after", "0"))]
    return Answer({"data": rows[:3], "has_more": len(rows) > 3})


def by_address(asked: Asked) -> Answer:
    start = int(asked.params.get("from", "0"))
    return Answer({"results": ROWS[start : start + 3], "next": f"/things?from={start + 3}" if start < 4 else None})


def by_link(asked: Asked) -> Answer:
    start = int(asked.params.get("from", "0"))
    links = [*([f'</things?from={start + 3}>; rel="next"'] if start < 4 else []), '</things>; rel="first"']
    return Answer(ROWS[start : start + 3], headers={"Link": ", ".join(links)})


@pytest.mark.parametrize(
    ("how", "pagination", "records"),
    [
        (by_page, {"kind": "page", "param": "page"}, ""),
        (by_page, {"kind": "page", "param": "page", "size_param": "per_page", "size": "4", "stop": "short"}, "$"),
        (by_offset, {"kind": "offset", "param": "offset", "size_param": "limit", "size": "100"}, "data.items"),
        (by_cursor, {"kind": "cursor", "param": "after", "path": "meta.next"}, "data[*]"),
        (by_last, {"kind": "last_record", "param": "starting_after", "path": "id", "more_path": "has_more"}, "data"),
        (by_last, {"kind": "last_record", "param": "starting_after", "path": "id"}, "data"),
        (by_address, {"kind": "next_url", "path": "next"}, "results"),
        (by_link, {"kind": "link"}, ""),
    ],
)
def test_every_kind_of_pages_gives_each_record_once(
    how: Callable[[Asked], Answer], pagination: dict[str, Any], records: str
) -> None:
    with answering(how) as api:
        assert read(api.url, things(pagination, records=records)) == ROWS


def test_a_number_behind_the_last_page_ends_the_pages() -> None:
    def how(asked: Asked) -> Answer:
        return by_page(asked) if asked.params["page"] in "123" else Answer({"detail": "Invalid page."}, 404)

    with answering(how) as api:
        assert read(api.url, things({"kind": "page", "param": "page"})) == ROWS


@pytest.mark.parametrize(
    ("pagination", "body", "code", "words"),
    [
        ({"kind": "cursor", "param": "c", "path": "next"}, {"next": "again"}, "bad_record", "was read already"),
        ({"kind": "next_url", "path": "next"}, {"next": "/things?x=1"}, "bad_record", "was read already"),
        ({"kind": "page", "param": "p"}, {}, "misconfigured", "does not know the parameter “p”"),
        ({"kind": "offset", "param": "o"}, {}, "misconfigured", "does not know the parameter “o”"),
        ({"kind": "next_url", "path": "next"}, {"next": "https://elsewhere.example/"}, "bad_record", "another server"),
        ({"kind": "next_url", "path": "next"}, {"next": {"a": 1}}, "bad_record", "no address"),
        ({"kind": "cursor", "param": "c", "path": "next"}, {"next": [1]}, "bad_record", "neither a text nor a number"),
    ],
)
def test_pages_that_never_end_are_named(
    pagination: dict[str, Any], body: dict[str, Any], code: str, words: str
) -> None:
    found, detail = failure(lambda _: Answer({"data": ROWS, **body}), things(pagination, records="data"))

    assert (found, words in detail) == (code, True)


def test_more_pages_than_the_limit_are_not_read() -> None:
    def how(asked: Asked) -> Answer:
        page = int(asked.params.get("c", "0"))
        return Answer({"data": ROWS, "next": page + 1})

    declared = things({"kind": "cursor", "param": "c", "path": "next"}, records="data") | {"most_pages": "3"}

    code, detail = failure(how, declared)
    assert (code, detail.startswith("There are more than 3 pages.")) == ("misconfigured", True)


@pytest.mark.parametrize(
    ("config", "header", "value"),
    [
        ({"auth": "api_key_header", "key_name": "X-Api-Key"}, "X-Api-Key", SECRET),
        ({"auth": "bearer"}, "Authorization", f"Bearer {SECRET}"),
        (
            {"auth": "basic", "username": "reader"},
            "Authorization",
            f"Basic {base64.b64encode(f'reader:{SECRET}'.encode()).decode()}",
        ),
        ({"auth": "none"}, "Authorization", None),
    ],
)
def test_a_request_is_signed_as_declared(config: dict[str, str], header: str, value: str | None) -> None:
    with answering(lambda _: Answer(ROWS)) as api:
        read(api.url, things({}), **config)

        assert api.asked[0].headers.get(header) == value


def test_a_key_may_be_a_parameter_beside_others() -> None:
    with answering(lambda _: Answer(ROWS)) as api:
        read(api.url, things({}, params={"status": "all"}), auth="api_key_query", key_name="key")

        assert api.asked[0].params == {"status": "all", "key": SECRET}


def test_client_credentials_get_a_token_once_and_renew_it_once() -> None:
    given: list[str] = []

    def how(asked: Asked) -> Answer:
        if asked.path == "/token":
            given.append(f"token-{len(given)}")
            return Answer({"access_token": given[-1], "token_type": "Bearer"})
        # The first token is withdrawn in the middle.
        is_good = asked.headers["Authorization"] == f"Bearer {given[-1]}" and not (
            given == ["token-0"] and asked.params["page"] == "2"
        )
        return by_page(asked) if is_good else Answer({"error": "expired"}, 401)

    with answering(how) as api:
        config = {"auth": "client_credentials", "username": "me", "token_url": f"{api.url}/token", "scope": "read"}
        found = read(api.url, things({"kind": "page", "param": "page"}), **config)
        tokens = [asked for asked in api.asked if asked.path == "/token"]

    assert (found, given) == (ROWS, ["token-0", "token-1"])
    assert tokens[0].form == {"grant_type": "client_credentials", "scope": "read"}
    assert tokens[0].headers["Authorization"] == f"Basic {base64.b64encode(f'me:{SECRET}'.encode()).decode()}"


def test_a_client_that_is_refused_is_told_in_the_servers_words() -> None:
    def how(asked: Asked) -> Answer:
        return Answer({"error": "invalid_client", "error_description": "Unknown client"}, 401)

    with answering(how) as api:
        config = {"auth": "client_credentials", "username": "me", "token_url": f"{api.url}/token"}
        with pytest.raises(SyncError) as caught:
            access.check(endpoint(api.url, things({}), **config))

    said = "The token address says: 401 Unknown client"
    assert (caught.value.code, caught.value.detail) == ("invalid_credentials", said)


def test_a_redirect_on_the_same_server_is_followed_with_the_sign_in() -> None:
    def how(asked: Asked) -> Answer:
        return Answer(ROWS) if asked.path == "/new" else Answer({}, 301, {"Location": "/new"})

    with answering(how) as api:
        assert read(api.url, things({}), auth="bearer") == ROWS
        assert api.asked[1].headers["Authorization"] == f"Bearer {SECRET}"


def test_a_redirect_to_another_server_goes_without_the_sign_in() -> None:
    with answering(lambda _: Answer(ROWS)) as other:

        def how(asked: Asked) -> Answer:
            return Answer({}, 302, {"Location": f"{other.url}/things"})

        with answering(how) as api:
            assert read(api.url, things({}) | {"headers": {"X-Tenant": "7"}}, auth="bearer") == ROWS
    assert {"Authorization", "X-Tenant"} & set(other.asked[0].headers) == set()


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("http://169.254.169.254/latest/meta-data/", "address_not_allowed"),
        ("http://10.0.0.1/", "address_not_allowed"),
        ("file:///etc/passwd", "misconfigured"),
        ("/things", "misconfigured"),
    ],
)
def test_a_redirect_to_where_nobody_may_go_is_refused(location: str, code: str) -> None:
    assert failure(lambda _: Answer({}, 302, {"Location": location}), things({}))[0] == code


def test_the_pace_is_kept() -> None:
    waited: list[float] = []
    declared = things({"kind": "page", "param": "page"}) | {"requests_per_second": "4"}

    with answering(by_page) as api, open_reader(endpoint(api.url, declared), "", waited.append) as reader:
        list(reader.read(reader.declared.resources[0], None))

    # Four pages; the pause is not really made, so each waits for all before it.
    assert [round(seconds, 1) for seconds in waited] == pytest.approx([0.2, 0.5, 0.7], abs=0.1)


def test_what_an_answer_holds_is_said_where_the_path_is_wrong() -> None:
    code, detail = failure(lambda _: Answer({"items": ROWS, "total": 7}), things({}, records="data"))

    said = "Page 1: “data” leads to nothing. Lists of objects in the answer: “items” with 7."
    assert (code, detail) == ("bad_record", said)


def test_plain_values_are_records_of_one_field() -> None:
    with answering(lambda _: Answer({"tags": ["red", "blue"]})) as api:
        assert read(api.url, things({}, records="tags")) == [{"value": "red"}, {"value": "blue"}]
