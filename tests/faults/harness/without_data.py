"""How the guards of schedules, sources and the engine are taken out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim
from django.conf import settings

from connectors import schedules
from connectors.destinations import postgres
from connectors.destinations.bookkeeping import Standing
from connectors.errors import REGISTRY
from connectors.errors.kinds import TRANSIENT
from connectors.models import Entity
from connectors.plan import SyncPlan
from connectors.providers.feed import Feed
from connectors.providers.sandbox_payroll import client, source
from connectors.schedules import Schedule
from connectors.services.connect import source_of
from jobs.services import finish
from tests.faults.harness.guards import SYNC, TEST, Put, guard

# ---- Schedules ------------------------------------------------------------------------------------------------------


@guard("cron follows the clock of its zone", TEST)
def zone_clock(put: Put) -> None:
    def of_one_offset(text: str, moment: datetime) -> Iterator[datetime]:
        return CronSim(text, moment.astimezone(timezone(moment.utcoffset() or timedelta())))

    put(schedules, "CronSim", of_one_offset)


@guard("intervals are counted in UTC", TEST)
def absolute_intervals(put: Put) -> None:
    put(schedules, "slots", _slots_by_wall_clock)


def _slots_by_wall_clock(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    zone = ZoneInfo(schedule.zone)
    local = after.astimezone(zone).replace(tzinfo=None)
    while True:
        local += schedule.interval
        yield local.replace(tzinfo=zone).astimezone(after.tzinfo)


# ---- What a failure is followed by ----------------------------------------------------------------------------------


@guard("a 429 is not charged", SYNC)
def uncharged_wait(put: Put) -> None:
    known = REGISTRY["rate_limited"]
    put(REGISTRY, "rate_limited", replace(known, retry=replace(TRANSIENT, kind=known.retry.kind)))


@guard("a 429 blocks its account", SYNC)
def account_block(put: Put) -> None:
    put(finish, "block_account", lambda *_: None)


@guard("a refused sign-in is not tried again", SYNC)
def final_refusal(put: Put) -> None:
    put(REGISTRY, "invalid_credentials", replace(REGISTRY["invalid_credentials"], retry=TRANSIENT))


# ---- Reading and loading --------------------------------------------------------------------------------------------


@guard("an attempt works on a snapshot", SYNC)
def snapshot(put: Put) -> None:
    opened = source.open_feeds

    @contextmanager
    def live(plan: SyncPlan, *words: Any, **options: Any) -> Iterator[tuple[Feed, ...]]:
        send = client.Client._send

        def send_as_set_now(self: client.Client, method: str, url: str, **content: Any) -> Any:
            old, now = self._base, client.Client(source_of(Entity.objects.get(pk=plan.entity_id).connection))
            self._base, self._session = now._base, now._session
            return send(self, method, url.replace(old, now._base), **content)

        client.Client._send = send_as_set_now  # type: ignore[method-assign]
        try:
            with _feeds(opened, plan, *words, **options) as feeds:
                yield feeds
        finally:
            client.Client._send = send  # type: ignore[method-assign]

    put(source, "open_feeds", live)


def _feeds(opened: Any, *words: Any, **options: Any) -> AbstractContextManager[tuple[Feed, ...]]:
    found: AbstractContextManager[tuple[Feed, ...]] = opened(*words, **options)
    return found


@guard("a table without rows is read from its beginning", SYNC)
def rows_standing(put: Put) -> None:
    put(postgres, "_filled", lambda _, __, tables: list(tables))


@guard("a table that is not there is read from its beginning", SYNC)
def tables_standing(put: Put) -> None:
    from connectors.engine import run  # noqa: PLC0415 - imports dlt

    put(run, "standing_tables", lambda plan, _: Standing(frozenset(table.name for table in plan.tables)))


@guard("the cursor travels with the rows", SYNC)
def cursor_with_rows(put: Put) -> None:
    import dlt  # noqa: PLC0415 - heavy

    put(dlt.current, "resource_state", _StateAtHome)


class _StateAtHome(dict[str, Any]):
    """The state of a table, in a file beside the worker: it is kept whether or not the rows arrive."""

    def __init__(self, table: str) -> None:
        import dlt  # noqa: PLC0415 - heavy

        self._path = Path(settings.PATCHBAY_HOME) / f"{dlt.current.pipeline().pipeline_name}.{table}.json"
        super().__init__(json.loads(self._path.read_text("utf-8")) if self._path.exists() else {})

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        self._path.write_text(json.dumps(self), "utf-8")

    def pop(self, name: str, *default: Any) -> Any:
        found = super().pop(name, *default)
        self._path.write_text(json.dumps(self), "utf-8")
        return found
