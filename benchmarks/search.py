"""The search in an installation of ten million jobs, ten thousand connections and a hundred thousand entities."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle

import requests

from benchmarks import millions
from benchmarks.installation import Installation, say
from benchmarks.pages import say_times, signed_in, timed

_SHORT, _SHORTEST = 13, 8
# So many different records are asked for in turn, out of all weeks, so that none is only fast the second time.
_ASKED = 60


def measure(here: Installation) -> None:
    """Print how long the server takes for each kind of question: for the page or the way there, and to suggest."""
    history = millions.fill(here)
    url, (name, value) = here.start_web(), signed_in()
    with requests.Session() as client:
        client.headers["Cookie"] = f"{name}={value}"
        say("an empty search, which is what any page costs")
        say_times("the page", timed(_ask(client, url, [""])))
        for what, questions in _questions(history):
            say(f"{what}, such as {questions[0]!r}")
            say_times("the page", timed(_ask(client, url, questions)))
            say_times("suggestions", timed(_ask(client, url, questions, **{"HX-Request": "true"})))


def _ask(
    client: requests.Session, url: str, questions: Sequence[str], **headers: str
) -> Callable[[], requests.Response]:
    """Return what asks the next question; a redirect is the answer, where it leads is not asked for."""
    turn = cycle(questions)
    return lambda: client.get(
        f"{url}/search/", params={"q": next(turn)}, headers=headers, allow_redirects=False, timeout=60
    )


def _questions(history: millions.History) -> Iterator[tuple[str, list[str]]]:
    """Give each kind of question with many examples."""
    from connectors.ids import first_id_at  # noqa: PLC0415 - Django is set up late
    from connectors.models import Connection, Entity  # noqa: PLC0415 - likewise
    from jobs.models import Job  # noqa: PLC0415 - likewise

    dice = random.Random(1)  # noqa: S311 - which records are asked for is no secret
    span = history.until - history.since
    moments = [history.since + span * dice.random() for _ in range(_ASKED)]
    jobs = [str(Job.objects.filter(pk__gte=first_id_at(at)).order_by("pk")[0].pk) for at in moments]
    entities = list(Entity.objects.order_by("dataset")[: _ASKED * 1_000 : 1_000])
    connections = list(Connection.objects.order_by("dataset")[: _ASKED * 100 : 100])
    yield "a whole job ID", jobs
    yield "a short ID", [one[:_SHORT] for one in jobs]
    yield "8 characters, some 126 jobs", [one[:_SHORTEST] for one in jobs]
    yield "an ID that nothing has", [f"{one[:9]}ffff-ffff" for one in jobs]
    yield "the name of a connection", [one.name for one in connections]
    yield "the name of an entity", [one.name for one in entities]
    yield "an external ID", [one.ref for one in entities]
    yield "the end of an external ID", [one.ref[-8:] for one in entities]
    yield "a word of hundreds of names", ["kestrel", "orchard", "flint", "heron", "juniper"]
    yield "a word of thousands of names", ["gmbh", "foods", "ltd", "clinics", "inc"]
    yield "two words", ["kestrel foods", "heron gmbh", "flint care"]
    yield "the beginning of a name", ["ke", "al", "or"]
    yield "an error code", list(history.codes)
    yield "a part of many codes", ["error", "credentials", "destination"]
    yield "nonsense", ["qqqqzzzz", "no such thing", "§§§", "x" * 500]
