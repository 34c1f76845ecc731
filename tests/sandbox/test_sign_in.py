"""Signing in at the sandbox's own API: passwords, locks, second factors, and what a token opens and for how long."""

from __future__ import annotations

import pytest
import requests

from connectors.sandbox.passwords import Letter, Passwords
from connectors.sandbox.users import USERS
from tests.sandbox.conftest import Start
from tests.sandbox.running import API_KEY
from tests.sandbox.serving import Clock, Visitor, read

ALL = {"employees": 200, "pay-runs": 200, "pay-statements": 200, "benefit-plans": 200, "benefit-enrollments": 200}
MINUTE = 60


def send(url: str, path: str = "", **body: object) -> requests.Response:
    return requests.post(f"{url}/v1/sign-in{path}", json=body, timeout=5)


def sign_in(url: str, user: str) -> str:
    answer = send(url, username=user, password=f"payroll-{user}")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["token"])


def refused(answer: requests.Response) -> tuple[int, str, int]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["tries_left"]


def test_a_password_gives_a_token_that_opens_everything(url: str) -> None:
    answer = send(url, username="nora", password="payroll-nora")

    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json()["scope"] == "benefits payroll workforce"
    companies = read(url, answer.json()["token"]).json()
    assert companies == read(url, API_KEY).json()
    assert companies["total"] == 12


@pytest.mark.parametrize(
    ("user", "companies", "answers"),
    [
        ("nora", 12, ALL),
        ("wanda", 12, {**dict.fromkeys(ALL, 403), "employees": 200}),
        ("sonja", 1, ALL),
        ("egon", 0, dict.fromkeys(ALL, 404)),
    ],
)
def test_a_token_opens_what_its_user_may_see(url: str, user: str, companies: int, answers: dict[str, int]) -> None:
    token = sign_in(url, user)

    assert read(url, token).json()["total"] == companies
    found = {name: read(url, token, f"companies/co_halden_foods/{name}").status_code for name in ALL}
    assert found == answers


def test_another_company_does_not_exist_for_who_sees_one(url: str) -> None:
    answer = read(url, sign_in(url, "sonja"), "companies/co_halden_uk/employees")

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "company_not_found")
    assert (
        read(url, sign_in(url, "wanda"), "companies/co_halden_uk/pay-runs").json()["error"]["code"]
        == "permission_denied"
    )


def test_five_wrong_passwords_lock_for_a_quarter_of_an_hour(url: str, clock: Clock) -> None:
    found = [refused(send(url, username="nora", password="wrong")) for _ in range(5)]
    right = send(url, username="nora", password="payroll-nora")

    assert found == [
        *((401, "invalid_credentials", left) for left in (4, 3, 2, 1)),
        (403, "account_locked", 0),
    ]
    assert refused(right) == (403, "account_locked", 0)
    assert 899 <= int(right.headers["Retry-After"]) <= 901
    clock.now += 14 * MINUTE
    assert send(url, username="nora", password="payroll-nora").status_code == 403
    clock.now += 2 * MINUTE
    assert refused(send(url, username="nora", password="wrong")) == (401, "invalid_credentials", 4)
    assert send(url, username="nora", password="payroll-nora").status_code == 200


def test_a_right_password_in_between_forgives_the_wrong_ones(url: str) -> None:
    for _ in range(3):
        for _ in range(4):
            send(url, username="nora", password="wrong")
        assert send(url, username=" Nora ", password="payroll-nora").status_code == 200


def test_nobody_learns_which_names_there_are(url: str) -> None:
    answers = [[send(url, username=name, password="wrong") for _ in range(6)] for name in ("nora", "nobody")]

    known, unknown = ([(answer.status_code, answer.json()) for answer in tried] for tried in answers)
    assert known == unknown


def test_a_locked_account_stays_locked(url: str, clock: Clock) -> None:
    clock.now += 3600
    answer = send(url, username="lars", password="payroll-lars")

    assert refused(answer) == (403, "account_locked", 0)
    assert "Retry-After" not in answer.headers


def challenge(url: str) -> str:
    answer = send(url, username="milan", password="payroll-milan")
    assert "token" not in answer.json()
    return str(answer.json()["challenge"])


def test_a_code_out_of_the_inbox_signs_in_once(url: str) -> None:
    asked = challenge(url)
    code = Visitor(url).code_in_inbox("milan")

    first, second = (send(url, "/code", challenge=asked, code=f" {code[:3]} {code[3:]} ") for _ in range(2))

    assert read(url, first.json()["token"]).json()["total"] == 12
    assert refused(second) == (401, "mfa_failed", 0)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def test_three_wrong_codes_end_the_question(url: str) -> None:
    asked, code = challenge(url), Visitor(url).code_in_inbox("milan")

    found = [refused(send(url, "/code", challenge=asked, code=wrong(code))) for _ in range(3)]

    assert found == [(401, "mfa_failed", left) for left in (2, 1, 0)]
    assert refused(send(url, "/code", challenge=asked, code=code)) == (401, "mfa_failed", 0)


def test_who_guesses_codes_is_locked_out_in_the_end(url: str) -> None:
    found = []
    for _ in range(5):
        asked, code = challenge(url), Visitor(url).code_in_inbox("milan")
        found += [refused(send(url, "/code", challenge=asked, code=wrong(code))) for _ in range(3)]

    assert found[-2:] == [(401, "mfa_failed", 1), (403, "account_locked", 0)]
    assert refused(send(url, username="milan", password="payroll-milan")) == (403, "account_locked", 0)


@pytest.mark.parametrize(("seconds", "status"), [(299, 200), (300, 401)])
def test_a_code_is_good_for_five_minutes(url: str, clock: Clock, seconds: int, status: int) -> None:
    asked, code = challenge(url), Visitor(url).code_in_inbox("milan")
    clock.now += seconds

    assert send(url, "/code", challenge=asked, code=code).status_code == status


def test_a_code_answers_its_own_question_only(url: str) -> None:
    older, code = challenge(url), Visitor(url).code_in_inbox("milan")
    newer, newest = challenge(url), Visitor(url).code_in_inbox("milan")

    assert code != newest or refused(send(url, "/code", challenge=older, code=wrong(code)))
    assert refused(send(url, "/code", challenge="not-one-of-ours", code=code)) == (401, "mfa_failed", 0)
    assert send(url, "/code", challenge=newer, code=newest).status_code == 200
    assert send(url, "/code", challenge=older, code=code).status_code == 200


def test_the_inbox_shows_the_newest_first_and_what_is_used(url: str, clock: Clock) -> None:
    assert "No code was sent" in requests.get(f"{url}/inbox/nora", timeout=5).text
    assert requests.get(f"{url}/inbox/nobody", timeout=5).status_code == 404
    asked, first = challenge(url), Visitor(url).code_in_inbox("milan")
    send(url, "/code", challenge=asked, code=first)
    clock.now += 10 * MINUTE
    challenge(url)

    page = requests.get(f"{url}/inbox/milan", timeout=5)

    second = Visitor(url).code_in_inbox("milan")
    assert page.text.index(second) < page.text.rindex(first)
    assert page.text.index("good for one sign-in") < page.text.index(", used")
    assert page.headers["Cache-Control"] == "no-store"


def test_what_anybody_makes_us_remember_has_an_end() -> None:
    passwords = Passwords(Clock())
    for _ in range(30):
        assert isinstance(passwords.check("milan", "payroll-milan"), Letter)

    assert len(passwords.inbox("milan") or ()) == 10


@pytest.mark.parametrize(
    ("path", "body"),
    [("", b"{"), ("", b"[]"), ("", b"\xff"), ("", b'{"username": "nora"}'), ("/code", b'{"challenge": "x"}'),
     ("", b'{"username": "nora", "password": 7}')],
)  # fmt: skip
def test_what_is_no_sign_in_is_400(url: str, path: str, body: bytes) -> None:
    answer = requests.post(f"{url}/v1/sign-in{path}", data=body, timeout=5)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")


def test_letters_that_no_text_may_hold_are_refused_like_any_wrong_password(url: str) -> None:
    body = b'{"username": "nora\\ud800", "password": "\\udfff"}'

    answer = requests.post(f"{url}/v1/sign-in", data=body, timeout=5)

    assert refused(answer) == (401, "invalid_credentials", 4)


def test_only_post_signs_in(url: str) -> None:
    answer = requests.get(f"{url}/v1/sign-in", timeout=5)

    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_knobs_for_everybody_hold_for_signing_in_too(start_sandbox: Start) -> None:
    down = start_sandbox(KNOBS='{"*": {"fail_status": 503}}')

    assert send(down.url, username="nora", password="payroll-nora").status_code == 503


def test_a_token_ends_after_its_time(url: str, clock: Clock) -> None:
    token = sign_in(url, "nora")
    clock.now += 30 * 24 * 3600 - 1
    assert read(url, token).status_code == 200
    clock.now += 1

    answer = read(url, token)

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "token_expired")
    assert answer.headers["WWW-Authenticate"].startswith('Bearer error="invalid_token"')


@pytest.mark.parametrize("place", [0, 20, -1])
def test_a_token_that_was_changed_opens_nothing(url: str, place: int) -> None:
    token = sign_in(url, "egon")
    forged = list(token)
    forged[place] = "A" if forged[place] != "A" else "B"

    assert read(url, "".join(forged)).status_code == 401
    assert read(url, token).status_code == 200


def test_a_token_outlives_the_server_and_opens_no_other(start_sandbox: Start) -> None:
    first = start_sandbox()
    token = sign_in(first.url, "nora")
    first.process.kill()
    first.process.wait(timeout=5)

    assert read(start_sandbox().url, token).status_code == 200
    assert read(start_sandbox(SEED="another").url, token).json()["error"]["code"] == "invalid_token"
    assert read(start_sandbox(API_KEY="another").url, token).json()["error"]["code"] == "invalid_token"


def test_nothing_secret_is_in_the_log_or_in_what_is_printed(start_sandbox: Start) -> None:
    sandbox = start_sandbox("--access-log")
    token = sign_in(sandbox.url, "nora")
    asked, code = challenge(sandbox.url), Visitor(sandbox.url).code_in_inbox("milan")
    send(sandbox.url, "/code", challenge=asked, code=code)
    read(sandbox.url, token)

    sandbox.process.terminate()
    said = sandbox.stderr_after()

    assert said.count("POST /v1/sign-in ") == 2
    assert not [secret for secret in ("payroll-nora", token, code, asked) if secret in said]
    letter = Letter(id="id-of-letter", user=USERS["milan"], code="123456", sent_at=0.0)
    assert not [secret for secret in ("id-of-letter", "123456", "payroll-milan") if secret in repr(letter)]
