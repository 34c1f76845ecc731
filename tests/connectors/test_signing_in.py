"""What an end user's sign-in comes to: by a database's password, by an API key, and what is refused before it."""

from __future__ import annotations

import base64
import hashlib
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from pytest_django import Settings

from connectors import signing_in
from connectors.plan import Endpoint
from connectors.providers import registry
from connectors.providers.manifest import Field, SignIn, default_of
from connectors.signing_in import SignedIn, SignInError
from tests.sandbox.running import API_KEY, Running

SIGN_INS = [(kind, one) for kind in registry.kinds() for one in registry.manifest(kind).sign_ins]
TYPED = "typed-secret-0815"


def refusal(kind: str, method: str, config: dict[str, str], typed: dict[str, str]) -> SignInError:
    with pytest.raises(SignInError) as caught:
        signing_in.sign_in(kind, method, config, typed)
    assert TYPED not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(("kind", "offered"), SIGN_INS, ids=[f"{kind} {one.method}" for kind, one in SIGN_INS])
def test_an_end_user_is_asked_for_nothing_that_is_the_operators(kind: str, offered: SignIn) -> None:
    manifest = registry.manifest(kind)

    assert not any(field.by_operator for field in offered.fields)
    assert bool(offered.fields) == (offered.method not in {"oauth2", "none"})
    assert offered.hint.endswith(".")
    assert manifest.sign_in(offered.method) is offered


def test_every_provider_that_has_secrets_can_be_signed_in_at() -> None:
    # Files that people bring need no secret, and how an API is signed in to is a part of what an operator declares.
    with_secrets = {kind for kind in registry.kinds() if registry.manifest(kind).secret_names}
    assert {kind for kind, _ in SIGN_INS} - {"assisted"} == with_secrets - {"rest_api"}


def test_a_default_comes_from_the_settings_of_the_installation(settings: Settings) -> None:
    settings.PATCHBAY_SANDBOX_URL = "http://127.0.0.1:20001"
    (address,) = registry.manifest("sandbox_payroll").operator_fields

    assert default_of(address) == "http://127.0.0.1:20001"
    settings.PATCHBAY_SANDBOX_URL = ""
    assert default_of(address) == ""
    assert default_of(Field("port", "Port", default="5432")) == "5432"
    assert default_of(Field("odd", "Odd", default="x", default_setting="NO_SUCH_SETTING")) == "x"


def test_a_databases_password_becomes_settings_and_secrets(source: Endpoint) -> None:
    typed = {name: str(value) for name, value in source.config.items()} | dict(source.secrets)

    found = signing_in.sign_in("postgres", "password", {}, typed)

    assert isinstance(found, SignedIn)
    assert found.secrets == source.secrets
    assert {name: str(found.config[name]) for name in source.config} == {
        name: str(value) for name, value in source.config.items()
    }
    assert found.config["sslmode"] == "prefer"
    registry.access("postgres").check(Endpoint("postgres", found.config, found.secrets))


def test_a_wrong_database_password_is_refused_without_its_words(source: Endpoint) -> None:
    typed = {name: str(value) for name, value in source.config.items()} | {"password": TYPED}

    found = refusal("postgres", "password", {}, typed)

    assert (found.code, found.tries_left) == ("invalid_credentials", None)


def test_an_api_key_is_asked_about(payroll: Endpoint) -> None:
    found = signing_in.sign_in("sandbox_payroll", "api_key", payroll.config, {"api_key": API_KEY})

    assert found == SignedIn(payroll.config, {"api_key": API_KEY})
    assert API_KEY not in repr(found)
    assert refusal("sandbox_payroll", "api_key", dict(payroll.config), {"api_key": TYPED}).code == "invalid_credentials"


def test_what_is_typed_cannot_change_what_the_operator_set(payroll: Endpoint, sandbox: Running) -> None:
    typed = {"api_key": API_KEY, "base_url": "http://127.0.0.1:1", "sign_in": "oauth2"}

    found = signing_in.sign_in("sandbox_payroll", "api_key", payroll.config, typed)

    assert isinstance(found, SignedIn)
    assert found.config == {"base_url": sandbox.url}


def test_the_operators_default_is_used_where_he_left_it(sandbox: Running, settings: Settings) -> None:
    settings.PATCHBAY_SANDBOX_URL = sandbox.url

    found = signing_in.sign_in("sandbox_payroll", "api_key", {}, {"api_key": API_KEY})

    assert isinstance(found, SignedIn)
    assert found.config == {"base_url": sandbox.url}


@pytest.mark.parametrize(
    ("base_url", "code"),
    [("http://127.0.0.1:1", "unreachable"), ("http://10.0.0.1", "address_not_allowed"), ("ftp://x", "misconfigured")],
)
@pytest.mark.parametrize("method", ["api_key", "credentials_mfa"])
def test_an_address_that_cannot_be_used_is_told_by_code(method: str, base_url: str, code: str) -> None:
    typed = {"api_key": TYPED, "username": "somebody", "password": TYPED}

    assert refusal("sandbox_payroll", method, {"base_url": base_url}, typed).code == code


def test_a_method_that_is_not_offered_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="offers no sign-in by “oauth2”"):
        signing_in.authorize_url("postgres", {}, redirect_uri="", state="", code_challenge="", scopes=())
    with pytest.raises(ValueError, match="has no sign-in of its own"):
        signing_in.answer("postgres", {}, "challenge", "123456")
    with pytest.raises(ValueError, match="nothing is typed here"):
        signing_in.sign_in("sandbox_payroll", "oauth2", {}, {})


def test_a_verifier_is_new_each_time_and_fits_its_challenge() -> None:
    (verifier, challenge), (other, _) = signing_in.new_verifier(), signing_in.new_verifier()

    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).decode()
    assert challenge == digest.rstrip("=")
    assert verifier != other
    # RFC 7636, 4.1: 43 to 128 unreserved characters.
    assert re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", verifier)


def test_the_address_of_the_provider_holds_the_whole_request() -> None:
    url = signing_in.authorize_url(
        "sandbox_payroll",
        {"base_url": "https://payroll.example.com/"},
        redirect_uri="http://127.0.0.1:8000/connect/callback/?a=b",
        state="a&b=c d",
        code_challenge="challenge",
        scopes=("workforce", "payroll"),
    )

    parts = urlsplit(url)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == "https://payroll.example.com/oauth/authorize"
    assert parse_qs(parts.query) == {
        "response_type": ["code"],
        "client_id": ["patchbay"],
        "redirect_uri": ["http://127.0.0.1:8000/connect/callback/?a=b"],
        "scope": ["workforce payroll"],
        "state": ["a&b=c d"],
        "code_challenge": ["challenge"],
        "code_challenge_method": ["S256"],
    }


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("access_denied", "consent_revoked"),
        ("invalid_scope", "insufficient_scope"),
        ("temporarily_unavailable", "provider_unavailable"),
        ("something_else", "misconfigured"),
    ],
)
def test_a_refusal_on_the_way_back_is_told_by_code(error: str, code: str) -> None:
    found = signing_in.refused_at_provider(error, "words of the provider")

    assert (found.code, found.detail) == (code, f"{error}: words of the provider")
