"""The parts of the System page, and what is wrong with them: each with a sentence that says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta, tzinfo

from dashboard.formatting import clock_time, duration, file_size, number, percent, relative_time
from dashboard.pages.system_chart import LIMIT_SECONDS
from jobs.models import Queue
from jobs.services.health import Health
from jobs.services.watchdog import COUNTED_TO, Vitals

# The System page with each worker named.
SHOW_WORKERS = "?workers=all#queues"
_DISK_WARNING, _DISK_FULL = 0.85, 0.95
_CONNECTIONS_WARNING = 0.8
_LONG_TRANSACTION_SECONDS = 600
# System tasks other than the tick, and after how long without them something is wrong.
_REAP_SILENT, _SWEEP_SILENT, _PARTITIONS_SILENT = timedelta(minutes=2), timedelta(minutes=5), timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong: what it is, what still works, and what to do; `url` leads to more, if any."""

    status: str
    title: str
    text: str
    url: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One part, with its word and one figure."""

    name: str
    status: str
    word: str
    text: str
    figure: str = ""


def findings_of(health: Health, signs: Vitals, zone: tzinfo) -> tuple[Finding, ...]:
    """Return what is wrong, the worst first."""
    found = [*_of_workers(health, signs, zone), *_of_the_scheduler(health, signs), *_of_the_servers(health)]
    found += [*_of_the_schedules(health, signs), *_of_the_secrets(health)]
    return tuple(sorted(found, key=lambda one: one.status != "broken"))


def parts_of(health: Health, signs: Vitals, zone: tzinfo) -> tuple[Part, ...]:
    """Return the parts in the order of the page."""
    return (_scheduler(health, signs, zone), _database(health), _redis(health), _disk(health), _secrets(health))


def _of_workers(health: Health, signs: Vitals, zone: tzinfo) -> Iterator[Finding]:
    if not signs.queues:
        yield Finding(
            "broken",
            "No worker is alive",
            "Nothing syncs and no new job is made. Nothing is lost: what waits starts by itself as soon as workers run "
            "again. Start them (manage.py up starts everything), or look why they cannot reach the database.",
        )
    elif signs.deserted:
        gone = [worker.seen_at for worker in health.workers if worker.queue in signs.deserted]
        last = f" The last one was heard from at {clock_time(max(gone), zone)}." if gone else ""
        rest = "No new job is made meanwhile." if Queue.SYSTEM.value in signs.deserted else "Other queues go on."
        text = f"Its jobs wait, none is lost, and they start by themselves as soon as such a worker runs. {rest}{last}"
        yield Finding("broken", f"No worker serves {', '.join(signs.deserted)}", text, SHOW_WORKERS, "Show workers")


def _of_the_scheduler(health: Health, signs: Vitals) -> Iterator[Finding]:
    tick = health.pulses.get("tick")
    if tick is None and signs.queues:
        yield Finding(
            "warning",
            "The scheduler was not heard from yet",
            "No schedule starts before its first tick. Start beat, or manage.py dispatch in its place.",
        )
    if signs.is_silent and tick:
        yield Finding(
            "broken",
            f"The scheduler has been silent for {duration(round((health.now - tick.at).total_seconds()))}",
            "What runs goes on, but no schedule starts; a missed stretch is made up by one run later. Start beat, or "
            "manage.py dispatch in its place.",
        )
    if signs.is_silent or Queue.SYSTEM.value not in signs.queues:
        return  # told above, and the cause of what follows
    for name, limit, what in (
        ("reap", _REAP_SILENT, "jobs of lost workers are not taken back"),
        ("keep_partitions", _PARTITIONS_SILENT, "no room is made for the jobs of coming weeks"),
        ("sessions.sweep", _SWEEP_SILENT, "nobody is found to have left the connect flow, and unused links do not end"),
        ("sessions.rollup", _SWEEP_SILENT, "the funnel of many sessions opens slowly"),
        ("sessions.drop_old", _PARTITIONS_SILENT, "sessions stay longer than they should"),
    ):
        pulse = health.pulses.get(name)
        if pulse and pulse.at < health.now - limit:
            text = f"It should run much more often; meanwhile {what}. The log of the system worker says why."
            yield Finding("warning", f"The task {name} did not run lately", text)


def _of_the_servers(health: Health) -> Iterator[Finding]:
    if health.redis.error:
        yield Finding(
            "broken",
            "Redis does not answer",
            "No job reaches a worker. What runs goes on and nothing is lost: jobs wait in the database and are sent "
            "once Redis is back. Look at the server that REDIS_URL names.",
        )
    known, disk = health.database, health.disk
    if known.connections > _CONNECTIONS_WARNING * known.most_connections:
        title = f"{known.connections} of {known.most_connections} database connections are in use"
        yield Finding(
            "warning", title, "Above the limit new ones are refused. Raise max_connections or run fewer workers."
        )
    if known.oldest_seconds > _LONG_TRANSACTION_SECONDS:
        title = f"A transaction has been open for {duration(round(known.oldest_seconds))}"
        yield Finding(
            "warning", title, "It keeps the database from cleaning up, which makes everything slower. End it."
        )
    if disk and disk.share >= _DISK_WARNING:
        is_full = disk.share >= _DISK_FULL
        title = f"The disk of the working files is {percent(disk.share, 1)} full"
        text = "Syncs fail once it is full. Free some space, or give PATCHBAY_HOME a larger disk."
        yield Finding("broken" if is_full else "warning", title, text)


def _of_the_schedules(health: Health, signs: Vitals) -> Iterator[Finding]:
    if signs.overdue == 1:
        text = "Its time passed more than a minute ago and it did not start."
        yield Finding("warning", "A schedule is overdue", text, "#overdue", "Show it and why")
    elif signs.overdue:
        text = "Their times passed more than a minute ago and they did not start."
        title = f"{_counted(signs.overdue)} schedules are overdue"
        yield Finding("warning", title, text, "#overdue", "Show them and why")
    if health.day.p95_hour is not None and health.day.p95_hour > LIMIT_SECONDS:
        yield Finding(
            "warning",
            f"Jobs started late in the last hour: 95% within {duration(health.day.p95_hour)}",
            f"The limit is {LIMIT_SECONDS} s. After a standstill this mends itself; where a queue is full, more "
            "workers or slots help.",
        )


def _of_the_secrets(health: Health) -> Iterator[Finding]:
    if health.day.unknown_keys:
        title = f"{number(health.day.unknown_keys)} credentials open with no key that is here"
        text = "Their connections cannot sign in. Add the missing key to PATCHBAY_ENCRYPTION_KEYS, after the first one."
        yield Finding("broken", title, text)
    if not health.keys:
        text = "Credentials can be neither stored nor read. Set PATCHBAY_ENCRYPTION_KEYS."
        yield Finding("broken", "There is no encryption key", text)


def _counted(count: int) -> str:
    return f"{number(count)} or more" if count >= COUNTED_TO else number(count)


def _scheduler(health: Health, signs: Vitals, zone: tzinfo) -> Part:
    name, tick = "Beat and dispatch", health.pulses.get("tick")
    late = f", {_counted(signs.overdue)} overdue" if signs.overdue else ", nothing overdue"
    if tick is None:
        return Part(name, "warning", "not heard from yet", f"No tick so far{late}")
    text = f"Last tick {relative_time(tick.at, health.now, zone)}, it took {duration(tick.took_ms / 1000)}{late}"
    reap = health.pulses.get("reap")
    text += f". Lost workers looked for {relative_time(reap.at, health.now, zone)}" if reap else ""
    lag = f"lag {duration(max(0.0, (health.now - tick.at).total_seconds()))}"
    return Part(name, "broken", "silent", text, lag) if signs.is_silent else _well(name, text, lag)


def _database(health: Health) -> Part:
    known = health.database
    text = (
        f"PostgreSQL {known.version}, {known.connections} of {known.most_connections} connections, oldest transaction "
        f"{duration(known.oldest_seconds)}"
    )
    is_busy = known.connections > _CONNECTIONS_WARNING * known.most_connections
    looks = is_busy or known.oldest_seconds > _LONG_TRANSACTION_SECONDS
    figure = f"{known.took_ms:.1f} ms"
    return Part("Database", "warning", "look at it", text, figure) if looks else _well("Database", text, figure)


def _redis(health: Health) -> Part:
    known = health.redis
    if known.error:
        text = f"{known.error}. Jobs wait in the database and none is lost"
        return Part("Redis", "broken", "away", text)
    of = f" of {file_size(known.most_memory)}" if known.most_memory else ""
    evicted = f"{number(known.evicted)} keys evicted" if known.evicted else "no key evicted"
    text = f"{known.version}, {file_size(known.memory)}{of}, {evicted}, broker only: it can be emptied without loss"
    return _well("Redis", text, f"{known.took_ms:.1f} ms")


def _disk(health: Health) -> Part:
    disk = health.disk
    if disk is None:
        return Part("Disk", "active", "not on this machine", "The workers keep their files on machines of their own")
    text = f"Working files, {percent(disk.share, 1)} full of {file_size(disk.total)}"
    figure = f"{file_size(disk.free)} free"
    if disk.share >= _DISK_FULL:
        return Part("Disk", "broken", "full", text, figure)
    return (
        Part("Disk", "warning", "look at it", text, figure)
        if disk.share >= _DISK_WARNING
        else _well("Disk", text, figure)
    )


def _secrets(health: Health) -> Part:
    day = health.day
    ring = f"Key ring has {health.keys} {'key' if health.keys == 1 else 'keys'}"
    text = f"{ring}, {number(day.old_keys)} credentials on an old key"
    if day.unknown_keys or not health.keys:
        return Part("Secrets", "broken", "look at it", f"{text}, {number(day.unknown_keys)} open with none of them")
    return _well("Secrets", text)


def _well(name: str, text: str, figure: str = "") -> Part:
    return Part(name, "active", "well", text, figure)
