"""What the steps of a new connection show: where one is, the fields to fill in, the tables that were found."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from uuid import UUID

from django.forms import BoundField
from django.urls import reverse

from connectors.destinations import registry as destinations
from connectors.models import Connection, Destination, SetupStep, Table
from connectors.providers import registry as providers
from connectors.providers.manifest import Field, Manifest, Product
from connectors.setup_steps import STEPS, is_open, waiting_step
from dashboard import formatting
from dashboard.forms.wizard import ConfigureForm
from dashboard.pages.job import JobPage, page_of
from dashboard.pages.setup_link import step_href
from jobs.models import Job, JobStatus, JobType

# What the name of a group begins with that is a schema, and no product.
OF_SCHEMA = "schema:"
# The share of a row that a setting takes, in sixths.
_SPANS = {
    "host": "w4", "path": "w4", "number": "w2", "text": "w2", "password": "w3", "choice": "w3", "url": "", "names": "",
    "files": "",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class StepLink:
    """A step in the line of steps. `state` is "done", "now" or empty; without `href` it cannot be opened yet."""

    number: int
    label: str
    href: str
    state: str


@dataclass(frozen=True, slots=True)
class Control:
    """One setting of the form: its field, the width that it takes, and the choice that it depends on, if any."""

    field: BoundField
    span: str
    only_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DestinationRow:
    """A destination to choose from."""

    pk: UUID
    name: str
    kind: str
    place: str
    tile: str
    hue: int
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class TableRow:
    """A table to tick: how it is copied, what tells its changes, and about how many rows it has."""

    pk: UUID
    name: str
    how: str
    cursor: str
    rows: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class TableGroup:
    """The tables of one product, or of one schema of several, or all (then the name is empty).

    `key` tells groups apart in the page, whatever a schema is called.
    """

    key: str
    name: str
    label: str
    rows: tuple[TableRow, ...]


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of the step. `hidden` are ticked ones that the search leaves out."""

    groups: tuple[TableGroup, ...]
    hidden: tuple[UUID, ...]
    chosen: int
    total: int
    shown: int
    scope: str


def steps_of(connection: Connection | None, now: SetupStep | None) -> tuple[StepLink, ...]:
    """Return the line of steps; before a connection there is the choice of a provider, then the first step."""
    first = StepLink(1, "Provider", "" if connection else reverse("connections:new"), "done" if now else "now")
    return (first, *(_step(number, step, connection, now) for number, step in enumerate(STEPS, start=2)))


def _step(number: int, step: SetupStep, connection: Connection | None, now: SetupStep | None) -> StepLink:
    reached = connection is not None and is_open(step, connection)
    is_done = reached and connection is not None and step != waiting_step(connection)
    href = step_href(connection, step) if connection and reached and step != now else ""
    return StepLink(number, str(step.label), href, "now" if step == now else "done" if is_done else "")


def controls_of(form: ConfigureForm) -> tuple[Control, ...]:
    """Return the settings of the form in their order; a declaration has an editor of its own."""
    plain = (one for one in form.manifest.fields if one.type != "declaration")
    return tuple(Control(form[one.name], _SPANS[_shape(one)], one.only_for) for one in plain)


def _shape(field: Field) -> str:
    return "password" if field.is_secret else field.type


def destinations_of(form: ConfigureForm, known: Sequence[Destination]) -> tuple[DestinationRow, ...]:
    """Return the destinations to choose from; the only one is chosen already."""
    typed = str(form["destination_id"].value() or "")
    chosen = typed or (str(known[0].pk) if len(known) == 1 and not form.is_bound else "")
    return tuple(_destination(one, is_chosen=str(one.pk) == chosen) for one in known)


def _destination(one: Destination, *, is_chosen: bool) -> DestinationRow:
    manifest = destinations.manifest(one.kind)
    place = str(one.config.get("database") or one.config.get("file") or "")
    return DestinationRow(one.pk, one.name, manifest.name, place, manifest.tile, manifest.tile_hue, is_chosen)


def newest_job(connection: Connection, job_type: JobType, now: datetime, zone: tzinfo) -> JobPage | None:
    """Return the newest test or discovery of a connection, ready to show; None before there was one."""
    found = Job.objects.for_page().filter(connection=connection, type=job_type).newest_first().first()
    if found is None:
        return None
    return page_of(
        found, list(found.attempts.order_by("number")), list(found.steps.order_by("number")), now=now, zone=zone
    )


def is_live(page: JobPage | None) -> bool:
    """Whether a job is still to be waited for."""
    return page is not None and not page.job.is_over


def is_failed(page: JobPage | None) -> bool:
    """Whether a job ended badly, or was stopped."""
    return page is not None and page.job.status in {JobStatus.FAILED, JobStatus.CANCELLED}


def tables_of(connection: Connection, chosen: Collection[UUID], q: str) -> Tables:
    """Return the tables that were found, those whose name holds `q` shown. Two queries."""
    known = list(connection.tables.order_by("source_schema", "name"))
    shown = [table for table in known if q.casefold() in table.name.casefold()]
    hidden = {table.pk for table in known} - {table.pk for table in shown}
    manifest = providers.manifest(connection.provider)
    entities = connection.entities.selected().count()
    return Tables(
        groups=tuple(_groups(manifest, shown, chosen)),
        hidden=tuple(pk for pk in chosen if pk in hidden),
        chosen=sum(table.pk in chosen for table in known),
        total=len(known),
        shown=len(shown),
        scope=manifest.entities_in_words(entities) if entities > 1 and not manifest.tables_per_entity else "",
    )


def _groups(manifest: Manifest, tables: Sequence[Table], chosen: Collection[UUID]) -> Iterator[TableGroup]:
    """Give the tables by product, or by schema where there are several."""
    schemas = list(dict.fromkeys(table.source_schema for table in tables))
    if len(schemas) > 1 and not manifest.products:
        for number, schema in enumerate(schemas):
            own = [table for table in tables if table.source_schema == schema]
            rows = tuple(_table(one, chosen) for one in own)
            yield TableGroup(f"schema-{number}", f"{OF_SCHEMA}{schema}", schema, rows)
        return
    known = {product.name for product in manifest.products}
    products = (*manifest.products, Product("", "Other tables" if known else "", ()))
    for product in products:
        own = [table for table in tables if (table.product if table.product in known else "") == product.name]
        if own:
            yield TableGroup(product.name, product.name, product.label, tuple(_table(one, chosen) for one in own))


def _table(table: Table, chosen: Collection[UUID]) -> TableRow:
    how = {"merge": f"Merge by {', '.join(table.keys)}", "append": "Append by cursor"}
    is_incremental = table.mode in how
    return TableRow(
        pk=table.pk,
        name=table.name,
        how=how.get(table.mode, "Full replace"),
        cursor=table.cursor if is_incremental and table.cursor else formatting.NOT_APPLICABLE,
        rows=formatting.number(table.estimated_rows),
        is_chosen=table.pk in chosen,
    )
