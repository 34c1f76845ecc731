"""What goes out of the house: the known secrets are gone in every spelling, what looks like one too, and words stay."""

from __future__ import annotations

import base64

import pytest

from connectors.scrub import HIDDEN, Scrubber, is_secret_name, secrets_among

NOTHING = Scrubber([])


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("postgres://reader:pa/ss@w0rd@db.example:5432/shop", f"postgres://{HIDDEN}@db.example:5432/shop"),
        ("https://onlyakey@api.example/x", f"https://{HIDDEN}@api.example/x"),
        ("host=h password='a b' user=u", f"host=h password={HIDDEN} user=u"),
        (
            "url=https://x.example/?page=2&access_token=abc&n=1",
            f"url=https://x.example/?page=2&access_token={HIDDEN}&n=1",
        ),
        ('{"apiKey": "abc", "ok": 1}', f'{{"apiKey": {HIDDEN}, "ok": 1}}'),
        ("Authorization: Bearer abc.def-123456", f"Authorization: {HIDDEN} {HIDDEN}"),
        ("ALTER ROLE r PASSWORD 'x y'", f"ALTER ROLE r PASSWORD {HIDDEN}"),
        ("sent SK_LIVE_51Hxabcdef to us", f"sent {HIDDEN} to us"),
        ("jwt eyJhbGciOiJI.eyJzdWIi.c2lnbg end", f"jwt {HIDDEN} end"),
        ("table a1b2c3d4e5f6g7h8", f"table {HIDDEN}"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\nnext", f"{HIDDEN}\nnext"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str, left: str) -> None:
    assert NOTHING.text(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "invalid_credentials: provider answered 401",
        'FATAL: password authentication failed for user "patchbay_reader"',
        "token endpoint returned 401, retry 1 of 3 in 2 s",
        "Job 01a1f376-a902-75f3-b08f-448cbd9c1e65 in pb_01a1f376a90275f3b08f448cbd9c1e65",
        "worker vm/9842715b-4026531836/17629-1892081",
        "employee_benefit_enrollment_2024_history: 1,200 rows, 3.2 MB in 0.42 s",
        "Cursor employees.updated_at = 2026-11-18T17:03:22Z, backup 20261125T120000Z",
        "GET https://api.example:8443/hr/v2/workers?page=2, 200 in 388 ms",
    ],
)
def test_what_explains_a_failure_stays(text: str) -> None:
    assert NOTHING.text(text) == text


def test_known_secret_goes_wherever_it_stands_in_a_value() -> None:
    scrubber = Scrubber(["correct horse/battery"])

    found = scrubber.value(
        {"correct horse/battery": ["a CORRECT HORSE/BATTERY", 3, None, {"x": "correct+horse%2fbattery"}]}
    )

    assert found == {HIDDEN: [f"a {HIDDEN}", 3, None, {"x": HIDDEN}]}
    assert scrubber.named("api_token", "short") == HIDDEN
    assert scrubber.named("host", "db.example") == "db.example"


@pytest.mark.parametrize("before", [b"", b"u:", b"me:"])
def test_known_secret_is_known_encoded(before: bytes) -> None:
    """These encodings look like ordinary words, so that knowing the secret is all that helps."""
    scrubber = Scrubber(["quietriver", "waterquiet"])
    encoded = base64.b64encode(before + b"quietriver").decode()
    assert NOTHING.text(encoded) == encoded

    found = scrubber.text(f"Authorization {encoded}, {b'waterquiet'.hex()}")

    assert encoded[4:-4] not in found
    assert found.endswith(f", {HIDDEN}")


def test_secrets_in_plain_settings_are_found() -> None:
    settings = {"base_url": "https://u:p%2Fq@x.example", "access_key": "abcd", "port": 5432, "database": "shop"}

    assert list(secrets_among(settings)) == ["p%2Fq", "p/q", "abcd"]
    assert not any(map(is_secret_name, ("database", "monkey", "tokenizer", "user")))


@pytest.mark.parametrize("text", ["token" * 20_000, "a.b-" * 20_000, "://a:" * 4_000 + " ", "a" * 100_000 + " "])
def test_long_text_of_a_source_is_read_to_its_end(text: str) -> None:
    """An expression that goes back and forth would take minutes for each of these."""
    assert NOTHING.text(f"{text}password=abc") == f"{text}password={HIDDEN}"
