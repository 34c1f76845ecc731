"""What the processes find in their environment."""

from pathlib import Path

import pytest

from connectors.sandbox.config import SandboxConfig
from dashboard.stack.environment import Place, child_environment
from dashboard.stack.home import Secrets

SECRETS = Secrets("pg-password", "django-key", "ring", "sandbox-key", "sandbox-admin")


def environment(environ: dict[str, str], *, demo: bool = True) -> dict[str, str]:
    place = Place(root=Path("/src"), home=Path("/data"), web_port=8001, sandbox_port=20001, demo=demo)
    return child_environment(environ, place, SECRETS, {"DATABASE_URL": "postgres://ours"})


def test_addresses_and_secrets_reach_the_processes() -> None:
    found = environment({})

    assert found["DATABASE_URL"] == "postgres://ours"
    assert found["PATCHBAY_SANDBOX_URL"] == "http://127.0.0.1:20001"
    assert found["PATCHBAY_SECRET_KEY"] == "django-key"
    assert found["PORT"] == "8001"


@pytest.mark.parametrize(("given", "expected"), [("own", "own"), ("", "django-key")])
def test_what_the_person_set_stays_unless_it_is_empty(given: str, expected: str) -> None:
    assert environment({"PATCHBAY_SECRET_KEY": given})["PATCHBAY_SECRET_KEY"] == expected


def test_mails_become_files_below_home_unless_the_person_says_where() -> None:
    assert environment({})["PATCHBAY_EMAIL_DIR"] == "/data/mail"
    assert environment({"PATCHBAY_EMAIL_DIR": "/var/mail"})["PATCHBAY_EMAIL_DIR"] == "/var/mail"


def test_this_machine_may_be_reached_with_the_demo_only() -> None:
    assert environment({})["PATCHBAY_ALLOWED_NETWORKS"] == "127.0.0.0/8"
    assert "PATCHBAY_ALLOWED_NETWORKS" not in environment({}, demo=False)


def test_the_sandbox_knows_where_this_installation_takes_browsers_back() -> None:
    expected = "http://127.0.0.1:8001/connect/callback/,http://localhost:8001/connect/callback/"

    assert environment({})["PATCHBAY_SANDBOX_REDIRECTS"] == f"{expected},http://[::1]:8001/connect/callback/"
    own = {"PATCHBAY_SANDBOX_REDIRECTS": "https://patchbay.example/connect/callback/"}
    assert environment(own)["PATCHBAY_SANDBOX_REDIRECTS"] == own["PATCHBAY_SANDBOX_REDIRECTS"]
    assert SandboxConfig.from_environment(environment({})).redirect_uris == tuple(
        environment({})["PATCHBAY_SANDBOX_REDIRECTS"].split(",")
    )
