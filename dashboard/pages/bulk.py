"""The page of a bulk action: how far it is, and what was not done, why, and what to do about each."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count
from django.urls import reverse

from connectors.models import Connection
from connectors.providers import registry as providers
from dashboard import formatting
from dashboard.pages.next_steps import Way, way_out
from jobs.models import Bulk, BulkAction, BulkItem, BulkItemQuerySet, ItemStatus, Queue
from jobs.services.presence import slots_by_queue

# Rows of one page of the report.
SHOWN = 100
# What was done at each, in a word.
_DONE = {
    BulkAction.SYNC: "started",
    BulkAction.TEST: "started",
    BulkAction.PAUSE: "paused",
    BulkAction.RESUME: "resumed",
    BulkAction.TAG: "tagged",
    BulkAction.UNTAG: "changed",
    BulkAction.DELETE: "deleted",
    BulkAction.RETRY: "started",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One connection of the report. A refused one has a sentence, its code and the next step."""

    name: str
    tile: str
    hue: int
    href: str
    told: str = ""
    code: str = ""
    way: Way | None = None
    job_href: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All that the page shows. `good` and `idle` are the widths of the bar's two parts.

    `done` are the newest of those that worked, `refused` one page of the others; `report` is what is copied.
    """

    title: str
    sub: str
    label: str
    good: str
    idle: str
    word: str
    is_over: bool
    done_count: int
    refused_count: int
    done: tuple[Line, ...]
    refused: tuple[Line, ...]
    next_url: str
    back: str
    report: str


def report_of(bulk: Bulk, *, after: int = 0) -> Report:
    """Prepare the page; `after` is the number of the last refused row of the page before. Four queries at most."""
    counts = dict(bulk.items.values_list("status").annotate(Count("pk")).order_by())
    done, refused = counts.get(ItemStatus.DONE, 0), counts.get(ItemStatus.REFUSED, 0)
    word = _DONE[BulkAction(bulk.action)]
    rows = list(_items(bulk, ItemStatus.REFUSED).filter(number__gt=after)[: SHOWN + 1])
    refused_lines = tuple(_refused(item) for item in rows[:SHOWN])
    title = _title(bulk, done, refused, word)
    query = bulk.options.get("query", "")
    start = reverse("jobs:list" if bulk.action == BulkAction.RETRY else "connections:list")
    return Report(
        title=title,
        sub=_sub(bulk, done),
        label=f"{done} {word}, {refused} not {word}, {bulk.total - done - refused} to come",
        good=formatting.width_class(done, bulk.total),
        idle=formatting.width_class(refused, bulk.total),
        word=word,
        is_over=bulk.ended_at is not None,
        done_count=done,
        refused_count=refused,
        done=tuple(_line(item) for item in _items(bulk, ItemStatus.DONE)[:SHOWN]),
        refused=refused_lines,
        next_url=f"{bulk.get_absolute_url()}?after={rows[SHOWN - 1].number}" if len(rows) > SHOWN else "",
        back=f"{start}?{query}" if query else start,
        report="\n".join([title, *(f"{line.name}: {line.told} ({line.code})" for line in refused_lines)]),
    )


def _items(bulk: Bulk, status: ItemStatus) -> BulkItemQuerySet:
    named = ("bulk_id", "number", "told", "code", "job_id", "connection__name", "connection__provider")
    return (
        BulkItem.objects.filter(bulk=bulk, status=status).select_related("connection").only(*named).order_by("number")
    )


def _title(bulk: Bulk, done: int, refused: int, word: str) -> str:
    action = bulk.get_action_display()
    tag = f" “{bulk.options['tag']}”" if "tag" in bulk.options else ""
    if bulk.ended_at is None:
        return f"{action}{tag}: {formatting.number(done + refused)} of {formatting.number(bulk.total)} looked at"
    return f"{action}{tag}: {formatting.number(done)} of {formatting.number(bulk.total)} {word}"


def _sub(bulk: Bulk, done: int) -> str:
    if bulk.ended_at is None:
        if Queue.SYSTEM not in slots_by_queue():
            return "It waits: no worker of the queue system is alive. It goes on by itself once one is."
        return "It goes on by itself; this page may be closed."
    if bulk.action in {BulkAction.SYNC, BulkAction.TEST, BulkAction.RETRY} and done:
        return "The jobs wait for a worker or are in progress." if done > 1 else "The job waits or is in progress."
    return ""


def _refused(item: BulkItem) -> Line:
    connection = item.connection
    return _line(item, told=item.told, code=item.code, way=way_out(connection.pk, item.code, item.job_id))


def _line(item: BulkItem, *, told: str = "", code: str = "", way: Way | None = None) -> Line:
    connection: Connection = item.connection
    provider = providers.manifest(connection.provider)
    return Line(
        name=connection.name,
        tile=provider.tile,
        hue=provider.tile_hue,
        href=connection.get_absolute_url(),
        told=told,
        code=code,
        way=way,
        job_href=reverse("jobs:detail", args=[item.job_id]) if item.job_id and not code else "",
    )
