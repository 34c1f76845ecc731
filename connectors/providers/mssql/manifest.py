"""What a person sees and fills in for a SQL Server source."""

from __future__ import annotations

from connectors.providers.manifest import Advice, Field, Manifest, SignIn

SSL_MODES = ("off", "request", "require")
_FIELDS = (
    Field("host", "Host", "Name or address of the server.", type="host"),
    Field("port", "Port", type="number", default="1433", minimum=1, maximum=65_535),
    Field("database", "Database"),
    Field(
        "schema",
        "Schemas",
        "One, or several with commas between them; “*” takes all. Each syncs on its own.",
        default="dbo",
        names_entity=True,
        takes_several=True,
    ),
    Field("user", "User", "A user that may only read is enough, and safer."),
    Field("password", "Password", type="password", is_secret=True),
    Field(
        "sslmode",
        "Encryption",
        "“request” encrypts where the server can. The certificate is not checked.",
        type="choice",
        default="require",
        choices=SSL_MODES,
    ),
)

MANIFEST = Manifest(
    kind="mssql",
    name="SQL Server",
    tile="Ms",
    tile_hue=6,
    category="Database",
    description="Microsoft SQL Server and Azure SQL: tables and views of one or several schemas.",
    auth_method="User and password",
    integration_type="database",
    fields=_FIELDS,
    entity_word="schema",
    tables_per_entity=True,
    is_untested=True,
    guide=(
        Advice("Create an account that may only read", "CREATE USER patchbay_reader\n  WITH PASSWORD = '…';"),
        Advice("Let it read the schema", "GRANT SELECT ON SCHEMA::dbo\n  TO patchbay_reader;"),
        Advice(
            "Allow snapshots, so that all tables show one moment.",
            "ALTER DATABASE shop\n  SET ALLOW_SNAPSHOT_ISOLATION ON;",
        ),
        Advice("Install the driver “pymssql” where Patchbay runs; it comes with the extra “mssql”."),
    ),
    sign_ins=(SignIn("password", "User and password", _FIELDS, "An account that may only read is enough, and safer."),),
)
