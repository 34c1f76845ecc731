"""Five hundred entities sync for twenty minutes while something breaks every few seconds, drawn by chance.

At the end everything is healed and the whole history is checked (I1 to I9); meanwhile memory, connections, broker keys
and folders are measured, and must not grow. The faults, the proxies between the parts and the checks are those of
`tests/faults`. Its own seed is printed: the same one gives the same faults.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.installation import say, set_up
from tests.sandbox.running import API_KEY

if TYPE_CHECKING:
    from benchmarks.soak_meter import Sample
    from connectors.models import Connection, Destination
    from tests.faults.harness.lab import Lab

MINUTES = 20.0
CONNECTIONS = 100
# The sandbox' smallest ones.
COMPANIES = ("co_halden_nordic", "co_halden_ireland", "co_maple_street", "co_halden_iberia", "co_halden_dairy")
INTERVAL_SECONDS = 300
BETWEEN_FAULTS = (4.0, 14.0)
SAMPLE_SECONDS = 10.0
_REST_SECONDS = 600.0
# What is measured in the last third may be so much above the middle one: chance, and what a fault leaves for a while.
FLAT = 1.15


def run(minutes: float, seed: int) -> bool:
    """Break things for so many minutes, print what was measured, and return whether everything held."""
    home = Path(tempfile.mkdtemp(prefix="patchbay-soak-"))
    # The lab's own servers are known only once it has started; its processes take the rest from this environment.
    set_up(home, "postgresql://127.0.0.1/patchbay", "redis://127.0.0.1")
    from tests.faults.harness.lab import Lab  # noqa: PLC0415 - Django is set up late

    lab = Lab(home / "lab")
    try:
        return _run(lab, minutes, seed)
    finally:
        lab.close()
        shutil.rmtree(home, ignore_errors=True)


def _run(lab: Lab, minutes: float, seed: int) -> bool:
    from benchmarks.soak_meter import measure  # noqa: PLC0415 - likewise
    from tests.faults.harness import history  # noqa: PLC0415 - likewise

    _point_at(lab)
    lab.start()
    connections = [_connect(lab, number) for number in range(CONNECTIONS)]
    say(f"{CONNECTIONS * len(COMPANIES)} entities, every {INTERVAL_SECONDS} s, for {minutes:g} minutes; seed {seed}")
    samples = _break_things(lab, connections, random.Random(seed), minutes * 60)  # noqa: S311 - faults, not keys
    lab.heal()
    seconds = _come_to_rest(lab, connections)
    samples.append(measure(lab))
    say(f"At rest {seconds:.0f} s after the last fault")
    violations = history.check(lab, *connections)
    for violation in violations[:20]:
        say(f"  {violation}")
    say("I1 to I9 hold." if not violations else f"{len(violations)} violations.")
    _tell_jobs(lab)
    return _tell_growth(samples) and not violations


def _point_at(lab: Lab) -> None:
    """Let Django and Celery of this process speak to the lab, past its proxies."""
    from django.core.management import call_command  # noqa: PLC0415 - Django is set up late
    from django.db import connection as database  # noqa: PLC0415 - likewise

    server = lab.postgres.server
    database.settings_dict.update(
        NAME="patchbay", HOST="127.0.0.1", PORT=server.port, PASSWORD=server.password, USER="patchbay"
    )
    os.environ["CELERY_BROKER_URL"] = lab.redis.server.url()
    call_command("migrate", verbosity=0, interactive=False)


def _connect(lab: Lab, number: int) -> Connection:
    from connectors.plan import FoundEntity  # noqa: PLC0415 - likewise
    from connectors.providers import registry  # noqa: PLC0415 - likewise
    from connectors.services import connect  # noqa: PLC0415 - likewise

    connection = connect.create_connection(
        name=f"Payroll {number}",
        provider="sandbox_payroll",
        config={"base_url": f"http://127.0.0.1:{lab.source_line.port}"},
        destination=_warehouse(lab),
        interval_seconds=INTERVAL_SECONDS,
    )
    connect.set_credentials(connection=connection, credentials={"api_key": API_KEY})
    tables = registry.access(connection.provider).list_tables(connect.source_of(connection), COMPANIES[0])
    connect.take_up(connection=connection, entities=[FoundEntity(ref, ref) for ref in COMPANIES], tables=tables)
    connection.refresh_from_db()
    return connection


def _warehouse(lab: Lab) -> Destination:
    from connectors.models import Destination  # noqa: PLC0415 - likewise
    from connectors.services.connect import create_destination  # noqa: PLC0415 - likewise

    config = {"host": "127.0.0.1", "port": lab.warehouse_line.port, "database": "warehouse", "user": "patchbay"}
    secret = {"password": lab.postgres.server.password}
    known = Destination.objects.filter(name="Warehouse").first()
    return known or create_destination(
        name="Warehouse", kind="postgres", config={**config, "sslmode": "disable"}, credentials=secret
    )


def _break_things(lab: Lab, connections: list[Connection], dice: random.Random, seconds: float) -> list[Sample]:
    """Draw a fault every few seconds, let it happen and heal it; return what was measured in between."""
    from benchmarks.soak_faults import Faults  # noqa: PLC0415 - likewise
    from benchmarks.soak_meter import measure  # noqa: PLC0415 - likewise

    faults = Faults(lab, connections, dice)
    samples: list[Sample] = []
    began = next_sample = time.monotonic()
    next_fault = began + 20
    while time.monotonic() - began < seconds:
        now = time.monotonic()
        if now >= next_fault:
            faults.strike()
            next_fault = time.monotonic() + dice.uniform(*BETWEEN_FAULTS)
        if now >= next_sample:
            samples.append(measure(lab))
            say(f"  {(now - began) / 60:5.1f} min  {samples[-1]}")
            next_sample = now + SAMPLE_SECONDS
        time.sleep(0.2)
    for name, count in sorted(faults.counts.items()):
        say(f"  {count:3} times: {name}")
    return samples


def _come_to_rest(lab: Lab, connections: list[Connection]) -> float:
    """Let every pause end, plan nothing more, bring each wait forward, and return after how many seconds all rests."""
    from connectors.models import Connection, Pause  # noqa: PLC0415 - likewise
    from connectors.services.pause import resume  # noqa: PLC0415 - likewise

    began = time.monotonic()
    for pause in Pause.objects.open():
        resume(connection=pause.connection, actor=None)
    Connection.objects.update(schedule_kind="manual", next_run_at=None)
    lab.rows("UPDATE connectors_entity SET next_run_at = NULL")
    while lab.value("SELECT count(*) FROM jobs_lease"):
        lab.rows("UPDATE jobs_lease SET available_at = now() WHERE state = 'pending' AND available_at > now()")
        lab.rows("DELETE FROM jobs_accountblock")
        if time.monotonic() - began > _REST_SECONDS:
            message = f"Jobs were still live after {_REST_SECONDS:g} s"
            raise TimeoutError(message)
        time.sleep(1)
    for connection in connections:
        connection.refresh_from_db()
    return time.monotonic() - began


def _tell_jobs(lab: Lab) -> None:
    for status, code, count in lab.rows(
        "SELECT status, error_code, count(*) FROM jobs_job GROUP BY 1, 2 ORDER BY 1, 2"
    ):
        say(f"  {count:6,} jobs {status} {code}")
    for status, code, count in lab.rows(
        "SELECT status, error_code, count(*) FROM jobs_attempt GROUP BY 1, 2 ORDER BY 1, 2"
    ):
        say(f"  {count:6,} attempts {status} {code}")


def _tell_growth(samples: list[Sample]) -> bool:
    """Compare the last third with the middle one; the first one, in which caches fill, is only told."""
    third = max(1, len(samples) // 3)
    thirds = samples[:third], samples[third : 2 * third], samples[2 * third :]
    say(f"  {'median of':<24}{'first third':>14}{'middle':>14}{'last third':>14}")
    is_flat = True
    for field, (label, slack) in samples[0].LABELS.items():
        found = [median(getattr(one, field) for one in part) for part in thirds]
        grown = found[2] > found[1] * FLAT + slack
        is_flat = is_flat and not grown
        say(f"  {label:<24}" + "".join(f"{value:14,.1f}" for value in found) + ("  grows" if grown else ""))
    say("Flat." if is_flat else "Something grows.")
    return is_flat
