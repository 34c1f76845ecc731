"""Which of dlt's own records may go: each load leaves rows behind, a 1-minute schedule some 1,440 a day."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

KEPT_LOADS = 100
# So many more may gather before they are removed together, so that most runs remove nothing.
SPARE_LOADS = 20
VERSIONS, LOADS = "_dlt_version", "_dlt_loads"
# dlt's own tables, and the column of each that names the pipeline, which its schema carries as name too.
RECORDS = {VERSIONS: "schema_name", LOADS: "schema_name", "_dlt_pipeline_state": "pipeline_name"}


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands at a destination before a load: of the wanted tables those with rows, ours and other people's.

    A table without rows is in neither, whoever made it.
    """

    ours: frozenset[str] = frozenset()
    others: tuple[str, ...] = ()


def sorted_by_maker(filled: Iterable[str], schema: str | None) -> Standing:
    """Return the tables `filled` by who made them; `schema` is the pipeline's newest stored one, as JSON, or None."""
    made = tables_of([schema]) if schema else set()
    names = tuple(filled)
    return Standing(frozenset(made & set(names)), tuple(sorted(set(names) - made)))


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
