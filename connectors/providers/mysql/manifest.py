"""What a person sees and fills in for a MySQL or MariaDB source."""

from __future__ import annotations

from connectors.providers.manifest import Advice, Field, Manifest, SignIn

SSL_MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")
_FIELDS = (
    Field("host", "Host", "Name or address of the server, without “mysql://”.", type="host"),
    Field("port", "Port", type="number", default="3306", minimum=1, maximum=65_535),
    Field(
        "database",
        "Databases",
        "One, or several with commas between them; “*” takes all that the user may read. Each syncs on its own.",
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
    kind="mysql",
    name="MySQL",
    tile="My",
    tile_hue=2,
    category="Database",
    description="MySQL and MariaDB: tables and views of one or several databases, read in one snapshot.",
    auth_method="User and password",
    integration_type="database",
    fields=_FIELDS,
    entity_word="database",
    tables_per_entity=True,
    guide=(
        Advice("Create an account that may only read", "CREATE USER 'patchbay_reader'@'%'\n  IDENTIFIED BY '…';"),
        Advice("Let it read the database", "GRANT SELECT, SHOW VIEW\n  ON shop.*\n  TO 'patchbay_reader'@'%';"),
        Advice("Let the machine that Patchbay runs on through the firewall, to the port of the server."),
    ),
    sign_ins=(SignIn("password", "User and password", _FIELDS, "An account that may only read is enough, and safer."),),
)
