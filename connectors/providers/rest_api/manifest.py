"""What a person sees and fills in for a REST API. What is read of it is declared in a document of its own."""

from __future__ import annotations

from connectors.providers.manifest import Advice, Field, Manifest

NO_AUTH, API_KEY_HEADER, API_KEY_QUERY = "none", "api_key_header", "api_key_query"
BEARER, BASIC, CLIENT_CREDENTIALS = "bearer", "basic", "client_credentials"
AUTH_LABELS = {
    NO_AUTH: "None",
    API_KEY_HEADER: "API key in a header",
    API_KEY_QUERY: "API key as a parameter",
    BEARER: "Bearer token",
    BASIC: "User name and password (Basic)",
    CLIENT_CREDENTIALS: "OAuth 2 client credentials",
}
DECLARATION = "declaration"
_KEYS, _USERS = (API_KEY_HEADER, API_KEY_QUERY), (BASIC, CLIENT_CREDENTIALS)

MANIFEST = Manifest(
    kind="rest_api",
    name="REST API",
    tile="{}",
    tile_hue=2,
    category="API",
    description="Any JSON API: say how it signs in, pages and what to read. No code.",
    auth_method="As declared",
    integration_type="api",
    fields=(
        Field(
            "base_url",
            "Base address",
            "What all addresses of the API begin with, such as https://api.example.com/v1.",
            type="url",
        ),
        Field(
            "auth",
            "Sign-in",
            "How a request proves who asks. The API's documentation names it “authentication”.",
            type="choice",
            default=BEARER,
            choices=tuple(AUTH_LABELS),
            labels=tuple(AUTH_LABELS.values()),
        ),
        Field(
            "key_name",
            "Key's name",
            "The header or parameter that carries the key, such as X-Api-Key.",
            pattern=r"[A-Za-z0-9!#$%&'*+.^_`|~-]+",
            pattern_error="Write the name alone: letters, digits and “-”, without blanks or a colon.",
            only_for=("auth", *_KEYS),
        ),
        Field("username", "User name or client ID", only_for=("auth", *_USERS)),
        Field(
            "secret",
            "Key, token or secret",
            "The key, the token, the password or the client secret.",
            type="password",
            is_secret=True,
            only_for=("auth", *_KEYS, BEARER, *_USERS),
        ),
        Field(
            "token_url",
            "Token address",
            "Where client ID and secret are exchanged for a token, such as https://login.example.com/oauth/token.",
            type="url",
            only_for=("auth", CLIENT_CREDENTIALS),
        ),
        Field(
            "scope",
            "Scope",
            "Names with blanks between them, if the API asks for any.",
            required=False,
            only_for=("auth", CLIENT_CREDENTIALS),
        ),
        Field(
            DECLARATION,
            "What is read",
            "The resources that become tables, and how their pages follow each other.",
            type="declaration",
        ),
    ),
    multi_entity=True,
    entity_word="account",
    guide=(
        Advice("Find the API's documentation: its base address, how to sign in, and how it pages."),
        Advice("Make a key for Patchbay alone that may only read, so that it can be withdrawn without harm to others."),
        Advice("Declare one resource, press “Try it”, and look at what came. Then add the others."),
    ),
)
