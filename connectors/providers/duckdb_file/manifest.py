"""What a person sees and fills in for a DuckDB file as a source."""

from __future__ import annotations

from connectors.providers.manifest import Advice, Field, Manifest

MANIFEST = Manifest(
    kind="duckdb_file",
    name="DuckDB file",
    tile="Du",
    tile_hue=5,
    category="Database",
    description="Tables and views of a DuckDB file on this machine, below a folder that an admin allowed.",
    auth_method="None",
    integration_type="database",
    fields=(
        Field("file", "File", "Its path, whole or from an allowed folder on: “shop/lake.duckdb”.", names_entity=True),
        Field(
            "schema",
            "Schemas",
            "One, or several with commas between them; “*” takes all. Each syncs on its own.",
            default="main",
            names_entity=True,
            takes_several=True,
        ),
    ),
    entity_word="schema",
    tables_per_entity=True,
    guide=(
        Advice("Let an admin add the file's folder to PATCHBAY_FILE_FOLDERS, and start Patchbay again."),
        Advice(
            "A program that has the file open for writing keeps everybody else out, and Patchbay keeps it out while it "
            "reads. Let it write at other times, or let Patchbay read a copy."
        ),
    ),
)
