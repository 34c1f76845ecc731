"""The page of a job with 200,000 log lines, while a worker goes on writing: first byte, bytes sent, search."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from contextlib import contextmanager
from html import unescape
from multiprocessing.connection import Connection as Pipe
from typing import TYPE_CHECKING
from uuid import UUID

import requests

from benchmarks.installation import Installation, say, wait_until
from benchmarks.pages import say_times, signed_in, timed
from benchmarks.payroll import make_connections

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.plan import LogLevel
    from jobs.reporter import JobReporter

LINES, FEW = 200_000, 100
# What the worker adds a second while the page is measured.
_A_SECOND = 50
_WRITE_SECONDS, _LOOK_EVERY = 300.0, 0.2
_ODD, _ERROR_AT, _RARE_AT = 1_000, 120_001, 1_234
_RARE = "request 7f31c0de"


def measure(here: Installation) -> None:
    """Print what the page of a job with few lines and of one with many costs, while lines arrive."""
    url, cookie = here.start_web(), signed_in()
    for lines in (FEW, LINES):
        job_id = _new_job(here, lines)
        with _writing(job_id, lines):
            say(f"a job with {lines:,} lines, {_A_SECOND} more each second")
            _measure_job(f"{url}/jobs/{job_id}/", cookie, lines)


def _measure_job(page: str, cookie: tuple[str, str], lines: int) -> None:
    from jobs.models import LogLine  # noqa: PLC0415 - Django is set up late

    job_id = UUID(page.rstrip("/").rpartition("/")[2])
    before, began = LogLine.objects.filter(job=job_id).count(), time.monotonic()
    with requests.Session() as client:
        client.headers["Cookie"] = "=".join(cookie)
        for what, query in _pages(lines).items():
            _say(what, client, page, query)
        _say_poll(client, page)
        if lines > FEW:
            _say_download(client, f"{page}log.txt")
    came = LogLine.objects.filter(job=job_id).count() - before
    say(f"  {came / (time.monotonic() - began):.0f} lines a second came meanwhile")


def _pages(lines: int) -> dict[str, str]:
    middle = lines // 2
    return {
        "the newest lines": "",
        "older lines, in the middle": f"?before={middle}",
        "the oldest lines": "?after=0",
        "a line in the middle": f"?line={middle}",
        "only errors": "?level=error",
        "only warnings": "?level=warning",
        "a step that is over": "?step=check_access",
        "search for what most lines hold": "?q=200+in",
        "search for what one early line holds": f"?q={_RARE.replace(' ', '+')}",
        "search for what no line holds": "?q=nowhere",
    }


def _say(what: str, client: requests.Session, page: str, query: str) -> None:
    def ask() -> requests.Response:
        answer = client.get(page + query, stream=True)
        firsts.append(answer.elapsed.total_seconds() * 1000)
        sizes.append((int(answer.headers["Content-Length"]), len(answer.content)))
        return answer

    firsts: list[float] = []
    sizes: list[tuple[int, int]] = []
    whole = timed(ask)
    sent, bare = sizes[-1]
    say_times(f"{what}, first byte", firsts[-len(whole) :])
    say(f"    {sent:,} bytes sent, {bare:,} unpacked")


def _say_poll(client: requests.Session, page: str) -> None:
    """What an open page asks again and again: the lines that came and the parts that changed, from where it was."""
    sizes: list[int] = []
    asked = client.get(page).text.partition('id="job-poll"')[2]

    def ask() -> requests.Response:
        nonlocal asked
        query = unescape(asked.partition('hx-get="')[2].partition('"')[0])
        # As the open page does, though sooner: two seconds bring more lines.
        time.sleep(_LOOK_EVERY)
        began = time.perf_counter()
        answer = client.get(page + query, headers={"HX-Request": "true"})
        times.append((time.perf_counter() - began) * 1000)
        sizes.append(int(answer.headers["Content-Length"]))
        asked = answer.text
        return answer

    times: list[float] = []
    whole = timed(ask)
    say_times("a look for news", times[-len(whole) :])
    say(f"    {min(sizes):,} to {max(sizes):,} bytes sent")


def _say_download(client: requests.Session, url: str) -> None:
    began = time.monotonic()
    answer = client.get(url, stream=True)
    first = answer.elapsed.total_seconds() * 1000
    size = sum(len(piece) for piece in answer.iter_content(1 << 16))
    say(f"  download: first byte {first:.0f} ms, {size:,} bytes in {time.monotonic() - began:.1f} s")


def _new_job(here: Installation, lines: int) -> UUID:
    from jobs.services.enqueue import enqueue_sync  # noqa: PLC0415 - Django is set up late

    (connection,) = make_connections(here, 1, prefix=f"Log of {lines}")
    (job,) = enqueue_sync(connection=connection, actor=None)
    return job.pk


@contextmanager
def _writing(job_id: UUID, lines: int) -> Iterator[None]:
    """A worker's reporter in a process of its own writes so many lines at once, and goes on until the block ends."""
    # Of its own, not forked: a reporter has threads and a connection.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_write, args=(job_id, lines, theirs))
    process.start()
    try:
        say(f"  written by a worker's reporter in {_wait_for_word(ours, process.is_alive):.1f} s")
        yield
    finally:
        ours.send("stop")
        process.join()


def _wait_for_word(pipe: Pipe, is_alive: Callable[[], bool]) -> float:
    def has_come() -> bool:
        if not is_alive():
            message = "The writer ended before it had written."
            raise RuntimeError(message)
        return pipe.poll()

    took = wait_until(has_come, seconds=_WRITE_SECONDS, what="the lines are written")
    pipe.recv()
    return took


def _write(job_id: UUID, lines: int, pipe: Pipe) -> None:
    import django  # noqa: PLC0415 - in the process of the writer

    django.setup()
    from connectors.secrets import Redactor  # noqa: PLC0415 - needs Django
    from jobs.handlers import steps_of  # noqa: PLC0415 - likewise
    from jobs.models import LogLine  # noqa: PLC0415 - likewise
    from jobs.reporter import JobReporter  # noqa: PLC0415 - likewise
    from jobs.services.start import start  # noqa: PLC0415 - likewise

    claim = start(job_id=job_id, worker="bench")
    if claim is None:
        message = "The job could not be started."
        raise RuntimeError(message)
    with JobReporter(claim, Redactor([]), steps_of("data_sync")) as reporter:
        _fill(reporter, lines)
        written = LogLine.objects.filter(job=job_id)
        wait_until(lambda: written.count() == lines, seconds=_WRITE_SECONDS, what="the lines are in the database")
        pipe.send("written")
        number = lines
        while not pipe.poll(1 / _A_SECOND):
            number += 1
            reporter.log("info", "extract", _words(number))


def _fill(reporter: JobReporter, lines: int) -> None:
    reporter.step("check_access", "running")
    for number in range(1, lines + 1):
        if number == FEW // 2:
            reporter.step("check_access", "success")
            reporter.step("extract", "running")
        step = "check_access" if number < FEW // 2 else "extract"
        level: LogLevel = "error" if number == _ERROR_AT else "warning" if number % _ODD == 0 else "info"
        reporter.log(level, step, f"{_RARE}: {_words(number)}" if number == _RARE_AT else _words(number))


def _words(number: int) -> str:
    return f"pay_statement_line page {number:,}, 200 in {180 + number % 97} ms, 250 rows"
