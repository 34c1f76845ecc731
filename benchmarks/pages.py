"""The list of connections with one and with two thousand of them, each with a run behind it: bytes, server, browser."""

from __future__ import annotations

import os
import shutil
import statistics
import time
from collections.abc import Callable
from typing import Any

import requests
from playwright.sync_api import Browser, sync_playwright

from benchmarks.installation import WORK, Installation, say, wait_until
from benchmarks.payroll import make_connections
from tests.browser import FLAGS, NAMES

MANY = 2_000
_RUN_SECONDS = 600.0
_WARM, _REQUESTS, _LOADS = 5, 60, 15
# What the page measured of itself: the first byte, the first and the largest thing painted, and the end of loading.
_TIMES = """() => new Promise((resolve) => new PerformanceObserver((list, observer) => {
  observer.disconnect();
  const [page] = performance.getEntriesByType("navigation");
  const [first] = performance.getEntriesByName("first-contentful-paint");
  resolve([page.responseStart, first.startTime, list.getEntries().at(-1).startTime, page.loadEventEnd]);
}).observe({ type: "largest-contentful-paint", buffered: true }))"""


def measure(here: Installation) -> None:
    """Print how long the list takes, and how much longer it takes with many connections than with one."""
    here.start_workers(**{WORK: "none"})
    url = here.start_web()
    cookie = signed_in()
    few = _list(here, url, cookie, 1)
    many = _list(here, url, cookie, MANY - 1)
    say(f"the server takes {many / few:.1f} times as long with {MANY:,} connections as with 1")


def _list(here: Installation, url: str, cookie: tuple[str, str], more: int) -> float:
    """Print the figures of the list with `more` connections, and return the server's median."""
    from connectors.models import Connection  # noqa: PLC0415 - Django is set up late
    from jobs.models import Lease  # noqa: PLC0415 - likewise
    from jobs.services.enqueue import enqueue_sync  # noqa: PLC0415 - likewise

    for connection in make_connections(here, more, prefix=f"Shop of {more}"):
        enqueue_sync(connection=connection, actor=None)
    wait_until(lambda: not Lease.objects.exists(), seconds=_RUN_SECONDS, what="all jobs are over")
    say(f"the list with {Connection.objects.count():,} connections")
    median = _of_server(url, cookie)
    in_browser(url, cookie)
    return median


def _of_server(url: str, cookie: tuple[str, str]) -> float:
    with requests.Session() as client:
        client.headers["Cookie"] = "=".join(cookie)
        whole = client.get(url)
        version = {"HX-Request": "true"}
        sent = int(whole.headers.get("Content-Length", 0))
        say(f"  {len(whole.content):,} bytes, {sent:,} as sent")
        times = timed(lambda: client.get(url))
        say_times("the whole page", times)
        say_times("a look for news", timed(lambda: client.get(url, headers=version)))
    return statistics.median(times)


def timed(ask: Callable[[], requests.Response]) -> list[float]:
    """Return how many milliseconds each of many requests took."""
    times = []
    for number in range(_WARM + _REQUESTS):
        began = time.perf_counter()
        ask().raise_for_status()
        if number >= _WARM:
            times.append((time.perf_counter() - began) * 1000)
    return times


def say_times(what: str, times: list[float]) -> None:
    """Print median, ninth tenth and longest of `times` in milliseconds."""
    tenths = statistics.quantiles(times, n=10)
    say(f"  {what}: median {statistics.median(times):.1f} ms, p90 {tenths[8]:.1f} ms, longest {max(times):.1f} ms")


def in_browser(url: str, cookie: tuple[str, str]) -> None:
    """Print when Chromium has a page's first byte, its first and its full paint, and the end of loading."""
    program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        first, *later = _loads(browser, url, cookie)
        browser.close()
    again = [statistics.median(figures) for figures in zip(*later, strict=True)]
    for what, figures in (("first visit", first), ("later visits", again)):
        words = zip(("first byte", "first paint", "full paint", "loaded"), figures, strict=True)
        say(f"  {what} in Chromium: {', '.join(f'{word} {figure:.0f} ms' for word, figure in words)}")


def _loads(browser: Browser, url: str, cookie: tuple[str, str]) -> list[Any]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_cookies([{"name": cookie[0], "value": cookie[1], "url": url}])
    page = context.new_page()
    loads = []
    for _ in range(_LOADS + 1):
        page.goto(url, wait_until="load")
        loads.append(page.evaluate(_TIMES))
    return loads


def signed_in() -> tuple[str, str]:
    """Return the cookie of an admin who is signed in."""
    from django.conf import settings  # noqa: PLC0415 - Django is set up late
    from django.contrib.auth.models import User  # noqa: PLC0415 - likewise
    from django.test import Client  # noqa: PLC0415 - likewise

    client = Client()
    client.force_login(User.objects.create_superuser("bench"), backend=settings.AUTHENTICATION_BACKENDS[0])
    return settings.SESSION_COOKIE_NAME, client.cookies[settings.SESSION_COOKIE_NAME].value
