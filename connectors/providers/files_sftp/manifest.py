"""What a person sees and fills in for files on an SFTP server."""

from __future__ import annotations

from dataclasses import replace

from connectors.file_sources.settings import FIELDS
from connectors.providers.manifest import Advice, Field, Manifest, SignIn

_USER = Field("user", "User", "One that may only read is enough, and safer.")
_PASSWORD = Field(
    "password",
    "Password",
    "Or a private key. With both, the password is the one that the key is locked with.",
    type="password",
    is_secret=True,
    required=False,
)

MANIFEST = Manifest(
    kind="files_sftp",
    name="SFTP server",
    tile="Sf",
    tile_hue=6,
    category="Files",
    description="CSV, JSON lines and Parquet files of a server that speaks SFTP; new and changed files only.",
    auth_method="Password or private key",
    integration_type="files",
    fields=(
        Field("host", "Host", "Name or address of the server, without “sftp://”.", type="host", by_operator=True),
        Field("port", "Port", type="number", default="22", minimum=1, maximum=65_535, by_operator=True),
        Field(
            "host_key",
            "Host key",
            "Such as SHA256:…, as the server's owner tells it. Left empty, the test shows the key and sends no "
            "password.",
            type="path",
            required=False,
            pattern=r"SHA256:[A-Za-z0-9+/]{43}=?",
            by_operator=True,
            pattern_error="This is no fingerprint: it begins with SHA256: and has 43 characters after that.",
        ),
        _USER,
        _PASSWORD,
        Field(
            "private_key",
            "Private key",
            "The whole text of the file, in OpenSSH's or PEM format.",
            type="password",
            is_secret=True,
            required=False,
        ),
        Field(
            "folder",
            "Folder",
            "Empty for the one that the server shows first.",
            required=False,
            names_entity=True,
            by_operator=True,
        ),
        *FIELDS,
    ),
    multi_entity=True,
    entity_word="folder",
    guide=(
        Advice("Make an account for Patchbay that may only read"),
        Advice("Show the server's key, to compare it", "ssh-keygen -lf\n  /etc/ssh/ssh_host_ed25519_key.pub"),
        Advice("Let files appear when they are whole: write them under another name, then rename them."),
    ),
    sign_ins=(
        SignIn(
            "password",
            "User and password",
            (_USER, replace(_PASSWORD, help="", required=True)),
            "One that may only read is enough, and safer.",
        ),
    ),
)
