"""Which of dlt's own records may go: each load leaves rows behind, a 1-minute schedule some 1,440 a day."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

KEPT_LOADS = 100
# So many more may gather before they are removed together, so that most runs remove nothing.
SPARE_LOADS = 20
VERSIONS, LOADS = "_dlt_version", "_dlt_loads"
# dlt's own tables, and the column of each that names the pipeline, which its schema carries as name too.
RECORDS = {VERSIONS: "schema_name", LOADS: "schema_name", "_dlt_pipeline_state": "pipeline_name"}
# Our own ledger of what was appended (`connectors.engine.append`), and everything that a purge takes a pipeline out of.
APPENDS = "_dlt_patchbay_appends"
ALL_RECORDS = {**RECORDS, APPENDS: "pipeline_name"}


@dataclass(frozen=True, slots=True)
class Mark:
    """The last run whose rows were appended to a table, and the cursor that it reached in the column of this name."""

    name: str
    column: str
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands at a destination before a load: of the wanted tables those with rows, ours and other people's.

    A table without rows is in neither, whoever made it. `marks` are those of tables that were ever appended to.
    """

    ours: frozenset[str] = frozenset()
    others: tuple[str, ...] = ()
    marks: Mapping[str, Mark] = field(default_factory=dict)


def sorted_by_maker(filled: Iterable[str], schema: str | None, marks: Mapping[str, Mark] | None = None) -> Standing:
    """Return the tables `filled` by who made them; `schema` is the pipeline's newest stored one, as JSON, or None."""
    made = tables_of([schema]) if schema else set()
    names = tuple(filled)
    return Standing(frozenset(made & set(names)), tuple(sorted(set(names) - made)), marks or {})


def marks_query(ledger: str, placeholder: str) -> str:
    """Return the query for `marks_of`, with the pipeline's name as its value; `ledger` is the quoted table."""
    columns = "table_name, mark, cursor_column, cursor_value"
    return f"SELECT {columns} FROM {ledger} WHERE pipeline_name = {placeholder} AND mark <> ''"  # noqa: S608 - as below


def marks_of(rows: Iterable[tuple[object, ...]]) -> dict[str, Mark]:
    """Return what the ledger says of each table."""
    return {str(name): Mark(str(mark), str(of), None if at is None else str(at)) for name, mark, of, at in rows}


def statements(qualified: str, placeholder: str) -> tuple[str, str]:
    """Return two DELETEs, for `_dlt_pipeline_state` and `_dlt_loads`, with the pipeline's name twice each as values.

    `qualified` is the quoted dataset with a dot. The newest states stay, and every load that a state belongs to:
    dlt restores the cursor by joining the two (`Pipeline.sync_destination`).
    """
    state, loads = f'{qualified}"_dlt_pipeline_state"', f'{qualified}"_dlt_loads"'
    old_states = f"""
        DELETE FROM {state} WHERE pipeline_name = {placeholder}
            AND version < (SELECT max(version) FROM {state} WHERE pipeline_name = {placeholder}) - {KEPT_LOADS}
    """  # noqa: S608 - names are quoted by the caller, values are placeholders
    old_loads = f"""
        DELETE FROM {loads} WHERE schema_name = {placeholder}
            AND load_id NOT IN (
                SELECT load_id FROM {loads} WHERE schema_name = {placeholder} ORDER BY load_id DESC LIMIT {KEPT_LOADS}
            )
            AND load_id NOT IN (SELECT _dlt_load_id FROM {state})
    """  # noqa: S608 - as above
    return old_states, old_loads


def staging_of(pipeline: str) -> str:
    """Return the dataset in which the rows of a pipeline gather before they take the place of the old ones."""
    return f"{pipeline}_staging"


def tables_of(schemas: Iterable[str]) -> set[str]:
    """Return the tables that the stored versions of a pipeline's schema name, dlt's own left out."""
    named = {name for schema in schemas for name in json.loads(schema)["tables"]}
    return {name for name in named if not name.startswith("_dlt_")}
