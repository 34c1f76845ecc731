"""Where a person may be led afterwards: spellings that lead elsewhere are refused, whoever reads them how."""

from __future__ import annotations

import pytest

from sessions_log.models import ConnectLook
from sessions_log.services.return_addresses import AddressError, is_allowed, read_address, usable_return

ALLOWED = ("https://app.example.com/done", "https://portal.example.org/", "http://localhost:3000")


@pytest.mark.parametrize(
    "address",
    [
        "https://app.example.com/done",
        "https://app.example.com/done/",
        "https://app.example.com/done/payroll?session=1&next=/x",
        "https://APP.example.com:443/done",
        "https://portal.example.org",
        "https://portal.example.org/anything/at/all",
        "http://localhost:3000/callback",
    ],
)
def test_what_leads_to_an_allowed_place_is_allowed(address: str) -> None:
    assert is_allowed(address, ALLOWED)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "/done",
        "//app.example.com/done",
        "https:app.example.com/done",
        "https:///app.example.com/done",
        "http://app.example.com/done",
        "https://app.example.com/",
        "https://app.example.com/done-evil",
        "https://app.example.com/Done",
        "https://app.example.com:8443/done",
        "https://app.example.com.evil.test/done",
        "https://evil.test/https://app.example.com/done",
        "https://evil.test/?https://app.example.com/done",
        "https://app.example.com@evil.test/done",
        "https://user:secret@app.example.com/done",
        "https://evil.test\\@app.example.com/done",
        "https://app.example.com\\.evil.test/done",
        "https://app.example.com/done/../admin",
        "https://app.example.com/done/%2e%2e/admin",
        "https://app.example.com/done/%2E./admin",
        "https://app.example.com/done%2f..%2fadmin",
        "https://app.example.com/done/%5c..%5cadmin",
        "https://app.example.com//done",
        "https://app.example.com/done%00",
        "https://app.example.com/done%zz",
        "https://app.example.com/done#//evil.test",
        "https://app.example.com/done\n",
        " https://app.example.com/done",
        "https://app.example.com/do ne",
        "https://app.example.com./done",
        "https://app..example.com/done",
        "https://app.example.com:0/done",
        "https://app.example.com:99999/done",
        "https://app.example.com:/done",
        "https://ap\u0440.example.com/done",
        "https://\u017fapp.example.com/done",
        "javascript:alert(1)//https://app.example.com/done",
        "data:text/html,https://app.example.com/done",
        "http://localhost:3001/callback",
        "http://localhost/callback",
        "http://127.0.0.1:3000/callback",
        f"https://app.example.com/done/{'x' * 500}",
    ],
)
def test_what_leads_elsewhere_or_is_spelled_unusually_is_refused(address: str) -> None:
    assert not is_allowed(address, ALLOWED)


def test_nothing_is_allowed_by_an_empty_list_or_a_broken_line() -> None:
    assert not is_allowed("https://app.example.com/done", ())
    assert not is_allowed("https://app.example.com/done", ("https://", "app.example.com", "*"))


def test_why_an_address_is_refused() -> None:
    with pytest.raises(AddressError, match="Only https"):
        read_address("http://app.example.com/")
    with pytest.raises(AddressError, match="goes up or hides"):
        read_address("https://app.example.com/a/../b")
    with pytest.raises(AddressError, match="no user, no fragment"):
        read_address("https://app.example.com/#top")
    assert read_address("HTTP://[::1]:8080/x?y").origin == ("http", "[::1]", 8080)


@pytest.mark.django_db
def test_a_stored_address_is_used_only_while_it_is_allowed() -> None:
    stored = "https://app.example.com/done"

    assert usable_return(stored) == ""

    ConnectLook.objects.create(return_addresses="https://app.example.com/\nhttps://other.example.com/x")
    assert (usable_return(stored), usable_return("")) == (stored, "")

    ConnectLook.objects.update(return_addresses="https://other.example.com/x")
    assert usable_return(stored) == ""
