"""Stores what a source has now, and what of it differs from what was agreed on, which waits or the policy accepts.

Nothing at the destination is touched here. Only tables that are copied can differ; what nobody copies is just noted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from connectors.models import ChangeKind, ChangeStatus, Connection, SchemaChange, SchemaPolicy, Table
from connectors.plan import FoundTable
from connectors.providers import registry
from connectors.schema_differences import Difference, differences
from connectors.services import facts
from connectors.services.agree import agree
from connectors.services.storing import store_all

_TEXT_LENGTH = 400
_OF_A_LOOK = (
    "found", "found_count", "found_at", "source_keys", "agreed", "estimated_rows", "gone_at", "is_selected", "columns",
    "keys", "mode", "protected", "generation", "reload_at",
)  # fmt: skip
ACCEPTED_BY: Mapping[str, Collection[str]] = {
    SchemaPolicy.ACCEPT_ALL: frozenset(ChangeKind.values),
    SchemaPolicy.ACCEPT_COLUMNS: frozenset({ChangeKind.COLUMN_ADDED}),
}


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a source came to: how many differences are new and wait, and how many the policy accepted."""

    waiting: int = 0
    accepted: int = 0


@transaction.atomic
def observe_tables(
    *, connection: Connection, found: Sequence[FoundTable], scope: Collection[str], now: datetime | None = None
) -> Look:
    """Store that `found` are all tables which the source has in the schemas `scope`, and return what differs.

    Of a connection without tables, or one that is being set up, everything is agreed on at once. A connection that was
    deleted meanwhile stays as it is.
    """
    locked = facts.lock(connection.pk)
    if locked.deleted_at is not None:
        return Look()
    now = now or timezone.now()
    known = {(one.source_schema, one.name): one for one in locked.tables.select_for_update()}
    is_first = not known or bool(locked.setup_step)
    seen = {(one.source_schema, one.name): one for one in found}
    new = [_new_table(locked, one, now, is_selected=is_first) for key, one in seen.items() if key not in known]
    Table.objects.bulk_create(new, batch_size=1000)
    watch = _Watch(locked, now)
    changed = [known[key] for key, one in seen.items() if key in known and watch.seen(known[key], one)]
    for table in [] if is_first else new:
        watch.compare(table, [Difference(ChangeKind.TABLE_ADDED)])
    places = {"", *scope, *(schema for schema, _ in seen)}
    missing = [table for key, table in known.items() if key not in seen and table.source_schema in places]
    if watch.is_shared:
        missing = []
    changed += [table for table in missing if watch.missed(table)]
    # A new one is stored already, unless the policy lets it be copied.
    watch.store([*changed, *(table for table in new if table.is_selected and not is_first)])
    locked.schema_read_at = now
    locked.save(update_fields=["schema_read_at"])
    return watch.finish()


@transaction.atomic
def observe_columns(*, table: Table, columns: Mapping[str, str]) -> Look:
    """Store which columns a run found in one table, and return what differs. Its key is left as it is known."""
    locked = facts.lock(table.connection_id)
    stored = Table.objects.select_for_update().filter(pk=table.pk).first()
    if stored is None or locked.deleted_at is not None:
        return Look()
    watch = _Watch(locked, timezone.now())
    found = FoundTable(
        name=stored.name,
        keys=tuple(stored.source_keys if stored.found_at else stored.keys),
        columns=tuple(columns.items()),
    )
    if watch.seen(stored, found, is_key_known=False):
        watch.store([stored])
    return watch.finish()


def count_pending(connection: Connection) -> None:
    """Store how many differences of a locked connection wait, and derive its status anew where that is another one."""
    waiting = connection.schema_changes.pending().count()
    if waiting != connection.pending_changes:
        connection.pending_changes = waiting
        connection.save(update_fields=["pending_changes"])
        facts.refresh(connection)


def settle(tables: Sequence[Table], connection: Connection, actor: User | None) -> None:
    """Take over, for a locked connection, that a person chose whether `tables` are copied: that decides about them.

    A new one that is chosen is accepted; of one that nobody copies nothing is left to decide.
    """
    dropped = [table.pk for table in tables if not table.is_selected]
    connection.schema_changes.in_force().filter(table__in=dropped).exclude(kind=ChangeKind.TABLE_ADDED).delete()
    chosen = {table.pk: table for table in tables if table.is_selected}
    new = list(connection.schema_changes.in_force().filter(table__in=chosen, kind=ChangeKind.TABLE_ADDED))
    now = timezone.now()
    for change in new:
        agree(chosen[change.table_id], change, now=now, actor=actor)
    store_all(new, ["status", "decided_by", "decided_at", "effect"])
    store_all([chosen[change.table_id] for change in new], ["agreed"])
    count_pending(connection)


class _Watch:
    """One look at the tables of a locked connection: compares, decides by the policy, and stores."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection, self._now = connection, now
        self._accepts = ACCEPTED_BY.get(connection.schema_policy, frozenset())
        self._known: dict[object, list[SchemaChange]] = {}
        for change in connection.schema_changes.in_force():
            self._known.setdefault(change.table_id, []).append(change)
        self._made: list[SchemaChange] = []
        self._over: list[SchemaChange] = []
        self._look = Look()
        # Several entities have the same tables, but not each need have all of them, nor all columns: what one of them
        # lacks, another one may have.
        is_own = registry.manifest(connection.provider).tables_per_entity
        self.is_shared = not is_own and connection.entities.selected()[1:2].exists()

    def seen(self, table: Table, found: FoundTable, *, is_key_known: bool = True) -> bool:
        """Take over what the source has of a table, and return whether anything of it is to be stored."""
        before = _stored(table)
        is_back = table.gone_at is not None and not table.is_selected
        is_unknown = table.found_at is None or not table.agreed
        columns = [list(map(str, pair)) for pair in found.columns]
        keys = list(found.keys)
        if self.is_shared:
            there = {name for name, _ in columns}
            columns += [pair for pair in table.found if pair[0] not in there] if columns else []
        # A list that tells no columns says nothing about them.
        if columns:
            table.found, table.found_count, table.found_at = columns, len(columns), self._now
        if found.estimated_rows is not None:
            table.estimated_rows = found.estimated_rows
        table.gone_at = None
        if is_unknown or not table.is_selected:
            table.agreed = table.found
            table.source_keys = keys if is_key_known or table.found_at is None else table.source_keys
            kept = [Difference(ChangeKind.TABLE_ADDED)] if is_back or self._is_new(table) else []
            self.compare(table, kept)
        else:
            keys = keys if is_key_known else table.source_keys
            self.compare(
                table,
                differences(agreed=table.agreed, found=table.found, agreed_keys=table.source_keys, keys=keys),
                is_key_known=is_key_known,
            )
        return _stored(table) != before

    def missed(self, table: Table) -> bool:
        """Take over that the source has a table no more, and return whether anything of it is to be stored."""
        is_news = table.gone_at is None
        was_copied = table.is_selected
        table.gone_at = table.gone_at or self._now
        self.compare(table, [Difference(ChangeKind.TABLE_DROPPED)] if table.is_selected else [])
        return is_news or table.is_selected != was_copied

    def compare(self, table: Table, found: Iterable[Difference], *, is_key_known: bool = True) -> None:
        """Make a change of each difference that has none; those whose difference is gone go with it."""
        known = {(one.kind, one.column): one for one in self._known.get(table.pk, ())}
        for difference in found:
            stored = known.pop((difference.kind, _cut(difference.column)), None)
            self._take(table, difference, stored)
        self._over += [one for one in known.values() if is_key_known or one.kind != ChangeKind.KEY_CHANGED]

    def store(self, tables: Sequence[Table]) -> None:
        """Write the tables that changed."""
        store_all(tables, _OF_A_LOOK)

    def finish(self) -> Look:
        """Write the changes, and return what they are."""
        SchemaChange.objects.filter(pk__in=[one.pk for one in self._over]).delete()
        store_all(self._made, ["before", "after", "status", "found_at", "decided_by", "decided_at", "effect"])
        count_pending(self._connection)
        if self._look.accepted:
            facts.refresh(self._connection)
        return self._look

    def _is_new(self, table: Table) -> bool:
        """Whether a table that nobody copies waits for a decision, or was left out as one."""
        return any(one.kind == ChangeKind.TABLE_ADDED for one in self._known.get(table.pk, ()))

    def _take(self, table: Table, difference: Difference, stored: SchemaChange | None) -> None:
        before, after = _cut(difference.before), _cut(difference.after)
        if stored and (stored.before, stored.after) == (before, after):
            return
        change = stored or SchemaChange(
            connection=self._connection, table=table, kind=difference.kind, column=_cut(difference.column)
        )
        change.before, change.after, change.found_at = before, after, self._now
        change.status, change.decided_by, change.decided_at, change.effect = ChangeStatus.PENDING, None, None, ""
        if difference.kind in self._accepts:
            agree(table, change, now=self._now)
            self._look = Look(self._look.waiting, self._look.accepted + 1)
        else:
            self._look = Look(self._look.waiting + 1, self._look.accepted)
        self._made.append(change)


def _stored(table: Table) -> dict[str, object]:
    """Return what of a look is worth a write: not that nothing has changed since the last one."""
    seen = {name: getattr(table, name) for name in _OF_A_LOOK}
    return {**seen, "found_at": table.found_at is None}


def _new_table(connection: Connection, found: FoundTable, now: datetime, *, is_selected: bool) -> Table:
    columns = [list(map(str, pair)) for pair in found.columns]
    return Table(
        connection=connection,
        name=found.name,
        source_schema=found.source_schema,
        product=found.product,
        mode=found.mode,
        keys=list(found.keys),
        cursor=found.cursor,
        estimated_rows=found.estimated_rows,
        is_selected=is_selected,
        found=columns,
        found_count=len(columns) or None,
        found_at=now if columns else None,
        source_keys=list(found.keys),
        agreed=columns,
    )


def _cut(text: str) -> str:
    return text[:_TEXT_LENGTH]
