"""What a person sees and fills in for a PostgreSQL source."""

from __future__ import annotations

from connectors.postgres import SSL_MODES
from connectors.providers.manifest import Advice, Field, Manifest, SignIn

_FIELDS = (
    Field("host", "Host", "Name or address of the server, without “postgres://”.", type="host"),
    Field("port", "Port", type="number", default="5432", minimum=1, maximum=65_535),
    Field("database", "Database"),
    Field(
        "schema",
        "Schema",
        "Its tables are offered for syncing. Several with commas between them, or “*” for all: each syncs on its own.",
        default="public",
        names_entity=True,
        takes_several=True,
    ),
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
)

MANIFEST = Manifest(
    kind="postgres",
    name="PostgreSQL",
    tile="Pg",
    tile_hue=1,
    category="Database",
    description="Tables and views of one or several schemas, with keys and cursors found by themselves.",
    auth_method="User and password",
    integration_type="database",
    fields=_FIELDS,
    entity_word="schema",
    tables_per_entity=True,
    guide=(
        Advice("Create an account that may only read", "CREATE ROLE patchbay_reader\n  LOGIN PASSWORD '…';"),
        Advice(
            "Let it read the schema",
            "GRANT USAGE ON SCHEMA public\n  TO patchbay_reader;\n"
            "GRANT SELECT ON ALL TABLES\n  IN SCHEMA public\n  TO patchbay_reader;",
        ),
        Advice("Let the machine that Patchbay runs on through the firewall, to the port of the server."),
    ),
    sign_ins=(SignIn("password", "User and password", _FIELDS, "An account that may only read is enough, and safer."),),
)
