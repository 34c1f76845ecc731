"""Ten thousand events of a front end of one's own, through the real endpoint of a whole installation."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import requests

from benchmarks.installation import Installation, say
from benchmarks.pages import say_times

if TYPE_CHECKING:
    from tests.sessions_log.tellers import Teller

_SESSIONS = 440
_AHEAD = timedelta(hours=7, seconds=13)
_CLIENTS = 4


def measure(here: Installation) -> None:
    """Print events per second in order, shuffled and twice, by one and by four at once; the timelines must agree."""
    from sessions_log.models import Session  # noqa: PLC0415 - Django is set up late
    from sessions_log.services.ingest_keys import make_key  # noqa: PLC0415 - likewise
    from tests.sessions_log.tellers import Teller, in_batches, shuffled, told_now  # noqa: PLC0415 - likewise

    address = f"{here.start_web()}/api/v1/session-events"
    here.start_workers()
    key = make_key(name="Benchmark", actor=None)[1]
    teller = Teller(random.Random(6), sessions=_SESSIONS, ahead=_AHEAD)  # noqa: S311 - made-up people
    told = teller.events
    say(f"{len(told):,} events of {len({one['session'] for one in told})} sessions, by a clock that is {_AHEAD} ahead")
    known: Any = None
    for what, size, clients, is_shuffled in (
        ("in order, 1,000 a call", 1000, 1, False),
        ("in order, 100 a call", 100, 1, False),
        ("shuffled, a third twice, 1,000 a call", 1000, 1, True),
        ("shuffled, a third twice, 250 a call, four at once", 250, _CLIENTS, True),
    ):
        Session.objects.all().delete()
        batches = shuffled(told, random.Random(7), size) if is_shuffled else in_batches(told, size)  # noqa: S311 - likewise
        _send(what, _Call(address, key, teller), batches, clients)
        now = told_now()
        if known is not None and now != known:
            message = f"{what}: another timeline than in order"
            raise AssertionError(message)
        known = now
    say("  the same timelines each time")


class _Call:
    """Sends one batch, and says how many milliseconds that took."""

    def __init__(self, address: str, key: str, teller: Teller) -> None:
        self._address, self._teller = address, teller
        self._headers = {"Authorization": f"Bearer {key}"}

    def __call__(self, batch: list[dict[str, Any]]) -> float:
        body = self._teller.call(batch, datetime.now(UTC))
        began = time.perf_counter()
        answer = requests.post(self._address, json=body, headers=self._headers, timeout=60)
        took = (time.perf_counter() - began) * 1000
        answer.raise_for_status()
        if answer.json()["refused"]:
            message = f"{answer.json()['refused'][0]}"
            raise AssertionError(message)
        return took


def _send(what: str, call: _Call, batches: list[list[dict[str, Any]]], clients: int) -> None:
    call([])
    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        times = list(pool.map(call, batches))
    spent = time.perf_counter() - began
    sent = sum(map(len, batches))
    say(f"  {what}: {sent:,} events in {spent:.1f} s, {sent / spent:,.0f} a second")
    say_times("a call", times)
