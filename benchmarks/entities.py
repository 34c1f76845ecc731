"""The job history of a connection with many entities: watched in a browser through a run, and with five hundred.

The run is one of 40 companies of which 3 refuse. While workers sync them, what the page says in its bar, its list and
its drawer is read again and again, in one step each time, and compared with itself and with the times that the jobs
have in the database: there must be one moment at which all of it was true.
"""

from __future__ import annotations

import itertools
import os
import shutil
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests
from playwright.sync_api import Page, sync_playwright

from benchmarks.installation import Installation, say
from benchmarks.pages import in_browser, say_times, signed_in, timed
from benchmarks.payroll import fill, make_connections
from tests.browser import FLAGS, NAMES, aside
from tests.sandbox.running import ADMIN_KEY, API_KEY, Running, start_sandbox_process

if TYPE_CHECKING:
    from connectors.models import Connection

COMPANIES, REFUSED = 40, 3
MANY, JOBS_EACH = 500, 40
_RUN_SECONDS, _LOOK_EVERY = 300.0, 0.05
_FOREVER = float("inf")
# All that the page says of each entity, read in one step, which no update of the page can come into.
_READ = """() => {
  const word = (element) => element.querySelector(".status").textContent.trim();
  const by = (selector, name, value) => Object.fromEntries(
    [...document.querySelectorAll(selector)].map((element) => [name(element), value(element)]));
  const drawer = document.getElementById("drawer-inside");
  const job = drawer?.querySelector(".drawer-table .status");
  return {
    title: document.getElementById("pg").textContent,
    counts: by(".legend a[id^=only-]", (a) => a.firstChild.textContent.trim(),
      (a) => Number(a.querySelector("b").textContent)),
    cells: by(".cells a", (a) => a.id.slice(5), (a) => a.title.split(": ").at(-1)),
    rows: by("#entity-rows tbody tr", (row) => row.querySelector("a").id.slice(7), word),
    drawer: drawer && (job ? job.textContent.trim() : "No run yet"),
  };
}"""


@dataclass
class Sample:
    """What the page said when it was read, at the time `at`."""

    at: float
    said: dict[str, Any]

    @property
    def cells(self) -> dict[str, str]:
        """The word of each entity's block."""
        cells: dict[str, str] = self.said["cells"]
        return cells


def measure(here: Installation) -> None:
    """Watch a run, and print what the pages of five hundred entities cost."""
    here.server.create_database("warehouse")
    here.start_workers()
    url, cookie = here.start_web(), signed_in()
    sandbox = start_sandbox_process(COMPANIES=str(COMPANIES))
    try:
        _watch(here, sandbox, url, cookie)
    finally:
        sandbox.session.close()
        sandbox.process.kill()
        sandbox.process.communicate()
    _five_hundred(here, url, cookie)


def _watch(here: Installation, sandbox: Running, url: str, cookie: tuple[str, str]) -> None:
    connection = _payroll(here, sandbox)
    refused = [str(pk) for pk in connection.entities.order_by("ref").values_list("pk", flat=True)[:REFUSED]]
    _refuse(sandbox, list(connection.entities.filter(pk__in=refused).values_list("ref", flat=True)))
    say(f"a run of {connection.entities.count()} companies of which {len(refused)} refuse")
    address = f"{url}/connections/{connection.pk}/entities/{refused[0]}/"
    with sync_playwright() as playwright:
        program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)))
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.add_cookies([{"name": cookie[0], "value": cookie[1], "url": url}])
        page = context.new_page()
        page.goto(address)
        samples = _samples(page)
        browser.close()
    _compare(connection, samples, refused)


def _refuse(sandbox: Running, refs: Sequence[str]) -> None:
    """Let these companies have withdrawn their access."""
    document = {ref: {"fail_status": 403, "fail_code": "company_access_revoked"} for ref in refs}
    headers = {"X-Sandbox-Admin": ADMIN_KEY}
    requests.put(f"{sandbox.url}/_sandbox/knobs", json=document, headers=headers, timeout=10).raise_for_status()


def _samples(page: Page) -> list[Sample]:
    """Press the button and read the page until nothing waits or runs any more."""
    samples = [Sample(time.time(), page.evaluate(_READ))]
    page.locator("#sync-now").click()
    page.wait_for_selector("#drawer-inside")
    began = time.monotonic()
    while time.monotonic() - began < _RUN_SECONDS:
        samples.append(Sample(time.time(), page.evaluate(_READ)))
        words = set(samples[-1].cells.values())
        if not words & {"Pending", "In progress", "No run yet"}:
            return samples
        time.sleep(_LOOK_EVERY)
    message = "the run did not end on the page"
    raise TimeoutError(message)


def _payroll(here: Installation, sandbox: Running) -> Connection:
    """Return a connection with all companies of a sandbox, that never ran."""
    from connectors.models import Connection  # noqa: PLC0415 - Django is set up late
    from connectors.providers import registry  # noqa: PLC0415 - likewise
    from connectors.services import connect  # noqa: PLC0415 - likewise

    (connection,) = make_connections(here, 1, prefix="Watched payroll")
    connection.entities.all().delete()
    Connection.objects.filter(pk=connection.pk).update(config={"base_url": sandbox.url})
    connection.refresh_from_db()
    connect.set_credentials(connection=connection, credentials={"api_key": API_KEY})
    connection.refresh_from_db()
    access, source = registry.access(connection.provider), connect.source_of(connection)
    found = access.list_entities(source)
    connect.take_up(connection=connection, entities=found, tables=access.list_tables(source, found[0].ref))
    connection.refresh_from_db()
    return connection


def _compare(connection: Connection, samples: list[Sample], refused: list[str]) -> None:
    """Print whether every sample agrees with itself and with one moment of the database; raise if one does not."""
    spans = aside(lambda: _spans(connection))
    seen = [sample for sample, before in zip(samples[1:], samples, strict=False) if sample.said != before.said]
    apart, old = [], []
    for sample in samples:
        _agrees_with_itself(sample, refused[0])
        first = max(spans[pk][word][0] for pk, word in sample.cells.items())
        last = min(spans[pk][word][1] for pk, word in sample.cells.items())
        apart.append(max(0.0, first - last))
        old.append(max(0.0, sample.at - last))
    ends = Counter(samples[-1].cells.values())
    if ends != {"Success": COMPANIES - REFUSED, "Failed": REFUSED}:
        message = f"the run ended otherwise than the sandbox lets it: {ends}"
        raise ValueError(message)
    say(f"  {len(samples)} looks in {samples[-1].at - samples[0].at:.1f} s, {len(seen)} different states of the page")
    say(f"  at the end {dict(ends)}: {samples[-1].said['title']}")
    say("  in every one of them bar, counts, list and drawer agree")
    say(f"  the moments of its parts lie {max(apart) * 1000:.0f} ms apart at most")
    say(f"  what it says was true {max(old):.1f} s before at most")


def _agrees_with_itself(sample: Sample, open_entity: str) -> None:
    said, cells = sample.said, sample.cells
    counted = Counter(cells.values())
    parts = {
        "list": said["rows"] == cells,
        "counts": said["counts"] == dict(counted),
        "drawer": said["drawer"] == cells[open_entity],
        "title": said["title"].startswith(f"{counted['Success']} of {len(cells)} entities"),
    }
    if wrong := [name for name, is_right in parts.items() if not is_right]:
        message = f"{', '.join(wrong)} did not agree with the bar: {said}"
        raise ValueError(message)


def _spans(connection: Connection) -> dict[str, dict[str, tuple[float, float]]]:
    """Return from when until when each word was true of each entity, by the times of its only job."""
    found = {}
    for job in connection.jobs.filter(type="data_sync"):
        times = [at.timestamp() for at in (job.created_at, job.started_at, job.ended_at) if at]
        made, started, ended = times
        found[str(job.entity_id)] = {
            "No run yet": (0.0, made),
            "Pending": (made, started),
            "In progress": (started, ended),
            job.get_status_display(): (ended, _FOREVER),
        }
    return found


def _five_hundred(here: Installation, url: str, cookie: tuple[str, str]) -> None:
    """Print what the pages of a connection with one entity more than one, and with many, cost."""
    for count in (2, MANY):
        (connection,) = make_connections(here, 1, prefix=f"Payroll of {count}")
        fill([connection], count)
        _give_history(connection)
        own = f"{url}/connections/{connection.pk}/"
        entity = connection.entities.order_by("name")[count // 2]
        pages = {
            "the job history": f"{own}jobs/",
            "found by a part of the name": f"{own}jobs/?text=company+1",
            "only failed ones": f"{own}jobs/?outcome=failed",
            "failed jobs": f"{own}jobs/?status=failed",
            "the drawer": f"{own}entities/{entity.pk}/",
            "the overview": own,
        }
        say(f"{count} entities, {connection.jobs.count():,} jobs")
        for what, address in pages.items():
            _say_page(what, address, cookie)
        in_browser(pages["the job history"], cookie)


def _say_page(what: str, address: str, cookie: tuple[str, str]) -> None:
    with requests.Session() as client:
        client.headers["Cookie"] = "=".join(cookie)
        answer = client.get(address)
        sent = int(answer.headers.get("Content-Length", 0))
        say_times(f"{what} ({len(answer.content):,} bytes, {sent:,} as sent)", timed(lambda: client.get(address)))
        poll = {"HX-Request": "true", "HX-Trigger": "poll"}
        times = timed(lambda: client.get(address, headers=poll))
        say(f"    a look for news: median {statistics.median(times):.1f} ms")


def _give_history(connection: Connection) -> None:
    """Give each entity its last runs, one in ten of them failed, and the facts that follow."""
    from datetime import timedelta  # noqa: PLC0415 - here only

    from django.utils import timezone  # noqa: PLC0415 - Django is set up late

    from connectors.ids import first_id_at  # noqa: PLC0415 - likewise
    from connectors.models import Entity  # noqa: PLC0415 - likewise
    from jobs.models import Job, JobStatus, Trigger  # noqa: PLC0415 - likewise

    now, jobs = timezone.now(), []
    entities = list(connection.entities.order_by("name"))
    moments = itertools.count()
    for number, entity in enumerate(entities):
        runs = []
        for run in range(JOBS_EACH):
            at = now - timedelta(hours=6 * (JOBS_EACH - run)) + timedelta(milliseconds=next(moments))
            is_failed = (number + run) % 10 == 0
            status = JobStatus.FAILED if is_failed else JobStatus.SUCCESS
            job = Job(
                id=first_id_at(at),
                type="data_sync",
                status=status,
                trigger=Trigger.SCHEDULE,
                connection=connection,
                entity=entity,
                started_at=at,
                ended_at=at + timedelta(seconds=40 + run),
                attempt=1,
                error_code="unreachable" if is_failed else "",
                rows_loaded=0 if is_failed else 5_000,
            )
            jobs.append(job)
            runs.append({"id": str(job.pk), "status": status, "ms": 1000 * (40 + run)})
        entity.recent_runs, entity.last_success_at = runs[-30:], now - timedelta(hours=6)
        entity.failure_streak = int(runs[-1]["status"] == JobStatus.FAILED)
        entity.last_duration_ms, entity.last_rows = 80_000, 5_000
    Job.objects.bulk_create(jobs, batch_size=1000)
    fields = ("recent_runs", "last_success_at", "failure_streak", "last_duration_ms", "last_rows")
    Entity.objects.bulk_update(entities, fields, batch_size=100)
