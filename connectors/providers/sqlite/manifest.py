"""What a person sees and fills in for a SQLite source."""

from __future__ import annotations

from connectors.providers.manifest import Advice, Field, Manifest

DECLARED, TEXT = "declared", "text"

MANIFEST = Manifest(
    kind="sqlite",
    name="SQLite file",
    tile="Sq",
    tile_hue=4,
    category="Database",
    description="Tables and views of a SQLite file on this machine, below a folder that an admin allowed.",
    auth_method="None",
    integration_type="database",
    fields=(
        Field(
            "file",
            "File",
            "Its path, whole or from an allowed folder on: “shop/orders.db”.",
            names_entity=True,
        ),
        Field(
            "types",
            "Column types",
            "“declared” takes each column as it is declared and stops at a value that does not fit; “text” copies all "
            "values as text.",
            type="choice",
            default=DECLARED,
            choices=(DECLARED, TEXT),
        ),
    ),
    entity_word="file",
    guide=(
        Advice("Let an admin add the file's folder to PATCHBAY_FILE_FOLDERS, and start Patchbay again."),
        Advice(
            "Let the program that writes the file use a write-ahead log, so that it can write while Patchbay reads.",
            "PRAGMA journal_mode = WAL;",
        ),
    ),
)
