"""Who may do what, in a browser: a viewer, a stranger, and a person whose session has ended meanwhile."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.e2e import records
from tests.e2e.conftest import Visit
from tests.e2e.stack import Stack
from tests.e2e.visitor import Visitor

HTMX = {"HX-Request": "true"}
# Posts as the page's own scripts do, with the token that the page carries, to see that the role alone is refused.
POST = """async path => {
    const headers = JSON.parse(document.body.getAttribute("hx-headers"));
    const answer = await fetch(path, {method: "POST", headers});
    return [answer.status, await answer.text()];
}"""


ACTIONS = ("sync", "test", "discover", "pause", "resume", "resync", "purge", "duplicate", "delete")
BULK = ("sync", "test", "pause", "resume", "tag", "delete")
# Links that open a question. Everybody may see the tests.
QUESTIONS = ", ".join(f"a[href$='/{action}/']" for action in ACTIONS if action != "test")
COUNTS = """SELECT (SELECT count(*) FROM jobs_job), (SELECT count(*) FROM connectors_connection),
    (SELECT count(*) FROM jobs_bulk), (SELECT count(*) FROM connectors_activity)"""


def sync_path(stack: Stack) -> str:
    return f"/connections/{records.connection_id(stack, 'Webshop')}/sync/"


def end_session(visitor: Visitor) -> None:
    """Take the session away as its end does; the other cookies stay."""
    visitor.page.context.clear_cookies(name=re.compile("session$"))


def test_viewer_sees_no_button_that_would_refuse(stack: Stack, visit: Visit) -> None:
    webshop = records.connection_id(stack, "Webshop")
    company = records.entity(stack, "co_halden_foods").path
    pages = ["/", f"/connections/{webshop}/", f"/connections/{webshop}/jobs/", company]
    pages += [records.last_job(stack, name).path for name in ("Webshop", "Webshop staging")]
    with visit("viewer") as visitor:
        visitor.expects(403)
        for path in pages:
            visitor.open(path)
            buttons = visitor.page.get_by_role("main").get_by_role(
                "button", name=re.compile("sync|cancel", re.IGNORECASE)
            )
            expect(buttons).to_have_count(0)
            # Which columns are shown is everybody's own choice, and a bundle is posted for because it is recorded;
            # everything else that is posted would change something.
            own = "[action='/connections/columns/'], [action^='/jobs/'][action$='/bundle/']"
            others = visitor.page.locator(f"main form[method=post]:not({own})")
            expect(others).to_have_count(0)
            expect(visitor.page.get_by_role("main").locator(QUESTIONS)).to_have_count(0)
        before = stack.rows(COUNTS)

        paths = [f"{company}sync/", f"{pages[-1]}cancel/"]
        paths += [f"/connections/{webshop}/{action}/" for action in ACTIONS]
        paths += [f"/bulk/{action}/" for action in BULK]
        for path in paths:
            status, text = visitor.page.evaluate(POST, path)
            assert (path, status, "This needs the role" in text) == (path, 403, True)

    assert stack.rows(COUNTS) == before


def test_stranger_is_led_to_the_sign_in_page_and_back(stack: Stack, visit: Visit) -> None:
    path = f"/connections/{records.connection_id(stack, 'Webshop')}/jobs/"
    with visit("") as visitor:
        visitor.open(path)
        expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Sign in")

        visitor.sign_in("viewer")

        assert visitor.page.url == f"{stack.url}{path}"


def test_wrong_password_says_so_and_keeps_the_name(visit: Visit) -> None:
    with visit("") as visitor:
        visitor.open("/accounts/login/")
        visitor.page.get_by_label("User name or e-mail").fill("viewer")
        visitor.page.get_by_label("Password").fill("not the password")
        visitor.page.get_by_role("button", name="Sign in").click()

        expect(visitor.page.get_by_role("alert")).to_be_visible()
        expect(visitor.page.get_by_label("User name or e-mail")).to_have_value("viewer")
        expect(visitor.page.get_by_label("Password")).to_have_value("")


def test_fragment_for_an_ended_session_redirects_the_whole_page(stack: Stack, visit: Visit) -> None:
    with visit("") as visitor:
        answer = visitor.page.request.get(f"{stack.url}/", headers=HTMX)

        assert (answer.status, answer.headers["hx-redirect"]) == (200, "/accounts/login/?next=/")
        assert answer.text() == ""


@pytest.mark.parametrize("scripts", [True, False])
def test_press_after_the_session_ended_leads_to_sign_in_and_back(stack: Stack, visit: Visit, *, scripts: bool) -> None:
    count = records.count_jobs(stack)
    with visit("operator", java_script_enabled=scripts) as visitor:
        visitor.open("/?sort=name")
        menu = visitor.menu("Webshop")
        expect(menu).to_be_visible()
        place = visitor.page.url
        end_session(visitor)

        menu.get_by_role("button", name="Sync now").click()

        expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Sign in")
        visitor.sign_in("operator")
        assert visitor.page.url == place
    assert records.count_jobs(stack) == count
