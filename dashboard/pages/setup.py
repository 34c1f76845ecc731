"""The setup page of a connection, part by part, ready to print."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.forms import BoundField, Form

from connectors.models import Connection, Mode, Table
from connectors.providers.manifest import Field, shown
from connectors.services.changing import version_of
from connectors.services.choose import chosen_facts
from connectors.services.configure import source_facts
from connectors.services.describe import about_facts
from dashboard import formatting
from dashboard.forms.setup import TABLE_ORDER, SourceForm
from dashboard.pages.connection import Subject
from dashboard.pages.keyset import cut

TABLES_PER_PAGE = 200
# Sixths of the width that a field takes; every other one takes a half.
_WIDTHS = {"host": "w4", "path": "w4", "url": "w4", "number": "w2", "files": "", "names": ""}


@dataclass(frozen=True, slots=True)
class Asked:
    """One field of the manifest: its control, its width, and whether a stored secret stands behind it.

    `instead` says in words by what an end user signed in, where that is stored in the place of the field.
    """

    control: BoundField
    width: str
    is_stored: bool = False
    instead: str = ""
    only_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourcePart:
    """How to sign in. `stored_at` and `stored_by` tell of the credentials; `rows` are for who may only look."""

    plain: tuple[Asked, ...]
    secret: tuple[Asked, ...]
    rows: tuple[tuple[str, str], ...]
    seen: str
    provider: str
    auth_method: str
    stored_at: datetime | None
    stored_by: str
    tested_at: datetime | None


@dataclass(frozen=True, slots=True)
class TableLine:
    """A table: where it is, how discovery says it can be copied, and whether it is."""

    pk: UUID
    name: str
    schema: str
    how: str
    rows: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class ProductLine:
    """A product: its tables, and how many of them are copied."""

    name: str
    label: str
    tables: str
    state: str
    is_on: bool
    is_known: bool


@dataclass(frozen=True, slots=True)
class TablesPart:
    """What is copied. `shown` says which of how many; the cursors are empty at the ends."""

    lines: tuple[TableLine, ...]
    products: tuple[ProductLine, ...]
    text: str
    chosen: int
    total: int
    shown: str
    before: str
    after: str
    seen: str


@dataclass(frozen=True, slots=True)
class AboutPart:
    """What people tell each other."""

    rows: tuple[tuple[str, str], ...]
    runbook: str
    seen: str


def source_of(subject: Subject, form: SourceForm) -> SourcePart:
    """Prepare the settings and the credentials, with what was typed in `form`."""
    connection, manifest = subject.connection, subject.provider
    by = connection.credentials_set_by
    is_stored = connection.credentials_set_at is not None
    config = connection.config
    instead = manifest.signed_in_by(config) if is_stored else ""
    return SourcePart(
        plain=tuple(_asked(form, one) for one in manifest.fields if not one.is_secret and one.type != "declaration"),
        secret=tuple(
            _asked(form, one, is_stored=is_stored, instead=instead) for one in manifest.fields if one.is_secret
        ),
        rows=tuple(
            (one.label, shown(one, config.get(one.name) or one.default)) for one in manifest.fields if not one.is_secret
        ),
        seen=version_of(source_facts(connection)),
        provider=manifest.name,
        auth_method=instead or manifest.auth_method,
        stored_at=connection.credentials_set_at,
        stored_by=by.get_username() if by else "",
        tested_at=connection.tested_at,
    )


def tables_of(
    subject: Subject,
    *,
    text: str = "",
    after: str = "",
    before: str = "",
    typed: Mapping[str, Collection[UUID]] | None = None,
) -> TablesPart:
    """Prepare the tables whose name holds `text`, a page of them, with what was `typed` in a form that came back.

    Raises `ValueError` for a cursor that is none.
    """
    tables = subject.connection.tables.for_list()
    found = tables.filter(name__icontains=text) if text else tables
    page = cut(found, TABLE_ORDER, size=TABLES_PER_PAGE, after=after, before=before)
    states = list(tables.values_list("product", "is_selected"))
    return TablesPart(
        lines=tuple(_line(one, typed) for one in page.rows),
        products=tuple(_products(subject, states)),
        text=text,
        chosen=sum(is_chosen for _, is_chosen in states),
        total=len(states),
        shown=f"{page.first} to {page.last} of {formatting.number(page.total)}" if page.rows else "",
        before=page.before,
        after=page.after,
        seen=version_of(chosen_facts(subject.connection)),
    )


def about_of(connection: Connection) -> AboutPart:
    """Prepare what people tell each other."""
    known = about_facts(connection)
    labels = {
        "name": "Name",
        "owner": "Owner",
        "tags": "Tags",
        "credentials end": "Credentials end on",
        "description": "Description",
    }
    return AboutPart(
        rows=tuple((label, known[name]) for name, label in labels.items()),
        runbook=connection.runbook_url,
        seen=version_of(known),
    )


def _asked(form: Form, field: Field, *, is_stored: bool = False, instead: str = "") -> Asked:
    return Asked(form[field.name], _WIDTHS.get(field.type, "w3"), is_stored, instead, field.only_for)


def _line(table: Table, typed: Mapping[str, Collection[UUID]] | None) -> TableLine:
    keys = ", ".join(table.keys)
    how = {
        Mode.MERGE: f"Merge by {keys}" + (f", cursor {table.cursor}" if table.cursor else ""),
        Mode.APPEND: f"Append by cursor {table.cursor}",
    }
    return TableLine(
        pk=table.pk,
        name=table.name,
        schema=table.source_schema,
        how=how.get(Mode(table.mode), "Full replace"),
        rows="" if table.estimated_rows is None else formatting.number(table.estimated_rows),
        is_chosen=table.pk in typed["chosen"] if typed and table.pk in typed["shown"] else table.is_selected,
    )


def _products(subject: Subject, states: Sequence[tuple[str, bool]]) -> Iterable[ProductLine]:
    for product in subject.provider.products:
        known = [is_chosen for name, is_chosen in states if name == product.name]
        chosen = sum(known)
        words = {0: "off", len(known): "on"} if known else {0: "not found at the source"}
        yield ProductLine(
            name=product.name,
            label=product.label,
            tables=", ".join(product.tables),
            state=words.get(chosen, f"{chosen} of {len(known)} tables"),
            is_on=chosen > 0,
            is_known=bool(known),
        )
