"""The support bundle of a failed job: it explains the failure, holds no secret in any spelling, and has an end."""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
from html import escape
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, quote_plus

import pytest
from django.utils import timezone

from connectors import secrets
from connectors.destinations import registry as destinations
from connectors.models import Activity, Connection, Destination, Entity
from connectors.providers import registry as providers
from connectors.providers.manifest import Field
from connectors.services import activity
from dashboard.pages import bundle as pages
from jobs.models import Job, JobType, LogLine
from tests.conftest import member
from tests.dashboard.job_records import add_lines, add_step, page, payroll_entity
from tests.dashboard.run_records import PLAN, VERSIONS, attempt_of, failed_run, good_run
from tests.factories import make_connection, make_destination, make_entity, make_job

if TYPE_CHECKING:
    from django.http import StreamingHttpResponse
    from django.test import Client

Files = dict[str, str]


def taken(client: Client, job: Job) -> Files:
    """Every file of a job's bundle, as its reader finds it."""
    response = client.post(f"{job.get_absolute_url()}bundle/")
    assert (response.status_code, response["Content-Type"]) == (200, "application/zip")
    data = b"".join(cast("StreamingHttpResponse", response))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


def records(files: Files, name: str) -> Any:
    return json.loads(files[name])


# ---- No secret ------------------------------------------------------------------------------------------------------


def canary(what: str) -> str:
    """A credential with what libraries quote in it: it must be known in each of their spellings."""
    return f"Zx9 {what}/p&q+'\"\\ä-Canary7Qk"


def spellings(value: str) -> set[str]:
    """How a value may be written so that whoever finds it can read it."""
    plain = {value, json.dumps(value)[1:-1], repr(value)[1:-1], escape(value), quote(value, safe=""), quote_plus(value)}
    return _in_each_case({*plain, *_encoded(value), value.encode().hex()})


def remnants(value: str) -> set[str]:
    """What must be found nowhere: each spelling, and of base64 the part that stands between other bytes."""
    middles = {one[4:-4] for one in _encoded(value)}
    return spellings(value) | _in_each_case(middles)


def _encoded(value: str) -> set[str]:
    """A value in base64, alone and after a user's name, in both alphabets."""
    whole = {base64.b64encode(before + value.encode()).decode() for before in (b"", b"u:", b"me:", b"you:")}
    return whole | {one.replace("+", "-").replace("/", "_") for one in whole}


def _in_each_case(words: set[str]) -> set[str]:
    return {form for one in words for form in (one, one.upper(), one.lower())}


def traces(files: Files, values: dict[str, str]) -> list[tuple[str, str, str]]:
    """Where a value stands in the unpacked files, in any spelling."""
    return [
        (name, what, form)
        for name, text in files.items()
        for what, value in values.items()
        for form in remnants(value)
        if form in text
    ]


def planted(fields: tuple[Field, ...], side: str) -> dict[str, str]:
    return {field.name: canary(f"{side}-{field.name}") for field in fields if field.is_secret}


def seal(owner: Connection | Destination, kind: str, values: dict[str, str]) -> None:
    owner.credentials = secrets.seal(values, owner=f"{kind}:{owner.pk}")
    owner.credentials_set_at = timezone.now()
    owner.save()


LOOKALIKES = {
    "an address": "postgres://reader:{}@db.example:5432/shop",
    "a setting": "host=db.example password={} user=reader",
    "a header": "Authorization: Bearer {}",
    "an answer": '{{"api_key": "{}", "ok": false}}',
}
OTHER = "hx7Rk29vTq4mZp81wLs6"
PREFIXED = "sk_live_51HxAbCdEf"


def connected(provider: str, kind: str) -> tuple[Entity, dict[str, str]]:
    """An entity whose connection and destination have a canary in every field that holds a credential."""
    source_fields, target_fields = providers.manifest(provider).fields, destinations.manifest(kind).fields
    of_source, of_target = planted(source_fields, "source"), planted(target_fields, "target")
    leaky = {
        "host": "db.example",
        "database": f"x?token={OTHER}",
        "base_url": f"https://u:{quote(canary('url'), safe='')}@x.example",
    }
    target = make_destination(kind=kind, config={**leaky, "api_token": OTHER, "file": "lake"})
    connection = make_connection(
        provider=provider, destination=target, config={**leaky, "access_key": OTHER}, name=f"Shop {PREFIXED}",
    )  # fmt: skip
    seal(connection, "connection", of_source)
    seal(target, "destination", of_target)
    entity = make_entity(connection, name="Kestrel", ref="kestrel")
    values = {**of_source, **{f"target {name}": value for name, value in of_target.items()}}
    return entity, {**values, "in an address": canary("url"), "another": OTHER}


def leak_everywhere(job: Job, values: dict[str, str]) -> None:
    """Write every value, in every spelling, to where a driver or a person may have brought it."""
    words = [form for value in values.values() for form in spellings(value)]
    words += [PREFIXED, PREFIXED.upper(), PREFIXED.lower()]
    whole = " | ".join(words)
    looks = [text.format(OTHER) for text in LOOKALIKES.values()]
    add_lines(job, *words, *looks, whole, level="error")
    add_step(job, 1, "extract", "failed", 1, detail=words[0][:300])
    Job.objects.filter(pk=job.pk).update(
        error_detail=whole,
        tables=[{**PLAN, "name": PREFIXED}, {**PLAN, "name": words[0], "cursor": words[1]}],
        options={"table_names": words, "password": OTHER},
    )
    job.attempts.update(error_detail=whole, shapes={PREFIXED: {words[0]: looks[0]}})
    changes = [{"field": "api_token", "before": OTHER, "after": "plain-word"}]
    changes += [{"field": "host", "before": text, "after": words[0]} for text in looks]
    actor, connection = member("admin"), job.connection
    activity.record("connection.configured", actor=actor, connection=connection, changes=changes, note=whole)
    activity.record("destination.changed", actor=actor, destination=connection.destination, changes=changes)


@pytest.mark.parametrize("provider", providers.kinds())
@pytest.mark.parametrize("kind", destinations.kinds())
def test_bundle_holds_no_secret_in_any_spelling(viewer: Client, provider: str, kind: str) -> None:
    entity, values = connected(provider, kind)
    good_run(entity)
    job = failed_run(entity)
    attempt_of(job)
    leak_everywhere(job, values)
    assert len(traces({"stored": "\n".join(LogLine.objects.values_list("message", flat=True))}, values)) > 20

    files = taken(viewer, job)

    assert traces(files, {**values, "a setting by its name": "plain-word", "with a prefix": PREFIXED}) == []
    assert files["log.txt"].count("[hidden]") > 20
    # What was no secret is still there.
    assert (str(job.pk) in files["job.json"], "db.example" in files["activity.json"]) == (True, True)


def test_text_for_a_ticket_holds_no_secret_either(viewer: Client) -> None:
    entity, values = connected("postgres", "postgres")
    job = failed_run(entity)
    attempt_of(job)
    words = [form for value in values.values() for form in spellings(value)]
    add_lines(job, *words[:90], *(text.format(OTHER) for text in LOOKALIKES.values()))

    shown = page(viewer, job).partition('id="support-text"')[2].partition("</pre>")[0]

    assert traces({"text": shown}, values) == []


# ---- Enough to explain ----------------------------------------------------------------------------------------------


def test_bundle_explains_the_failure_to_who_cannot_open_the_page(viewer: Client) -> None:
    entity = payroll_entity()
    connection = entity.connection
    good = good_run(entity)
    changes = [{"field": "base_url", "before": "https://a.example", "after": "https://b.example"}]
    activity.record("connection.configured", actor=member("operator"), connection=connection, changes=changes)
    job = failed_run(entity, error_step="extract", error_detail="401: key expired", rows_extracted=500)
    attempt_of(job, ran_with={**VERSIONS, "dlt": "1.32.0"}, error_code="invalid_credentials")
    add_step(job, 1, "check_access", "success", 1)
    add_step(job, 2, "extract", "failed", 4)
    add_lines(job, "employees page 1, 401 in 30 ms", level="error")

    files = taken(viewer, job)

    found = records(files, "job.json")
    assert (found["id"], found["status"], found["page"]) == (
        str(job.pk), "failed", f"http://testserver{job.get_absolute_url()}",
    )  # fmt: skip
    error = found["error"]
    assert (error["code"], error["step"]) == ("invalid_credentials", "extract")
    assert error["source_said"] == "401: key expired"
    assert error["title"] == "Sandbox Payroll refused the sign-in"
    assert (error["who_must_act"], error["does_retrying_help"]) == ("operator", False)
    assert error["what_to_do"][0].startswith("Renew the credentials. Ask the owner of Sandbox Payroll")
    assert error["what_the_customer_should_hear"].startswith("Your sign-in was refused.")
    compared = records(files, "changes.json")
    assert compared["compared_with"]["id"] == str(good.pk)
    lines = {line["what"]: line for line in compared["lines"]}
    assert (lines["Configuration, base_url"]["before"], lines["Configuration, base_url"]["now"]) == (
        "https://a.example", "https://b.example",
    )  # fmt: skip
    assert lines["Configuration, base_url"]["note"] == "By operator"
    assert (lines["Version, dlt"]["before"], lines["Version, dlt"]["now"]) == ("1.31.0", "1.32.0")
    assert [step["status"] for step in records(files, "steps.json")] == ["success", "failed"]
    assert records(files, "attempts.json")[0]["ran_with"]["dlt"] == "1.32.0"
    assert records(files, "tables.json")[0] == {
        **PLAN, "rows_read_by_last_good_run": 1200, "columns": {"id": "text", "amount": "numeric(10,2)"},
    }  # fmt: skip
    assert [act["what"] for act in records(files, "activity.json")] == [
        "Downloaded the support bundle of a job of Kestrel Logistics", "Changed the setup of Kestrel Logistics",
    ]  # fmt: skip
    told = records(files, "connection.json")
    assert (told["id"], told["entity"]["name"], told["destination"]["name"]) == (
        str(connection.pk), "Kestrel Drivers GmbH", "Warehouse",
    )  # fmt: skip
    assert "ERROR   extract      employees page 1, 401 in 30 ms" in files["log.txt"]
    assert "Renew the credentials." in files["summary.txt"]
    # The README names every file, and no other.
    named = set(re.findall(r"^(\w+\.(?:txt|json)) ", files["README.txt"], re.MULTILINE))
    assert named == set(files) - {"README.txt"}


def test_who_took_the_bundle_is_recorded_once_and_is_no_change_of_the_connection(viewer: Client) -> None:
    entity = payroll_entity()
    good_run(entity)
    job = failed_run(entity)
    attempt_of(job)

    taken(viewer, job)
    files = taken(viewer, job)

    act = Activity.objects.get(pk=records(files, "activity.json")[1]["id"])
    assert (act.action, act.actor_name, act.job_id) == ("job.bundle_downloaded", "viewer", job.pk)
    assert Activity.objects.count() == 2
    assert records(files, "changes.json")["nothing_changed_on_our_side"]
    assert viewer.get(f"{job.get_absolute_url()}bundle/").status_code == 405
    assert "bundle/" in page(viewer, job)


def test_long_log_is_cut_in_the_middle_and_says_so(viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "FIRST_LINES", 2)
    monkeypatch.setattr(pages, "LAST_LINES", 3)
    monkeypatch.setattr(pages, "_BATCH", 2)
    job = failed_run(payroll_entity())
    add_lines(job, *(f"line {number} end" for number in range(1, 9)), "x" * 1200)

    files = taken(viewer, job)

    told = [line.partition("extract      ")[2] or line for line in files["log.txt"].splitlines() if line]
    assert told == [
        "line 1 end", "line 2 end", "… 4 lines are left out here …", "line 7 end", "line 8 end",
        f"{'x' * 1000} … 200 more characters",
    ]  # fmt: skip
    assert "The log has 9 lines, of which 4 in the middle are left out." in files["README.txt"]


def test_job_of_a_deleted_connection_without_entity_and_destination_has_its_bundle(viewer: Client) -> None:
    connection = make_connection(destination=None, deleted_at=timezone.now(), config={})
    job = make_job(connection, status="failed", type=JobType.TEST_CONNECTION, error_code="gone_in_a_later_version")

    files = taken(viewer, job)

    assert records(files, "changes.json")["said"] == f"{connection.name} had never passed a connection test before."
    assert (records(files, "connection.json")["destination"], records(files, "tables.json")) == (None, [])
    assert records(files, "job.json")["error"]["code"] == "gone_in_a_later_version"


def test_customer_words_stand_there_for_a_failure_alone(viewer: Client) -> None:
    entity = payroll_entity()

    failed, good = page(viewer, failed_run(entity)), page(viewer, good_run(entity))

    assert 'id="customer-text">Your sign-in was refused. Connect again' in failed
    assert 'data-copy-from="#customer-text"' in failed
    assert "What the customer should hear" not in good
