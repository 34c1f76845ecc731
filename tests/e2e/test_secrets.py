"""No password, key or token in clear anywhere but in the two private files that are made to hold them."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast
from urllib.parse import quote

import pytest
import redis

from tests.e2e import records
from tests.e2e.conftest import Visit
from tests.e2e.stack import ROOT, Stack

HTMX = {"HX-Request": "true"}
# Opens what is sealed with the running stack's own key, in a process that has its environment.
READ_CREDENTIALS = """
import json, django
django.setup()
from connectors.models import Connection, Destination
owners = [*Connection.objects.all(), *Destination.objects.all()]
print(json.dumps({owner.name: owner.read_credentials() for owner in owners}))
"""
HOLDERS = {"secrets.json", "demo-credentials.json"}
# PostgreSQL's own files: what the tables hold is looked at by reading them; the rest of it is configuration.
POSTGRES, POSTGRES_TEXTS = "postgres", ("*.conf", "postmaster.*")
TOLD_AT_THE_START = "Sign in as"

Secrets = dict[str, str]


@pytest.fixture(scope="module")
def secrets(stack: Stack) -> Secrets:
    """Every secret of the stack by a name that may be shown."""
    environment = stack.process_named("web").environ()
    opened = subprocess.run(
        [sys.executable, "-c", READ_CREDENTIALS], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    credentials = json.loads(opened.stdout)
    found = {f"{owner}: {name}": value for owner, held in credentials.items() for name, value in held.items()}
    found |= {f"user {name}": word for name, word in stack.stored("demo-credentials.json")["users"].items()}
    return found | stack.stored("secrets.json")


def traces(secrets: Secrets, data: bytes) -> list[str]:
    """Return the names of the secrets that are in `data`, plain or in one of the spellings that hide nothing."""
    return [name for name, secret in secrets.items() if any(spelling in data for spelling in _spellings(secret))]


def _spellings(secret: str) -> set[bytes]:
    plain = secret.encode()
    # Whole groups of three bytes only: the last group's letters depend on what follows.
    encoded = base64.b64encode(plain[: len(plain) // 3 * 3])
    return {plain, quote(secret, safe="").encode(), plain.hex().encode(), encoded}


def test_all_kinds_of_secrets_are_looked_for(secrets: Secrets) -> None:
    assert {
        *("Webshop: password", "Webshop staging: password", "Halden payroll: api_key", "Warehouse: password"),
        *("user admin", "user operator", "user viewer"),
        *("postgres_password", "secret_key", "encryption_keys", "sandbox_api_key", "sandbox_admin_key"),
    } <= set(secrets)
    assert all(len(secret) >= 16 for secret in secrets.values())
    assert all(traces(secrets, f"url://user:{quote(secret, safe='')}@host".encode()) for secret in secrets.values())


def addresses(stack: Stack) -> Iterator[str]:
    """Give the address of every page there is: of all connections, entities and jobs, and the pages for strangers."""
    yield from ("/", "/?q=shop", "/nothing/", "/activity/", "/accounts/login/", "/accounts/logout/")
    for (connection,) in stack.rows("SELECT id::text FROM connectors_connection"):
        yield from (f"/connections/{connection}/{part}" for part in ("", "jobs/", "setup/", "activity/"))
    for row in stack.rows("SELECT connection_id::text, id::text FROM connectors_entity"):
        yield "/connections/{}/entities/{}/".format(*row)
    for (job,) in stack.rows("SELECT id::text FROM jobs_job"):
        yield from (f"/jobs/{job}/", f"/jobs/{job}/cancel/")


def test_no_page_holds_a_secret(stack: Stack, visit: Visit, secrets: Secrets) -> None:
    found = {}
    # Other tests delete connections, and each of their pages says so.
    deleted = stack.rows("SELECT id::text FROM connectors_connection WHERE deleted_at IS NOT NULL")
    gone = tuple(f"/connections/{connection}/" for (connection,) in deleted)
    with visit("admin") as visitor:
        for path in addresses(stack):
            for headers in ({}, HTMX):
                answer = visitor.page.request.get(f"{stack.url}{path}", headers=headers)
                wanted = {200, 286, 404}
                if path.startswith(gone):
                    # An update is led to the page that says so.
                    wanted = {200} if headers else {410}
                assert answer.status in wanted, f"{path}: {answer.status}"
                if names := traces(secrets, answer.body()):
                    found[path] = names
                answer.dispose()

    assert found == {}


def test_no_bundle_of_a_failed_job_holds_a_secret(stack: Stack, visit: Visit, secrets: Secrets) -> None:
    failed = [job for (job,) in stack.rows("SELECT id::text FROM jobs_job WHERE status = 'failed'")]
    found: dict[str, list[str]] = {}
    with visit("viewer") as visitor:
        visitor.open("/")
        token = visitor.page.evaluate("JSON.parse(document.body.getAttribute('hx-headers'))['x-csrftoken']")
        for job in failed:
            path = f"{stack.url}/jobs/{job}/bundle/"
            answer = visitor.page.request.post(path, headers={"X-CSRFToken": token, "Referer": path})
            with zipfile.ZipFile(io.BytesIO(answer.body())) as archive:
                found |= {f"{job} {name}": traces(secrets, archive.read(name)) for name in archive.namelist()}

    assert failed
    assert len(found) == 11 * len(failed)
    assert {name: names for name, names in found.items() if names} == {}


def test_no_row_holds_a_secret(stack: Stack, secrets: Secrets) -> None:
    tables = stack.rows("""
        SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    """)
    found, size = {}, 0
    with stack.database() as connection, connection.cursor() as cursor:
        for (table,) in tables:
            with cursor.copy(f"COPY {table} TO STDOUT".encode()) as copy:
                data = b"".join(copy)
            size += len(data)
            if names := traces(secrets, data):
                found[table] = names

    assert found == {}
    assert {"public.connectors_connection", "public.django_session", "public.auth_user"} <= {name for (name,) in tables}
    assert size > 50_000


def test_no_key_of_redis_holds_a_secret(stack: Stack, secrets: Secrets) -> None:
    url = stack.process_named("web").environ()["REDIS_URL"]
    with redis.Redis(unix_socket_path=url.removeprefix("redis+socket://")) as client:
        keys = list(client.scan_iter())
        found = {key: names for key in keys if (names := traces(secrets, key + _value(client, key)))}

    assert keys
    assert found == {}


def _value(client: redis.Redis, key: bytes) -> bytes:
    """Return all that a key holds; Redis' own dump would compress it."""
    readers: dict[bytes, Callable[[bytes], object]] = {
        b"string": client.get,
        b"list": lambda name: client.lrange(name, 0, -1),
        b"hash": client.hgetall,
        b"set": client.smembers,
        b"zset": lambda name: client.zrange(name, 0, -1),
    }
    reader = readers.get(cast("bytes", client.type(key)))
    # A key may end while we look; then it has no type either.
    return repr(reader(key)).encode() if reader else b""


def test_no_state_of_a_pipeline_holds_a_secret(stack: Stack, secrets: Secrets) -> None:
    """What dlt keeps beside the data, at the destination, for its next run."""
    datasets = stack.rows(
        "SELECT table_schema FROM information_schema.tables WHERE table_name = '_dlt_pipeline_state'",
        database="warehouse",
    )
    states = [
        zlib.decompress(base64.b64decode(state))
        for (dataset,) in datasets
        for (state,) in stack.rows(f"SELECT state FROM {dataset}._dlt_pipeline_state", database="warehouse")
    ]

    assert len(datasets) > 8
    assert all(b"pipeline_name" in state for state in states)
    assert [names for state in states if (names := traces(secrets, state))] == []


def test_no_line_of_the_log_holds_a_secret(stack: Stack, secrets: Secrets) -> None:
    """The three passwords to sign in with are told once, at the end of the first start, and nowhere else."""
    text = stack.text()
    people = [(role, stack.password(role)) for role in ("admin", "operator", "viewer")]
    told = "\n".join(
        f"  {TOLD_AT_THE_START if number == 0 else '':<12}{role:<8}  {password}"
        for number, (role, password) in enumerate(people)
    )
    assert text.count(told) == 1

    assert traces(secrets, text.replace(told, "").encode()) == []


def test_no_file_and_no_command_line_holds_a_secret(stack: Stack, secrets: Secrets) -> None:
    found = {}
    for path in files(stack.home):
        if names := traces(secrets, path.read_bytes()):
            found[str(path.relative_to(stack.home))] = names
    for line in stack.commands():
        if names := traces(secrets, line.encode()):
            found[line] = names

    assert found == {}
    assert {(stack.home / name).stat().st_mode & 0o777 for name in HOLDERS} == {0o600}
    assert stack.home.stat().st_mode & 0o777 == 0o700


def files(home: Path) -> Iterator[Path]:
    """Give the files of the home folder that anything of ours writes."""
    for pattern in POSTGRES_TEXTS:
        yield from (home / POSTGRES).glob(pattern)
    for path in home.rglob("*"):
        inside = path.relative_to(home)
        if path.is_file() and inside.parts[0] != POSTGRES and str(inside) not in HOLDERS:
            yield path


def test_pages_without_a_member_say_nothing_of_what_is_connected(stack: Stack, visit: Visit) -> None:
    with visit("") as visitor:
        for path in ("/", "/nothing/", records.last_job(stack, "Webshop").path):
            answer = visitor.page.request.get(f"{stack.url}{path}")
            assert "Webshop" not in answer.text()
