"""What a page may show of loaded tables: never more than it should, and nothing of dlt's own."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from connectors.destinations import previews, registry
from connectors.plan import SyncError
from tests.connectors.recorder import Route, table

NOTES = table("notes", "id")


@pytest.mark.parametrize(("kind", "types"), [("to_postgres", ("integer", "text")), ("to_duck", ("INTEGER", "VARCHAR"))])
def test_loaded_tables_are_listed_and_their_first_rows_shown(
    source_db: psycopg.Connection[Any], kind: str, types: tuple[str, str], request: pytest.FixtureRequest
) -> None:
    route: Route = request.getfixturevalue(kind)
    source_db.execute("CREATE TABLE notes (id int PRIMARY KEY, text text)")
    source_db.execute("INSERT INTO notes VALUES (1, NULL), (2, ''), (3, repeat('ß', 1000)), (4, 'end')")
    destination = registry.destination(route.destination.kind)
    assert destination.list_loaded(route.destination, route.dataset) == ()

    route.sync(NOTES)
    (loaded,) = destination.list_loaded(route.destination, route.dataset)
    shown = destination.preview(route.destination, route.dataset, "notes", 3)

    columns = (("id", types[0]), ("text", types[1]))
    assert (loaded.name, loaded.rows, loaded.columns, loaded.is_exact) == ("notes", 4, columns, True)
    assert (shown.columns, shown.is_cut) == (columns, True)
    assert shown.rows == (("1", None), ("2", ""), ("3", "ß" * (previews.MOST_CHARACTERS - 1) + "…"))
    for other in ("ghosts", '"; DROP TABLE notes; --'):
        with pytest.raises(SyncError) as caught:
            destination.preview(route.destination, route.dataset, other, 3)
        assert caught.value.code == "misconfigured"


def test_a_wide_table_shows_so_many_columns() -> None:
    columns = [(f"c{number}", "text") for number in range(previews.MOST_COLUMNS + 1)]

    shown = previews.made(columns, [["x"] * previews.MOST_COLUMNS])

    assert (len(shown.columns), len(shown.rows[0]), shown.is_cut) == (
        previews.MOST_COLUMNS,
        previews.MOST_COLUMNS,
        True,
    )
