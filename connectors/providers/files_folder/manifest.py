"""What a person sees and fills in for files in a folder of this machine."""

from __future__ import annotations

from connectors.file_sources.settings import FIELDS
from connectors.providers.manifest import Advice, Field, Manifest

MANIFEST = Manifest(
    kind="files_folder",
    name="Files in a folder",
    tile="Fi",
    tile_hue=4,
    category="Files",
    description="CSV, JSON lines and Parquet files of a folder on this machine; new and changed files only.",
    auth_method="None",
    integration_type="files",
    fields=(
        Field(
            "folder",
            "Folder",
            "Below one that an admin listed in PATCHBAY_FILE_FOLDERS. Folders in it are read too, links are not.",
            type="path",
            names_entity=True,
        ),
        *FIELDS,
    ),
    multi_entity=True,
    entity_word="folder",
    guide=(
        Advice("Ask an admin to list the folder", "PATCHBAY_FILE_FOLDERS=/srv/exports"),
        Advice("Let the account that Patchbay runs as read it. It never writes there."),
        Advice("Let files appear when they are whole: write them under another name, then rename them."),
    ),
)
