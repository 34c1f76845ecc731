"""The look of the hosted flow: who may change it, what is refused, and what everybody gets of it."""

from __future__ import annotations

import base64
import re
import struct
import zlib
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from connectors.models import Activity
from dashboard.contrast import contrast, reading_on
from dashboard.forms.connect_look import colour_of
from sessions_log.models import ConnectLook
from tests.dashboard.pages import flat

pytestmark = pytest.mark.django_db
PAGE = "/settings/connect/"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 28 28"><rect width="28" height="28" fill="#0f5c4d"/></svg>'


def png(width: int = 28, height: int = 28, *, extra: bytes = b"") -> bytes:
    """A grey picture; `extra` are chunks before its end."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = zlib.compress(b"".join(b"\0" + b"\x80" * min(width, 64) for _ in range(min(height, 64))))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + extra + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def seen(client: Client) -> str:
    found = re.search(r'name="seen" value="([^"]+)"', client.get(PAGE).content.decode())
    assert found
    return found[1]


def answer(client: Client, **values: Any) -> dict[str, Any]:
    return {
        "seen": seen(client),
        "name": "Meridian Payroll Cloud",
        "brand": "#0F5C4D",
        "brand_dark": "",
        "support_url": "https://help.meridian.example/start#contact",
        "terms_url": "https://meridian.example/terms/2026-09",
        "terms_version": "2026-09",
        "privacy_url": "https://meridian.example/privacy",
        "link_hours": "168",
        "return_addresses": "https://app.meridian.example/done\r\n\r\nhttps://app.meridian.example/done",
        "return_url": "https://app.meridian.example/done",
    } | values


def test_look_is_stored_with_who_and_when(admin: Client) -> None:
    assert admin.post(PAGE, answer(admin)).headers["Location"] == PAGE

    look = ConnectLook.objects.get()
    assert (look.name, look.brand, look.brand_dark, look.link_hours) == ("Meridian Payroll Cloud", "#0f5c4d", "", 168)
    assert look.return_addresses == "https://app.meridian.example/done"
    assert (look.terms_version, look.changed_by.username) == ("2026-09", "admin")  # type: ignore[union-attr]
    act = Activity.objects.get()
    assert (act.action, act.subject, act.actor_name) == ("look.changed", "the connect flow", "admin")
    assert {"field": "name", "before": "Patchbay", "after": "Meridian Payroll Cloud"} in act.changes
    assert "<dt>version of the terms</dt>" in flat(admin.get("/activity/"))
    page = flat(admin.get(PAGE))
    assert 'value="Meridian Payroll Cloud"' in page
    assert "by admin" in page


def test_same_answer_changes_nothing(admin: Client) -> None:
    for _ in range(2):
        admin.post(PAGE, answer(admin))

    assert Activity.objects.count() == 1


def test_change_by_somebody_else_is_not_lost(admin: Client) -> None:
    mine, theirs = answer(admin, name="Mine"), answer(admin, name="Theirs")
    admin.post(PAGE, theirs)

    page = admin.post(PAGE, mine)

    assert page.status_code == 409
    assert "Somebody else changed the connect flow" in flat(page)
    assert 'value="Mine"' in flat(page)
    assert ConnectLook.objects.get().name == "Theirs"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": "  "}, "Give the name under which people know you"),
        ({"name": "x" * 81}, "at most 80 characters"),
        ({"brand": ""}, "This field is required"),
        ({"brand": "green"}, "Write it as #0f5c4d"),
        ({"brand": "#0f5c4d;}"}, "Write it as #0f5c4d"),
        ({"brand": "#7a7a7a"}, "Neither white nor dark text can be read on it: 4.3 to 1"),
        ({"brand_dark": "#7a7a7a"}, "Neither white nor dark text can be read on it"),
        ({"support_url": "javascript:alert(1)"}, "Write it as https://help.example.com."),
        ({"terms_url": "ftp://meridian.example"}, "Write it as https://help.example.com."),
        ({"privacy_url": "meridian"}, "Write it as https://help.example.com."),
        ({"link_hours": "0"}, "Choose one of the list"),
        ({"return_addresses": "https://app.meridian.example/done http://evil.test"}, "“http://evil.test”: Only https"),
        ({"return_addresses": "*"}, "“*”: Write it as"),
        ({"return_addresses": "https://app.meridian.example/?x=1"}, "leave out what follows the question mark"),
        ({"return_url": "https://evil.test/done"}, "It is not on the list of allowed addresses"),
        ({"return_addresses": ""}, "It is not on the list of allowed addresses"),
    ],
)
def test_what_cannot_be_used_is_told_and_nothing_is_stored(admin: Client, wrong: dict[str, Any], said: str) -> None:
    page = admin.post(PAGE, answer(admin) | wrong)

    assert page.status_code == 422
    assert said in flat(page)
    assert ConnectLook.objects.count() == Activity.objects.count() == 0


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_others_neither_see_nor_change_it(request: pytest.FixtureRequest, role: str) -> None:
    client: Client = request.getfixturevalue(role)

    assert client.get(PAGE).status_code == client.post(PAGE, {"name": "x"}).status_code == 403
    assert client.get("/settings/").status_code == 403
    assert 'href="/settings/"' not in flat(client.get("/"))


def test_settings_lead_there(admin: Client) -> None:
    assert f'href="{PAGE}"' in flat(admin.get("/settings/"))
    assert 'href="/settings/"' in flat(admin.get("/"))


def test_page_takes_the_same_queries_before_and_after(
    admin: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(2):
        # Session, user, groups; the look; and the line of Patchbay's own health.
        with django_assert_num_queries(5):
            admin.get(PAGE)
        ConnectLook.objects.get_or_create(logo=SVG, logo_type="image/svg+xml", logo_digest="0123")


def test_preview_stores_nothing_and_shows_what_was_typed(admin: Client) -> None:
    page = admin.post(PAGE, answer(admin, then="preview", brand="#123", name="Halden & Co"))

    assert page.status_code == 200
    assert '/connect/look.css?light=%23112233"' in flat(page)
    assert "Halden &amp; Co" in flat(page)
    assert ConnectLook.objects.count() == 0


@pytest.mark.parametrize(("name", "data", "kind"), [("m.png", png(), "image/png"), ("m.svg", SVG, "image/svg+xml")])
def test_logo_is_shown_to_everybody_and_can_do_nothing(admin: Client, name: str, data: bytes, kind: str) -> None:
    admin.post(PAGE, answer(admin, logo=SimpleUploadedFile(name, data, kind)))

    stored = ConnectLook.objects.get()
    got = Client().get(f"/connect/logo?v={stored.logo_digest}")
    assert (got.status_code, got.headers["Content-Type"]) == (200, kind)
    assert got.headers["Content-Security-Policy"] == "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in got.headers["Cache-Control"]
    assert got.cookies == {}
    assert "no-cache" in Client().get("/connect/logo?v=other").headers["Cache-Control"]
    assert Activity.objects.get().changes[-1] == {"field": "logo", "before": None, "after": "replaced"}


def test_png_keeps_the_picture_only(admin: Client) -> None:
    text = b"tEXtComment\0taken at home"
    told = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    admin.post(PAGE, answer(admin, logo=SimpleUploadedFile("m.png", png(extra=told) + b"<script>", "image/png")))

    assert bytes(ConnectLook.objects.get().logo) == png()


def test_svg_loses_scripts_and_handlers(admin: Client) -> None:
    evil = (
        b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x "y">]>'
        b'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" onload="alert(1)">'
        b"<script>alert(1)</script><rect onclick='alert(2)' width='9' height='9'/>"
        b"<a xlink:href='javascript:alert(3)'><path d='M0 0'/></a>"
        b"<foreignObject><body xmlns='http://www.w3.org/1999/xhtml'><iframe src='x'/></body></foreignObject></svg>"
    )
    admin.post(PAGE, answer(admin, logo=SimpleUploadedFile("m.svg", evil, "image/svg+xml")))

    kept = bytes(ConnectLook.objects.get().logo).decode()
    assert not re.search(r"script|onload|onclick|iframe|foreignObject|DOCTYPE|ENTITY", kept)
    assert "<rect" in kept


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "The submitted file is empty"),
        (b"GIF89a" + b"\0" * 40, "It is neither a PNG nor an SVG"),
        (b"<html><script>1</script></html>", "It is neither a PNG nor an SVG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><image href='https://evil.test/x.png'/></svg>", "other files"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><use href='//evil.test/x.svg#a'/></svg>", "other files"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><rect style='fill:url(//evil.test/x)'/></svg>", "other files"),
        (SVG + b" " * 100_000, "It has 100 kB, and 100 kB is the most"),
        (png()[:-12], "The PNG is not whole"),
        (png()[:-20], "The PNG is damaged"),
        (png().replace(b"IDAT", b"IDAX"), "The PNG is damaged"),
        (png(5000, 5000), "It is 5000 by 5000 pixels"),
        (b"\x89PNG\r\n\x1a\n", "The PNG is not whole"),
    ],
    ids=range(12),
)
def test_file_that_is_no_picture_is_refused(admin: Client, data: bytes, said: str) -> None:
    page = admin.post(PAGE, answer(admin, logo=SimpleUploadedFile("m.png", data, "image/png")))

    assert page.status_code == 422
    assert said in flat(page)
    assert ConnectLook.objects.count() == 0


def test_logo_is_taken_away(admin: Client) -> None:
    admin.post(PAGE, answer(admin, logo=SimpleUploadedFile("m.svg", SVG, "image/svg+xml")))
    admin.post(PAGE, answer(admin, no_logo="on"))

    assert (bytes(ConnectLook.objects.get().logo), Client().get("/connect/logo").status_code) == (b"", 404)


def test_stylesheet_holds_the_colours_and_nothing_that_was_typed(admin: Client) -> None:
    assert "--brand: light-dark(#0f5c4d, #7ad0bb)" in Client().get("/connect/look.css").content.decode()
    admin.post(PAGE, answer(admin, brand="#ffcc00"))

    got = Client().get("/connect/look.css")

    assert got.headers["Content-Type"] == "text/css"
    assert got.content.decode() == (
        ":root { --brand: light-dark(#ffcc00, #ffcc00); --brand-ink: light-dark(#0d1714, #0d1714); }\n"
    )
    wrong = Client().get("/connect/look.css?light=red;}*{display:none&dark=%23000000").content
    assert wrong == got.content


def test_contrast_is_that_of_the_standard() -> None:
    assert round(contrast("#ffffff", "#000000"), 2) == 21
    assert round(contrast("#777777", "#ffffff"), 2) == 4.48
    assert (reading_on("#0f5c4d").word, round(reading_on("#0f5c4d").ratio, 1)) == ("White", 7.9)
    assert reading_on("#7ad0bb").word == "Dark"


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ("#0F5C4D", "#0f5c4d"),
        (" 0f5c4d ", "#0f5c4d"),
        ("#abc", "#aabbcc"),
        ("", ""),
        ("#12345", ""),
        ("#\uff11\uff12\uff13", ""),
    ],
)
def test_colour_is_read(text: str, colour: str) -> None:
    assert colour_of(text) == colour


def test_logo_in_a_page_is_its_own_file() -> None:
    """A picture inside an SVG stays: it is no other file."""
    from sessions_log.pictures import clean_picture  # noqa: PLC0415 - beside its one use

    inner = base64.b64encode(png()).decode()
    svg = f"<svg xmlns='http://www.w3.org/2000/svg'><image href='data:image/png;base64,{inner}'/></svg>"

    assert inner in clean_picture(svg.encode())[1].decode()
