"""Page or fragment, and the tags that let an unchanged fragment travel without a body."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django_htmx.middleware import HtmxMiddleware

from dashboard.views.rendering import render_page, wants_fragment

HTMX = {"HX-Request": "true"}
POLL = {"address": "/", "seconds": 15, "seen": "head.1", "version": "1", "rows": (), "is_summary_new": False}


def answer(request: HttpRequest, **options: Any) -> HttpResponse:
    """What a view would answer that shows the living part of the list."""

    def view(asked: HttpRequest) -> HttpResponse:
        asked.user = AnonymousUser()
        return render_page(asked, "connections/list.html", {"poll": POLL}, fragment="live", **options)

    response = HtmxMiddleware(view)(request)
    assert isinstance(response, HttpResponse)
    return response


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, False),
        (HTMX, True),
        ({**HTMX, "HX-Boosted": "true"}, False),
        ({**HTMX, "HX-History-Restore-Request": "true"}, False),
    ],
)
def test_only_a_plain_htmx_request_wants_a_fragment(headers: dict[str, str], expected: bool) -> None:  # noqa: FBT001
    asked: list[bool] = []

    def view(request: HttpRequest) -> HttpResponse:
        asked.append(wants_fragment(request))
        return HttpResponse()

    HtmxMiddleware(view)(RequestFactory(headers=headers).get("/"))

    assert asked == [expected]


def test_fragment_is_tagged_by_its_text() -> None:
    first = answer(RequestFactory(headers=HTMX).get("/"))

    again = answer(RequestFactory(headers={**HTMX, "If-None-Match": first.headers["ETag"]}).get("/"))
    weak = answer(RequestFactory(headers={**HTMX, "If-None-Match": f"W/{first.headers['ETag']}"}).get("/"))

    assert first.status_code == 200
    assert (again.status_code, again.content) == (304, b"")
    assert weak.status_code == 304
    assert again.headers["ETag"] == first.headers["ETag"]
    assert "private" in first.headers["Cache-Control"]


def test_known_version_is_not_rendered_and_another_is() -> None:
    known = RequestFactory(headers={**HTMX, "If-None-Match": '"v1"'}).get("/")

    assert answer(known, version="v1").status_code == 304
    assert answer(known, version="v2").status_code == 200
    assert answer(known, version="v2").headers["ETag"] == '"v2"'


def test_answers_to_posts_and_refusals_carry_no_tag() -> None:
    refused = answer(RequestFactory(headers=HTMX).get("/"), status=409)
    posted = answer(RequestFactory(headers=HTMX).post("/"))

    assert (refused.status_code, "ETag" in refused.headers) == (409, False)
    assert "ETag" not in posted.headers
