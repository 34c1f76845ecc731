"""What a person sees and fills in for a PostgreSQL source."""

from __future__ import annotations

from connectors.postgres import SSL_MODES
from connectors.providers.manifest import Field, Manifest

MANIFEST = Manifest(
    kind="postgres",
    name="PostgreSQL",
    tile="Pg",
    tile_hue=1,
    category="Database",
    auth_method="User and password",
    integration_type="database",
    fields=(
        Field("host", "Host", "Name or address of the server, without “postgres://”.", type="host"),
        Field("port", "Port", type="number", default="5432", minimum=1, maximum=65_535),
        Field("database", "Database"),
        Field("schema", "Schema", "Its tables are offered for syncing.", default="public"),
        Field("user", "User", "A user that may only read is enough, and safer."),
        Field("password", "Password", type="password", is_secret=True),
        Field(
            "sslmode",
            "Encryption",
            "“prefer” encrypts where the server can; “verify-full” also checks its certificate.",
            type="choice",
            default="prefer",
            choices=SSL_MODES,
        ),
    ),
    entity_word="schema",
)
