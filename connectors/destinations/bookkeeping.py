"""Which of dlt's own records may go: each load leaves rows behind, a 1-minute schedule some 1,440 a day."""

from __future__ import annotations

KEPT_LOADS = 100


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
