"""What an operator fills in for files that people upload."""

from __future__ import annotations

from connectors.providers.assisted.declared import COMPANIES, FILES
from connectors.providers.manifest import Advice, Field, Manifest, SignIn

MANIFEST = Manifest(
    kind="assisted",
    name="File upload",
    tile="Up",
    tile_hue=4,
    category="Files",
    description="Assisted: a person uploads CSV, JSON Lines or Parquet files, and each complete set is loaded.",
    auth_method="none",
    integration_type="assisted",
    fields=(
        Field(
            FILES,
            "Files that are awaited",
            "Each file becomes a table. A column that must be there is looked for when a file is uploaded; others are "
            "taken as they come. With a key, a newer file's rows take the place of older ones; without, the whole "
            "table is replaced.",
            type="files",
            by_operator=True,
        ),
        Field(
            COMPANIES,
            "Companies",
            "One per line, where several deliver the same files: each has its own set and its own dataset. Left empty, "
            "one set is awaited.",
            type="names",
            required=False,
        ),
    ),
    multi_entity=True,
    entity_word="company",
    guide=(
        Advice("Name the files that people have already, and only those columns that you cannot do without."),
        Advice("The schedule you choose says how often a new set is awaited. A set is loaded as soon as it is whole."),
        Advice("Upload the files yourself, or send a link to whoever has them: no account is needed for it."),
    ),
    sign_ins=(SignIn("none", "Upload files", (), "Files are checked as they come, and sent when all are right."),),
)
