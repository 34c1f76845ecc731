"""The pages of the sandbox's authorization server over HTTP, rule by rule (RFC 6749, 7636, 8252)."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
import requests

from tests.sandbox.conftest import Start
from tests.sandbox.serving import (
    ASK,
    COMPANY,
    REDIRECT,
    Clock,
    Visitor,
    exchange,
    granted,
    read,
)


def test_the_whole_way(url: str, visitor: Visitor) -> None:
    back = visitor.allows()
    assert visitor.page.headers["Location"].startswith(f"{REDIRECT}?code=")
    assert back.keys() == {"code", "state"}

    answer = exchange(url, back["code"])

    found = answer.json()
    assert answer.headers["Cache-Control"] == "no-store"
    assert (found["token_type"], found["expires_in"], found["scope"]) == ("Bearer", 600, "workforce payroll")
    assert read(url, found["access_token"], f"{COMPANY}/pay-runs").status_code == 200
    # A refresh token opens nothing by itself.
    assert read(url, found["refresh_token"]).json()["error"]["code"] == "invalid_token"


@pytest.mark.parametrize(
    "state", ["x", "a b&c=d#e%20", "żółć", "%00%ff", "<script>", "state=1&error=access_denied", "v" * 2000]
)
def test_the_state_comes_back_as_it_was_sent(visitor: Visitor, state: str) -> None:
    assert visitor.allows(state=state)["state"] == state


def test_a_state_that_is_no_text_comes_back_byte_by_byte(visitor: Visitor) -> None:
    asked = urlencode({name: value for name, value in ASK.items() if name != "state"})
    visitor.opens_address(f"{visitor.url}/oauth/authorize?{asked}&state=%FF%fe+x")
    visitor.sends(decision="deny")

    query = visitor.page.headers["Location"].partition("?")[2]
    assert dict(parse_qsl(query, encoding="latin-1"))["state"] == "\xff\xfe x"


def test_without_a_state_none_comes_back(visitor: Visitor) -> None:
    assert visitor.allows(state=None).keys() == {"code"}


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "somebody-else"},
        {"client_id": None},
        {"redirect_uri": None},
        {"redirect_uri": "https://evil.example/connect/callback/"},
        {"redirect_uri": "http://127.0.0.1:8000/connect/callback"},
        {"redirect_uri": "http://127.0.0.1:8000/connect/callback/more"},
        {"redirect_uri": "http://127.0.0.1:8000/connect/callback/?next=x"},
        {"redirect_uri": "http://127.0.0.1:8000/connect/callback/#x"},
        {"redirect_uri": "https://127.0.0.1:8000/connect/callback/"},
        {"redirect_uri": "http://127.0.0.1.evil.example/connect/callback/"},
        {"redirect_uri": "http://evil@127.0.0.1:8000/connect/callback/"},
        {"redirect_uri": "http://127.0.0.1:8000@evil.example/connect/callback/"},
        {"redirect_uri": "http://localhost:8000/connect/callback/"},
        {"redirect_uri": "http://127.0.0.1:99999/connect/callback/"},
        {"redirect_uri": "http://127.0.0.1:8000/connect/callback/\r\nX: y"},
        {"redirect_uri": "http://[::1/connect/callback/"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": "//127.0.0.1/connect/callback/"},
    ],
)
def test_nobody_is_sent_to_an_address_that_is_not_registered(visitor: Visitor, changed: dict[str, str | None]) -> None:
    answer = visitor.opens(changed)

    assert (answer.status_code, answer.headers.get("Location")) == (400, None)
    assert "<form" not in answer.text
    assert "evil" not in answer.text


@pytest.mark.parametrize("uri", ["http://127.0.0.1:1/connect/callback/", "http://[::1]:65535/connect/callback/"])
def test_a_loopback_address_may_have_any_port(visitor: Visitor, uri: str) -> None:
    visitor.allows(redirect_uri=uri)

    assert visitor.page.headers["Location"].startswith(f"{uri}?code=")


def test_registered_addresses_are_those_of_the_setting_and_keep_their_parameters(start_sandbox: Start) -> None:
    own = "https://patchbay.example/back/?tenant=a%20b"
    visitor = Visitor(start_sandbox(REDIRECTS=f"{own}, https://other.example/").url)

    back = visitor.allows(redirect_uri=own)

    assert visitor.page.headers["Location"].startswith(f"{own}&code=")
    assert back["tenant"] == "a b"
    assert visitor.opens({"redirect_uri": REDIRECT}).status_code == 400
    assert visitor.opens({"redirect_uri": "https://patchbay.example:444/back/?tenant=a%20b"}).status_code == 400


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": "s256"}, "invalid_request"),
        ({"scope": "workforce everything"}, "invalid_scope"),
    ],
)
def test_a_wrong_request_is_told_to_the_client(visitor: Visitor, changed: dict[str, str | None], error: str) -> None:
    visitor.opens(changed)

    back = visitor.came_back_with()
    assert visitor.page.headers["Location"].startswith(f"{REDIRECT}?")
    assert (back["error"], back["state"]) == (error, ASK["state"])
    assert "code" not in back


@pytest.mark.parametrize("name", ["state", "scope", "code_challenge"])
def test_a_parameter_that_comes_twice_is_a_wrong_request(visitor: Visitor, name: str) -> None:
    visitor.opens_address(f"{visitor.url}/oauth/authorize?{urlencode(ASK)}&{name}={quote(ASK[name])}")

    assert visitor.came_back_with()["error"] == "invalid_request"


@pytest.mark.parametrize("name", ["redirect_uri", "client_id"])
def test_a_way_back_that_comes_twice_is_not_taken(visitor: Visitor, name: str) -> None:
    answer = visitor.opens_address(f"{visitor.url}/oauth/authorize?{urlencode(ASK)}&{name}={quote(ASK[name])}")

    assert answer.status_code == 400


def test_denying_is_told_to_the_client(visitor: Visitor) -> None:
    visitor.opens()
    visitor.sends(decision="deny")
    assert visitor.came_back_with()["error"] == "access_denied"

    visitor.opens()
    visitor.sends(username="nora", password="payroll-nora")
    visitor.sends(decision="deny", scope="workforce")
    assert visitor.came_back_with()["error"] == "access_denied"


def test_a_wrong_password_is_asked_again_until_the_lock(visitor: Visitor) -> None:
    visitor.opens()
    said = []
    for _ in range(5):
        assert visitor.sends(username='no"ra', password="<wrong>").status_code == 422
        said.append(visitor.message)

    assert said[0] == "User name or password is wrong. 4 tries are left."
    assert said[3] == "User name or password is wrong. 1 try is left."
    assert said[4] == "Too many wrong tries. The account is locked for 15 more minutes."
    assert 'value="no&quot;ra"' in visitor.page.text
    assert "wrong&gt;" not in visitor.page.text
    assert "<wrong>" not in visitor.page.text


def test_a_locked_account_is_told(visitor: Visitor) -> None:
    visitor.opens()
    visitor.sends(username="lars", password="payroll-lars")

    assert visitor.message == "The account is locked. An administrator can unlock it."


def test_a_second_factor_is_asked_for(url: str, visitor: Visitor) -> None:
    visitor.opens()
    visitor.sends(username="milan", password="payroll-milan")
    visitor.sends(code="wrong")
    assert visitor.message == "The code is wrong. 2 tries are left."
    # Neither button of a later page helps past it.
    visitor.sends(decision="allow", scope=["workforce"])
    assert visitor.message == "The code is wrong. 1 try is left."

    visitor.sends(code=visitor.code_in_inbox("milan"))
    visitor.sends(decision="allow", scope=["workforce"])

    assert exchange(url, visitor.came_back_with()["code"]).json()["scope"] == "workforce"


def test_three_wrong_codes_lead_back_to_the_password(visitor: Visitor) -> None:
    visitor.opens()
    visitor.sends(username="milan", password="payroll-milan")
    for _ in range(3):
        visitor.sends(code="wrong")

    assert 'name="password"' in visitor.page.text
    visitor.sends(username="milan", password="payroll-milan")
    assert 'name="code"' in visitor.page.text


def test_only_what_was_ticked_is_granted(url: str, visitor: Visitor) -> None:
    visitor.opens()
    visitor.sends(username="nora", password="payroll-nora")
    visitor.sends(decision="allow")
    assert visitor.message == "Tick what may be read, or deny."
    visitor.sends(decision="allow", scope=["workforce", "everything"])

    found = exchange(url, visitor.came_back_with()["code"]).json()

    assert found["scope"] == "workforce"
    assert read(url, found["access_token"], f"{COMPANY}/employees").status_code == 200
    beyond = read(url, found["access_token"], f"{COMPANY}/pay-runs")
    assert (beyond.status_code, beyond.json()["error"]["code"]) == (403, "insufficient_scope")
    assert beyond.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="payroll"'


def test_more_than_was_asked_for_is_not_granted(visitor: Visitor) -> None:
    visitor.opens({"scope": "workforce"})
    visitor.sends(username="nora", password="payroll-nora")
    assert 'value="payroll"' not in visitor.page.text

    visitor.sends(decision="allow", scope=["payroll", "workforce"])

    assert exchange(visitor.url, visitor.came_back_with()["code"]).json()["scope"] == "workforce"


def test_without_a_scope_all_that_changes_nothing_is_asked_for(url: str) -> None:
    assert exchange(url, Visitor(url).allows(scope=None)["code"]).json()["scope"] == "workforce payroll"


def test_what_a_user_may_not_read_cannot_be_passed_on(url: str) -> None:
    assert granted(url, user="wanda")["scope"] == "workforce"


def test_a_decision_counts_once(visitor: Visitor) -> None:
    visitor.opens()
    visitor.sends(username="nora", password="payroll-nora")
    consent = visitor.page
    visitor.sends(decision="allow", scope=["payroll"])
    assert visitor.came_back_with()["code"]

    visitor.page = consent
    again = visitor.sends(decision="allow", scope=["payroll"])

    assert (again.status_code, again.headers.get("Location")) == (400, None)


@pytest.mark.parametrize(("seconds", "status"), [(899, 200), (900, 400)])
def test_a_page_waits_for_a_quarter_of_an_hour(visitor: Visitor, clock: Clock, seconds: int, status: int) -> None:
    visitor.opens()
    clock.now += seconds

    assert visitor.sends(username="nora", password="payroll-nora").status_code == status


def test_a_page_that_is_not_ours_is_not_gone_on_with(url: str, visitor: Visitor) -> None:
    visitor.opens()
    ticket = visitor.ticket
    for forged in ("", "x", ticket[:-2], f"{ticket}x", ticket.replace("visit", "session")):
        answer = requests.post(
            f"{url}/oauth/authorize", data={"ticket": forged, "decision": "deny"}, timeout=5, allow_redirects=False
        )
        assert (answer.status_code, answer.headers.get("Location")) == (400, None)
    as_json = requests.post(f"{url}/oauth/authorize", json={"ticket": ticket, "decision": "deny"}, timeout=5)
    assert as_json.status_code == 400


def test_pages_run_nothing_and_are_not_framed(visitor: Visitor) -> None:
    pages = [visitor.opens()]
    pages.append(visitor.sends(username="milan", password="payroll-milan"))
    pages.append(visitor.sends(code=visitor.code_in_inbox("milan")))
    pages += [visitor.opens({"client_id": "nobody"}), requests.get(f"{visitor.url}/inbox/milan", timeout=5)]
    pages.append(requests.get(f"{visitor.url}/access", timeout=5))

    for page in pages:
        policy = dict(part.strip().split(" ", 1) for part in page.headers["Content-Security-Policy"].split(";"))
        assert (policy["default-src"], policy["style-src"]) == ("'none'", "'self'")
        assert (policy["frame-ancestors"], policy["base-uri"]) == ("'none'", "'none'")
        assert page.headers["X-Frame-Options"] == "DENY"
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert page.headers["Cache-Control"] == "no-store"
        assert "<script" not in page.text
        assert "style=" not in page.text
    # Where a form leads to by a redirect is a part of where it leads to.
    assert "form-action 'self' http://127.0.0.1:8000;" in pages[0].headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "value", ["nonsense", "/relative/", "ftp://x/", "https://a.example/#x", "https://a.example/ b"]
)
def test_an_address_that_cannot_be_registered_is_one_line(start_sandbox: Start, value: str) -> None:
    with pytest.raises(AssertionError, match="PATCHBAY_SANDBOX_REDIRECTS must be whole addresses"):
        start_sandbox(REDIRECTS=value)


def test_the_way_back_of_a_policy_names_no_address_of_ipv6(visitor: Visitor) -> None:
    page = visitor.opens({"redirect_uri": "http://[::1]:8000/connect/callback/"})

    assert "form-action 'self' http:;" in page.headers["Content-Security-Policy"]
    assert urlsplit(visitor.url).hostname == "127.0.0.1"
