"""What an open list of connections asks again and again, and what it is told: changed cells, and how much it misses.

Rows are never added, moved or taken away under somebody's hand. What a fresh page would show differently is counted.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from connectors.models import Connection
from dashboard.forms.connections import Criteria
from dashboard.pages.connection_filters import ORDERS, matching
from dashboard.pages.connection_rows import Clock, Row, fingerprint, rows_of
from dashboard.pages.connection_summary import Summary, summary
from dashboard.pages.keyset import keys_of

PAGE_SIZE = 50
# Seconds between two looks: while something runs, and while nothing does. What one person does another one sees
# within five seconds; an answer without news is a 304.
_BUSY, _IDLE = 2, 4
# What `Poll.seen` names beside the rows: the head, and the number of changes told.
_OTHER_PARTS = 2


@dataclass(frozen=True, slots=True)
class Poll:
    """What an open page asks again, and what has changed since it asked last.

    `seen` names the parts on the page with their versions: the head, the changes told, then each row. It goes to the
    browser and comes back with the next question, so an answer holds the changed parts only; `version` stands for
    all of it. `gone` names rows that were deleted since. `changes` counts the rows that a fresh page would add, move or
    leave out.
    """

    address: str
    seen: str
    version: str
    seconds: int
    rows: tuple[Row, ...]
    gone: tuple[str, ...]
    summary: Summary
    is_summary_new: bool
    changes: int = 0
    is_change_new: bool = False


def poll_of(
    criteria: Criteria,
    rows: Sequence[Row],
    head: Summary,
    *,
    seen: str = "",
    gone: Sequence[UUID] = (),
    changes: int = 0,
) -> Poll:
    """Return the poll of a page that shows `rows`, and what is new to a page that has `seen` some of it.

    `gone` are the rows that it shows although they were deleted.
    """
    before = set(seen.split(","))
    named = [(row, f"{row.id}.{row.version}") for row in rows]
    deleted = [(pk.hex, f"{pk.hex}.gone") for pk in gone]
    other = [f"head.{fingerprint(head)}", f"told.{changes}"]
    versions = [*other, *(version for _, version in named), *(version for _, version in deleted)]
    is_busy = head.is_busy or any(row.live.activity for row in rows)
    return Poll(
        address=criteria.address(),
        seen=",".join(versions),
        version=fingerprint(versions),
        seconds=_BUSY if is_busy else _IDLE,
        rows=tuple(row for row, version in named if version not in before),
        gone=tuple(pk for pk, version in deleted if version not in before),
        summary=head,
        is_summary_new=other[0] not in before,
        changes=changes,
        is_change_new=other[1] not in before,
    )


def refreshed(criteria: Criteria, seen: str, clock: Clock) -> Poll:
    """Return what changed on the open page of `criteria`, whose parts are named in `seen`."""
    shown = _ids(seen)
    found = Connection.objects.for_list(clock.now).in_bulk(shown)
    rows = rows_of([found[pk] for pk in shown if pk in found], clock)
    gone = [pk for pk in shown if pk not in found]
    try:
        changes = _changes(criteria, shown, clock)
    except ValueError:
        # A page whose address names no place shows the start of the list.
        criteria = criteria.first_page()
        changes = _changes(criteria, shown, clock)
    return poll_of(criteria, rows, summary(clock), seen=seen, gone=gone, changes=changes)


def _ids(seen: str) -> list[UUID]:
    """Read the ids out of `Poll.seen`; what is not an id is left out, and no more than one page is read."""
    ids = []
    for part in seen.split(",")[: PAGE_SIZE + _OTHER_PARTS]:
        try:
            ids.append(UUID(part.partition(".")[0]))
        except ValueError:
            continue
    return ids[:PAGE_SIZE]


def _changes(criteria: Criteria, shown: Sequence[UUID], clock: Clock) -> int:
    """Count the rows that left the list, came into this page of it, or changed their place on it: two queries."""
    kept = matching(criteria, clock.now)
    place = {"after": criteria.after, "before": criteria.before}
    fresh = keys_of(kept.with_sort_keys(clock.now), ORDERS[criteria.sort], size=PAGE_SIZE, **place)
    gone = len(shown) - kept.filter(pk__in=shown).count()
    old = {pk: place for place, pk in enumerate(shown)}
    return gone + _arrived(fresh, old, gone) + _moved([old[pk] for pk in fresh if pk in old])


def _arrived(fresh: Sequence[UUID], old: Mapping[UUID, int], gone: int) -> int:
    """Count the new rows of a page; those that only fill up its end, as others have left, are no news."""
    new = [place for place, pk in enumerate(fresh) if pk not in old]
    last_old = max((place for place, pk in enumerate(fresh) if pk in old), default=-1)
    if len(old) < PAGE_SIZE or last_old < 0:
        return len(new)
    amid = sum(place < last_old for place in new)
    return max(amid, len(new) - gone)


def _moved(places: Sequence[int]) -> int:
    """Count the rows that must move to turn one order into the other: all but the longest run that still ascends."""
    ends: list[int] = []
    for place in places:
        at = bisect_left(ends, place)
        ends[at : at + 1] = [place]
    return len(places) - len(ends)
