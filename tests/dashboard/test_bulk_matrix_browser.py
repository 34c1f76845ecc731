"""Every bulk action on ticked rows, which by then are paused, running, incomplete, deleted, or as they were."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from connectors.models import Activity, Connection, Status
from jobs.models import Bulk, JobStatus, JobType
from jobs.services.bulk import work_off
from jobs.services.pausing import pause_connection
from tests.browser import Chromium, aside, window
from tests.dashboard.states import STATES, bring_into
from tests.factories import make_entity, make_ready_connection

# What nobody changes meanwhile comes first.
NAMES = ("Untouched", *(state.capitalize() for state in STATES))
GONE = {"Deleted": "Deleted was deleted"}
PATIENCE = 5_000


def _has_job(kind: JobType, connection: Connection) -> bool:
    return connection.jobs.filter(type=kind, status=JobStatus.PENDING).exists()


@dataclass(frozen=True)
class Act:
    """What is pressed and answered, what the report says was done, and of which connections it says why not."""

    button: str
    done: str
    has_effect: Callable[[Connection], bool]
    refused: dict[str, str]
    confirm: str = ""
    answers: dict[str, str] = field(default_factory=dict)


ACTS = {
    "sync": Act(
        "Sync now",
        "started",
        partial(_has_job, JobType.DATA_SYNC),
        {
            "Paused": "Paused is paused: Holiday",
            "Running": "Nothing new was started",
            "Incomplete": "cannot sync yet. No credentials are stored",
            **GONE,
        },
    ),
    "test": Act(
        "Test connection",
        "started",
        partial(_has_job, JobType.TEST_CONNECTION),
        {"Incomplete": "cannot be asked yet: its credentials are missing", **GONE},
    ),
    "pause": Act(
        "Pause",
        "paused",
        lambda connection: connection.pauses.open().filter(reason="Month end").exists(),
        {"Paused": "Paused is paused already", **GONE},
        confirm="Pause 5",
        answers={"Reason": "Month end"},
    ),
    "resume": Act(
        "Resume",
        "resumed",
        lambda connection: connection.status == Status.ACTIVE,
        {"Running": "Running is not paused", "Incomplete": "Incomplete is not paused", **GONE},
    ),
    "tag": Act(
        "Tag…",
        "tagged",
        lambda connection: connection.tags.filter(name="north").exists(),
        GONE,
        confirm="Change tags",
        answers={"Tag": "north"},
    ),
    "delete": Act(
        "Delete…",
        "deleted",
        lambda connection: connection.deleted_at is not None,
        GONE,
        confirm="Delete 5",
        answers={"Type 5 to confirm": "5"},
    ),
}


@pytest.fixture
def page(live_server: LiveServer, admin: Client, browser: Chromium) -> Iterator[Page]:
    with window(browser, admin, live_server.url) as opened:
        opened.set_default_timeout(PATIENCE)
        yield opened


def make_five(action: str) -> None:
    """Five connections that are set up, named after the states to come and the action. For *Resume* all are paused."""
    for name in NAMES:
        connection = make_ready_connection(name=f"{action} {name}")
        make_entity(connection)
        if action == "resume":
            pause_connection(connection=connection, reason="Holiday", actor=None)


def of(action: str) -> list[Connection]:
    found = Connection.everything.filter(name__startswith=f"{action} ")
    return sorted(found, key=lambda one: NAMES.index(one.name.removeprefix(f"{action} ")))


def change_meanwhile(action: str) -> None:
    for state, connection in zip(STATES, of(action)[1:], strict=True):
        bring_into(state, connection)


def facts(action: str) -> dict[str, Any]:
    """All that a bulk action could have changed, by connection."""
    return {
        one.name: (
            list(Connection.everything.filter(pk=one.pk).values_list()),
            list(one.jobs.order_by("pk").values_list("pk", "status")),
            list(one.tags.values_list("name", flat=True)),
            list(Activity.objects.filter(connection=one).values_list("pk")),
        )
        for one in of(action)
    }


def work(action: str) -> None:
    """Do what the workers would, none of which runs here: all that was asked for of this action."""
    (bulk,) = Bulk.objects.open()
    assert (bulk.action, bulk.total) == (action, len(NAMES))
    assert not work_off(bulk.pk, seconds=30)


def press(page: Page, action: str) -> None:
    """Tick the five rows, let others change them, and press and answer as people do who are in a hurry."""
    act = ACTS[action]
    page.get_by_role("checkbox", name="Select all on this page").check()
    button = page.locator("#bulk-form").get_by_role("button", name=act.button, exact=True)
    if act.confirm:
        button.click()
        dialog = page.get_by_role("dialog")
        for label, answer in act.answers.items():
            dialog.get_by_label(label, exact=True).fill(answer)
        button = dialog.get_by_role("button", name=act.confirm, exact=True)
    expect(button).to_be_enabled()
    aside(partial(change_meanwhile, action))
    button.dblclick()
    expect(page).to_have_url(re.compile(r"/bulk/[0-9a-f-]{36}/"))


@pytest.mark.parametrize("action", ACTS)
def test_rows_are_acted_on_as_they_are_by_then(page: Page, live_server: LiveServer, action: str) -> None:
    act = ACTS[action]
    aside(partial(make_five, action))
    page.goto(f"{live_server.url}/?q={action}")
    press(page, action)
    before = aside(partial(facts, action))

    aside(partial(work, action))

    done = len(NAMES) - len(act.refused)
    bar = f"{done} {act.done}, {len(act.refused)} not {act.done}, 0 to come"
    expect(page.get_by_role("img", name=bar, exact=True)).to_be_visible()
    expect(page.get_by_role("heading", level=2)).to_contain_text(f"{done} of {len(NAMES)} {act.done}")
    for name, why in act.refused.items():
        row = page.get_by_role("row").filter(has=page.get_by_text(f"{action} {name}", exact=True))
        expect(row).to_contain_text(why)
    after = aside(partial(facts, action))
    changed = [name for name in before if before[name] != after[name]]
    assert changed == [f"{action} {name}" for name in NAMES if name not in act.refused]
    assert all(aside(lambda: [act.has_effect(one) for one in of(action) if one.name in changed]))
