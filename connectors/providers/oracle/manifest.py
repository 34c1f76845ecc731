"""What a person sees and fills in for an Oracle source."""

from __future__ import annotations

from connectors.providers.manifest import Advice, Field, Manifest, SignIn

SSL_MODES = ("disable", "require", "verify-ca")
_FIELDS = (
    Field("host", "Host", "Name or address of the server.", type="host"),
    Field("port", "Port", type="number", default="1521", minimum=1, maximum=65_535),
    Field("service", "Service name", "As the listener knows it, for example “ORCLPDB1”."),
    Field(
        "schema",
        "Schemas",
        "One, or several with commas between them, as the catalogue writes them, mostly in capitals; “*” takes all. "
        "Each syncs on its own.",
        names_entity=True,
        takes_several=True,
    ),
    Field("user", "User", "A user that may only read is enough, and safer."),
    Field("password", "Password", type="password", is_secret=True),
    Field(
        "sslmode",
        "Encryption",
        "“require” speaks TLS; “verify-ca” also checks who signed the server's certificate.",
        type="choice",
        default="disable",
        choices=SSL_MODES,
    ),
)

MANIFEST = Manifest(
    kind="oracle",
    name="Oracle",
    tile="Or",
    tile_hue=3,
    category="Database",
    description="Oracle Database: tables and views of one or several schemas, read in one snapshot.",
    auth_method="User and password",
    integration_type="database",
    fields=_FIELDS,
    entity_word="schema",
    tables_per_entity=True,
    is_untested=True,
    guide=(
        Advice("Create an account that may only read", 'CREATE USER patchbay_reader\n  IDENTIFIED BY "…";'),
        Advice(
            "Let it sign in and read",
            "GRANT CREATE SESSION TO patchbay_reader;\nGRANT SELECT ON shop.orders\n  TO patchbay_reader;",
        ),
        Advice("Install the driver “oracledb” where Patchbay runs; it comes with the extra “oracle”."),
    ),
    sign_ins=(SignIn("password", "User and password", _FIELDS, "An account that may only read is enough, and safer."),),
)
