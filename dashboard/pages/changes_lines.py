"""Two runs side by side, line by line: the credentials, the versions and the tables that each of them had."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from connectors.models import Connection
from connectors.providers import registry as providers
from dashboard.formatting import NOT_APPLICABLE, elapsed_time
from jobs.models import Attempt, Job
from jobs.text import counted

CHANGED, DIFFERS, SAME, UNKNOWN = "Changed", "Differs", "Same", "Not recorded"
# Differences of tables that are told one by one.
MOST_DIFFERENCES = 20
VERSIONS = {"patchbay": "Patchbay", "provider": "provider", "dlt": "dlt", "python": "Python"}

Shapes = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One thing compared, as text. `at` stands after the `note`: when somebody did it."""

    what: str
    verdict: str
    before: str
    now: str
    note: str = ""
    at: datetime | None = None
    is_mono: bool = False

    @property
    def is_news(self) -> bool:
        """Whether the two runs differ here."""
        return self.verdict in {CHANGED, DIFFERS}


def version_lines(then: Attempt | None, now: Attempt | None) -> Iterable[Line]:
    """Compare what the two runs ran with: a line for each version that changed, and one for those that did not."""
    both = [(one.ran_with if one else {}) for one in (then, now)]
    if not all(both):
        missing = "that run" if both[1] else "this run" if both[0] else "either run"
        yield Line("Version", UNKNOWN, "", "", f"What {missing} ran with was not recorded.")
        return
    same = []
    for name, word in VERSIONS.items():
        before, after = (str(one.get(name, "")) for one in both)
        if before != after:
            yield Line(f"Version, {word}", CHANGED, before or NOT_APPLICABLE, after or NOT_APPLICABLE, is_mono=True)
        elif after:
            same.append(after if name == "provider" else f"{name} {after}")
    if same:
        told = ", ".join(same)
        yield Line("Versions, unchanged", SAME, told, told, is_mono=True)


def sign_in_lines(connection: Connection, then: Attempt | None, now: Attempt | None) -> Iterable[Line]:
    """Compare when the credentials of both sides had been set, and how old they were in each run."""
    manifest = providers.manifest(connection.provider)
    by = connection.credentials_set_by.get_username() if connection.credentials_set_by else ""
    if manifest.secret_names:
        yield _sign_in("Credential", "source_credentials", (then, now), connection.credentials_set_at, by)
    destination = connection.destination
    if destination and destination.credentials_set_at:
        by = destination.credentials_set_by.get_username() if destination.credentials_set_by else ""
        yield _sign_in(
            "Credential, destination", "destination_credentials", (then, now), destination.credentials_set_at, by
        )


def _sign_in(
    what: str, key: str, runs: tuple[Attempt | None, Attempt | None], stored: datetime | None, by: str
) -> Line:
    times = [_moment(run, key) for run in runs]
    if not all(run and run.ran_with for run in runs):
        note = f"Set{_by(by)}" if stored else "None is stored"
        return Line(what, UNKNOWN, NOT_APPLICABLE, NOT_APPLICABLE, note, at=stored)
    before, after = (_age(at, run) for at, run in zip(times, runs, strict=True))
    is_stored = times[1] is not None and times[1] == stored
    note = f"Set{_by(by) if is_stored else ''}" if times[1] else "None was stored"
    return Line(what, SAME if times[0] == times[1] else CHANGED, before, after, note, at=times[1])


def _by(name: str) -> str:
    return f" by {name}" if name else ""


def _moment(run: Attempt | None, key: str) -> datetime | None:
    recorded = run.ran_with.get(key) if run else None
    return datetime.fromisoformat(recorded) if recorded else None


def _age(at: datetime | None, run: Attempt | None) -> str:
    if at is None or run is None:
        return "none"
    return f"{elapsed_time(at, run.started_at)} old"


def table_lines(good: Job, job: Job, then: Attempt | None, now: Attempt | None) -> Iterable[Line]:
    """Compare which tables were to be copied and how, and which columns they had at the source."""
    plans = [{table["name"]: table for table in run.tables} for run in (good, job)]
    if any(plans):
        yield from _choice_lines(*plans)
        yield from _schema_lines(then.shapes if then else {}, now.shapes if now else {}, wanted=plans[1])


def _choice_lines(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterable[Line]:
    """Compare the tables to copy and how each is written; a run that ended before its plan has none."""
    if not then or not now:
        yield Line("Tables to copy", UNKNOWN, _tables(then), _tables(now), "One of the runs ended before its plan.")
        return
    differences = [
        Line(f"Tables to copy, {name}", CHANGED, _how(then.get(name)), _how(now.get(name)))
        for name in {**then, **now}
        if _how(then.get(name)) != _how(now.get(name))
    ]
    yield from islice(differences, MOST_DIFFERENCES)
    if not differences:
        yield Line("Tables to copy", SAME, _tables(then), _tables(now))


def _tables(tables: Mapping[str, Any]) -> str:
    return counted(len(tables), "table") if tables else NOT_APPLICABLE


def _how(table: Mapping[str, Any] | None) -> str:
    if table is None:
        return "not copied"
    keys = ", ".join(table.get("keys") or ())
    cursor = table.get("cursor") or ""
    told = (table.get("mode", ""), keys and f"by {keys}", cursor and f"from {cursor} on")
    return " ".join(filter(None, told))


def _schema_lines(then: Shapes, now: Shapes, *, wanted: Mapping[str, Any]) -> Iterable[Line]:
    """Compare the columns at the source. Only tables that both runs wanted can tell of a change there."""
    if not then or not now:
        which = "the last good run" if not then else "this run"
        why = "It ended before it had looked." if then else "It was made by a version that did not record them."
        yield Line("Schema at the source", UNKNOWN, _size(then), _size(now), f"No columns of {which} are known. {why}")
        return
    differences = [line for name in then if name in wanted for line in _differences(name, then[name], now.get(name))]
    yield from islice(differences, MOST_DIFFERENCES)
    left = len(differences) - MOST_DIFFERENCES
    if left > 0:
        yield Line("Schema at the source", CHANGED, _size(then), _size(now), f"And {counted(left, 'more difference')}.")
    if not differences:
        yield Line("Schema at the source", SAME, _size(then), _size(now), "The same columns of the same types.")


def _differences(table: str, then: Any, now: Any) -> Iterable[Line]:
    if then == now:
        return
    if now is None:
        yield Line(f"Schema, {table}", CHANGED, _columns(then), "not there", "The table is gone at the source")
    elif not isinstance(then, dict) or not isinstance(now, dict):
        yield Line(f"Schema, {table}", CHANGED, _columns(then), _columns(now), "Its columns differ")
    else:
        for name in {**then, **now}:
            before, after = (str(shape.get(name, NOT_APPLICABLE)) for shape in (then, now))
            if before != after:
                yield Line(f"Schema, {table}.{name}", CHANGED, before, after, _word(before, after), is_mono=True)


def _word(before: str, now: str) -> str:
    if before == NOT_APPLICABLE:
        return "Column added"
    return "Column gone" if now == NOT_APPLICABLE else "Another type"


def _columns(shape: Any) -> str:
    return counted(len(shape), "column") if isinstance(shape, dict) else str(shape)


def _size(shapes: Shapes) -> str:
    if not shapes:
        return NOT_APPLICABLE
    columns = sum(len(shape) for shape in shapes.values() if isinstance(shape, dict))
    return f"{counted(len(shapes), 'table')}, {counted(columns, 'column')}"
