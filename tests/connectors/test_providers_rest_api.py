"""A REST API as it is declared: the forge's documented pages, limits and shape, into PostgreSQL."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from connectors.plan import Endpoint, SyncError, TablePlan
from connectors.providers import registry
from connectors.providers.rest_api import access
from tests.connectors import forge as forges
from tests.connectors.forge import Forge, serving
from tests.connectors.recorder import Recorder, Route

REPOSITORY = "octo-org/hello-world"
DECLARED: dict[str, Any] = {
    "headers": {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"},
    "pagination": {"kind": "link", "size_param": "per_page", "size": 100},
    "entities": {"path": "/user/repos", "id": "full_name", "name": "full_name"},
    "resources": [
        {
            "name": "issues",
            "path": "/repos/{entity}/issues",
            "key": ["id"],
            "params": {"state": "all"},
            "incremental": {"param": "since", "cursor": "updated_at"},
        },
        {
            "name": "issue_comments",
            "path": "/repos/{entity}/issues/{parent.number}/comments",
            "key": ["id"],
            "parent": "issues",
            "parents": "changed",
        },
    ],
}


@pytest.fixture
def forge() -> Iterator[Forge]:
    with serving(forges.filled()) as running:
        yield running


@pytest.fixture
def api(forge: Forge) -> Endpoint:
    """The forge with what discovery found of it, as a connection stores it."""
    return discovered(
        Endpoint("rest_api", {"base_url": forge.url, "auth": "bearer", "declaration": DECLARED}, secret())
    )


@pytest.fixture
def route(api: Endpoint, warehouse: Endpoint, tmp_path: Path) -> Route:
    return Route(api, warehouse, tmp_path / "work", entity=REPOSITORY)


def secret() -> dict[str, str]:
    return {"secret": forges.TOKEN}


def discovered(endpoint: Endpoint, entity: str = REPOSITORY) -> Endpoint:
    found = access.list_tables(endpoint, entity)
    return replace(endpoint, config=registry.with_known("rest_api", endpoint.config, found))


def tables(endpoint: Endpoint, entity: str = REPOSITORY) -> tuple[TablePlan, ...]:
    found = access.list_tables(endpoint, entity)
    return tuple(TablePlan(name=one.name, keys=one.keys, mode=one.mode, cursor=one.cursor) for one in found)


def checksum(records: Sequence[Mapping[str, Any]]) -> str:
    """Return a digest over all records, whatever their order, and their names' order."""
    written = sorted(json.dumps(normal(one), sort_keys=True, ensure_ascii=False) for one in records)
    return hashlib.sha256("\n".join(written).encode()).hexdigest()


def normal(record: Mapping[str, Any]) -> dict[str, Any]:
    """Write moments as the API does."""
    return {name: moment(value) if name.endswith("_at") else value for name, value in record.items()}


def moment(value: str | None) -> str | None:
    return value.replace("+00:00", "Z") if value else value


def landed(database: psycopg.Connection[Any], route: Route, table: str) -> list[Mapping[str, Any]]:
    return [row[0] for row in database.execute(f"SELECT to_jsonb(t) FROM {route.dataset}.{table} AS t".encode())]


def commented(forge: Forge) -> list[Mapping[str, Any]]:
    updated = {one["number"]: one["updated_at"] for one in forge.issues[REPOSITORY]}
    return [
        {**said, "parent_number": number, "parent_updated_at": updated[number]}
        for (repository, number), all_said in forge.comments.items()
        if repository == REPOSITORY
        for said in all_said
    ]


def test_accounts_are_those_of_the_list(api: Endpoint) -> None:
    assert [(one.ref, one.name) for one in access.list_entities(api)] == [
        (name, name) for name in (REPOSITORY, "octo-org/spoon")
    ]


def test_discovery_finds_fields_with_their_types(api: Endpoint) -> None:
    issues, comments = access.list_tables(api, REPOSITORY)

    assert (issues.mode, issues.keys, issues.cursor) == ("merge", ("id",), "updated_at")
    assert dict(issues.columns) == {
        "id": "bigint", "number": "bigint", "title": "text", "state": "text", "locked": "bool", "comments": "bigint",
        "user": "json", "labels": "json", "milestone": "text", "closed_at": "timestamp", "created_at": "timestamp",
        "updated_at": "timestamp", "body": "text", "repository_url": "text",
    }  # fmt: skip
    assert (comments.mode, comments.cursor) == ("merge", "parent_updated_at")
    assert dict(comments.columns) == {
        "parent_number": "bigint", "parent_updated_at": "timestamp", "id": "bigint", "body": "text", "user": "json",
        "created_at": "timestamp", "updated_at": "timestamp",
    }  # fmt: skip


def test_everything_arrives_and_later_only_what_changed(
    api: Endpoint, forge: Forge, route: Route, warehouse_db: psycopg.Connection[Any]
) -> None:
    plans = tables(api)

    first = route.sync(*plans)

    assert [one.rows_loaded for one in first.tables] == [120, 4]
    assert checksum(landed(warehouse_db, route, "issues")) == checksum(forge.issues[REPOSITORY])
    assert checksum(landed(warehouse_db, route, "issue_comments")) == checksum(commented(forge))

    now = datetime(2026, 6, 1, tzinfo=UTC)
    forge.open(REPOSITORY, 12, title="Mended", state="closed", updated_at="2026-06-01T00:00:00Z")
    forge.open(REPOSITORY, 121, updated_at="2026-06-01T00:00:01Z")
    forge.comment(REPOSITORY, 7, "Fixed by 121", now + timedelta(minutes=1))
    forge.asked.clear()
    second = route.sync(*plans)

    # The three that changed, and the newest of before, which stands inside the lag.
    assert [one.rows_extracted for one in second.tables] == [4, 4]
    assert any("since=2026-01-10T08%3A00%3A00Z" in address for address in forge.asked)
    assert checksum(landed(warehouse_db, route, "issues")) == checksum(forge.issues[REPOSITORY])

    del forge.issues[REPOSITORY][40]
    again = route.sync(*(replace(one, is_afresh=True) for one in plans))

    assert [one.rows_loaded for one in again.tables] == [120, 5]
    assert checksum(landed(warehouse_db, route, "issues")) == checksum(forge.issues[REPOSITORY])
    assert checksum(landed(warehouse_db, route, "issue_comments")) == checksum(commented(forge))


def test_a_spent_allowance_is_waited_for(api: Endpoint, forge: Forge, route: Route) -> None:
    plans = tables(api)
    forge.spent = 2

    assert route.sync(*plans).tables[0].rows_loaded == 120
    assert forge.spent == 0


def test_a_long_wait_is_left_to_the_next_attempt(api: Endpoint, forge: Forge, route: Route) -> None:
    plans = tables(api)
    forge.spent, forge.refusal = 1, {"Retry-After": "3600"}

    with pytest.raises(SyncError) as caught:
        route.sync(*plans)

    assert (caught.value.code, caught.value.retry_after) == ("rate_limited", 3600)


def test_a_wrong_token_is_named_and_never_shown(api: Endpoint) -> None:
    with pytest.raises(SyncError) as caught:
        access.check(replace(api, secrets={"secret": "ghp_wrong"}))

    assert (caught.value.code, caught.value.detail) == ("invalid_credentials", "401 Bad credentials")


def test_a_repository_that_is_gone_is_an_account_that_gives_no_access(api: Endpoint, forge: Forge) -> None:
    del forge.issues["octo-org/spoon"]

    with pytest.raises(SyncError) as caught:
        access.check(api, "octo-org/spoon")

    assert (caught.value.code, caught.value.detail) == ("entity_access_lost", "404 Not Found")


def test_a_field_that_nobody_knew_is_told_and_not_copied(
    api: Endpoint, forge: Forge, route: Route, warehouse_db: psycopg.Connection[Any]
) -> None:
    plans, recorder = tables(api), Recorder()
    forge.open(REPOSITORY, 120, score=1.5)

    route.sync(*plans, recorder=recorder)

    assert recorder.shapes["issues"]["score"] == "double"
    assert "warning extract issues has fields that are not copied: “score”" in recorder.lines
    assert "score" not in landed(warehouse_db, route, "issues")[0]
    found = discovered(api).config["declaration"]["resources"][0]["fields"]
    assert found[0] == "id: bigint"
    assert found[-1] == "score: double"


def test_a_value_that_does_not_fit_is_refused_with_its_place(
    api: Endpoint, forge: Forge, route: Route, warehouse_db: psycopg.Connection[Any]
) -> None:
    plans = tables(api)
    # Newest first: the second page begins with number 20.
    forge.open(REPOSITORY, 19, number="CLOSED-9")

    with pytest.raises(SyncError) as caught:
        route.sync(*plans)

    where = "issues, page 2, record 2: “number” is a text, where a whole number of 64 bits is expected."
    assert (caught.value.code, caught.value.detail) == ("bad_record", where)
    assert warehouse_db.execute("SELECT to_regclass(%s)", [f"{route.dataset}.issues"]).fetchone() == (None,)


def test_a_child_of_a_parent_that_is_gone_by_now_is_passed_over(api: Endpoint, forge: Forge, route: Route) -> None:
    plans, recorder = tables(api), Recorder()
    forge.hidden.add(7)

    result = route.sync(*plans[1:], recorder=recorder)

    assert result.tables[0].rows_loaded == 2
    assert "warning extract issue_comments: 1 of issues are gone by now and were passed over" in recorder.lines


def test_a_child_whose_path_is_wrong_for_all_parents_fails(api: Endpoint, forge: Forge, route: Route) -> None:
    plans = tables(api)
    forge.hidden |= set(range(1, 121))

    with pytest.raises(SyncError) as caught:
        route.sync(*plans[1:])

    assert (caught.value.code, caught.value.detail) == ("source_object_missing", "404 Not Found")


def test_append_adds_what_is_beyond_the_cursor_once(
    forge: Forge, route: Route, warehouse_db: psycopg.Connection[Any]
) -> None:
    plan = TablePlan("issues", mode="append", cursor="updated_at", columns=("number",))
    route.sync(plan)
    forge.open(REPOSITORY, 12, updated_at="2026-06-01T00:00:00Z")

    second = route.sync(plan)

    assert second.tables[0].rows_extracted == 1
    numbers = sorted(row["number"] for row in landed(warehouse_db, route, "issues"))
    assert numbers == sorted([*range(1, 121), 12])
