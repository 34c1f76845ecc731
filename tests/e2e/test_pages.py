"""Every page as each kind of visitor meets it: a telephone, a keyboard alone, a browser without scripts."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.e2e import records
from tests.e2e.conftest import Visit
from tests.e2e.stack import Stack
from tests.e2e.visitor import Visitor

TELEPHONE = {"width": 390, "height": 844}
# More than the stops from the top of the list to its last button, and few enough that a loop ends.
MOST_TABS = 60
CONNECTIONS = (
    "Webshop",
    "Halden payroll",
    "Webshop staging",
    "Webshop analytics",
    "Webshop audit copy",
    "Returns desk",
)
NAME_OF = """
    const name = element => (element.getAttribute("aria-label") || element.textContent.trim() || element.title || "");
"""
FLAWS = (
    """() => {"""
    + NAME_OF
    + """
    const flaws = [], all = selector => [...document.querySelectorAll(selector)];
    const shown = element => element.checkVisibility();
    const width = document.documentElement.scrollWidth;
    if (width > innerWidth) {
        const wide = all("body *").filter(e => e.getBoundingClientRect().right > innerWidth + 1).slice(0, 3);
        flaws.push(`${width} px wide: ${wide.map(e => e.outerHTML.slice(0, 80)).join(" | ")}`);
    }
    if (!document.documentElement.lang) flaws.push("no language");
    if (!document.title.trim()) flaws.push("no title");
    if (all("h1").filter(shown).length !== 1) flaws.push(`${all("h1").length} h1`);
    if (all("main").length !== 1) flaws.push(`${all("main").length} main`);
    const first = document.querySelector("a[href], button, input:not([type=hidden]), select, textarea, [tabindex]");
    if (!first?.matches("a.skip[href='#main']") || !document.getElementById("main")) flaws.push("no skip link first");
    for (const e of all("button, a[href], [role=img], [role=progressbar], nav, dialog[open]")) {
        if (shown(e) && !name(e)) flaws.push(`no name: ${e.outerHTML.slice(0, 120)}`);
    }
    for (const e of all("input:not([type=hidden]), select, textarea")) {
        if (!e.labels.length && !e.getAttribute("aria-label")) flaws.push(`no label: ${e.outerHTML.slice(0, 120)}`);
    }
    for (const e of all("table")) if (!e.caption) flaws.push(`no caption: ${e.outerHTML.slice(0, 80)}`);
    for (const e of all("th")) if (!e.scope) flaws.push(`no scope: ${e.outerHTML.slice(0, 80)}`);
    const ids = all("[id]").map(e => e.id);
    for (const id of new Set(ids.filter((id, at) => ids.indexOf(id) !== at))) flaws.push(`twice: #${id}`);
    return flaws;
}"""
)
FOCUSED = (
    """() => {"""
    + NAME_OF
    + """
    const element = document.activeElement, style = getComputedStyle(element);
    const isVisible = element.matches(":focus-visible") && element.checkVisibility()
        && (parseFloat(style.outlineWidth) > 0 && style.outlineStyle !== "none" || style.boxShadow !== "none");
    return {id: element.id, name: name(element), isVisible};
}"""
)


# What only an admin is shown.
OF_ADMINS = ("/activity/", "/settings/", "/settings/connect/", "/settings/connect/keys/")


def paths(stack: Stack) -> list[str]:
    """Return the address of every kind of page, and those of every connection of the demo."""
    pages = ["/", "/?status=broken", "/?q=no+such+connection", "/nothing/", "/accounts/logout/"]
    for name in CONNECTIONS:
        connection = f"/connections/{records.connection_id(stack, name)}/"
        pages += [
            connection,
            *(f"{connection}{tab}/" for tab in ("jobs", "test", "schema", "setup", "activity")),
        ]
    # One that people sign in to, and one that nobody was sent to.
    for name in ("Webshop staging", "Halden payroll"):
        pages += [f"/connections/{records.connection_id(stack, name)}/{tab}/" for tab in ("sessions", "auth")]
    warehouse = f"/destinations/{records.destination_id(stack, 'Warehouse')}/"
    pages += [
        "/destinations/",
        "/destinations/new/",
        "/destinations/new/?kind=postgres",
        warehouse,
        f"{warehouse}edit/",
        "/connections/new/",
        "/connections/new/postgres/",
        "/jobs/",
        "/sessions/",
        "/sessions/?period=all",
        "/sessions/funnel/",
        "/sessions/funnel/?period=7d&provider=none",
        "/jobs/retry/?code=invalid_credentials&provider=postgres",
        "/system/",
        "/search/?q=web",
        "/search/?q=no+such+thing",
    ]
    audit_copy = f"/connections/{records.connection_id(stack, 'Webshop audit copy')}/"
    webshop = f"/connections/{records.connection_id(stack, 'Webshop')}/"
    pages += [f"{audit_copy}resume/", f"{webshop}pause/", f"{webshop}resync/"]
    pages += ["/sessions/new/", f"/sessions/new/?connection={records.connection_id(stack, 'Webshop')}"]
    payroll = f"/connections/{records.connection_id(stack, 'Halden payroll')}/"
    pages += [f"{audit_copy}insight/", f"{payroll}insight/?period=24h"]
    pages += [records.entity(stack, ref).path for ref in ("co_halden_foods", "co_halden_iberia")]
    pages += [records.last_job(stack, name).path for name in ("Webshop", "Halden payroll", "Webshop staging")]
    visits = [str(pk) for (pk,) in stack.rows("SELECT id FROM sessions_log_session ORDER BY id DESC LIMIT 2")]
    pages += [f"/sessions/{pk}/" for pk in visits]
    pages += [f"/sessions/{visits[0]}/?view=raw"]
    return pages


def flaws_at(visitor: Visitor, path: str) -> dict[str, list[str]]:
    visitor.open(path)
    found: list[str] = visitor.page.evaluate(FLAWS)
    return {path: found} if found else {}


def test_every_page_fits_a_telephone_and_names_its_parts(stack: Stack, visit: Visit) -> None:
    flaws: dict[str, list[str]] = {}
    with visit("", viewport=TELEPHONE) as stranger:
        flaws |= flaws_at(stranger, "/accounts/login/")
    with visit("operator", viewport=TELEPHONE) as visitor:
        visitor.expects(404)
        for path in paths(stack):
            flaws |= flaws_at(visitor, path)
    with visit("admin", viewport=TELEPHONE) as visitor:
        for path in OF_ADMINS:
            flaws |= flaws_at(visitor, path)

    assert flaws == {}


def tab_to(page: Page, id_: str) -> list[str]:
    """Press Tab until the element of that id has the focus; return what had a focus that nobody can see."""
    hidden: list[str] = []
    for _ in range(MOST_TABS):
        focused = page.evaluate(FOCUSED)
        if focused["id"] == id_ and focused["isVisible"]:
            # A page that begins with one question has its field focused.
            return hidden
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if not focused["isVisible"]:
            hidden.append(focused["name"])
        if focused["id"] == id_:
            return hidden
    raise AssertionError(f"{MOST_TABS} tabs did not lead to #{id_}")


def test_keyboard_alone_signs_in_and_starts_a_sync(stack: Stack, visit: Visit) -> None:
    records.wait_for_rest(stack)
    count = records.count_jobs(stack)
    with visit("") as visitor:
        page = visitor.page
        visitor.open("/")
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
        hidden = tab_to(page, "id_login")
        page.keyboard.type("operator")
        hidden += tab_to(page, "id_password")
        page.keyboard.type(stack.password("operator"))
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Connections")

        webshop = records.connection_id(stack, "Webshop").replace("-", "")
        hidden += tab_to(page, f"dots-{webshop}")
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Sync now")).to_be_focused()
        page.keyboard.press("Enter")

        expect(page.get_by_text("Webshop: sync queued")).to_be_visible()
        focused = page.evaluate(FOCUSED)
    assert hidden == []
    assert focused["id"] == f"dots-{webshop}", f"the focus went to {focused}"
    assert records.count_jobs(stack) == count + 1
    assert records.wait_for_end(stack, records.last_job(stack, "Webshop").id).status == "success"


def test_skip_link_leads_past_the_navigation(visit: Visit) -> None:
    with visit("viewer") as visitor:
        visitor.open("/")

        visitor.page.keyboard.press("Tab")
        visitor.page.keyboard.press("Enter")

        expect(visitor.page.get_by_role("main")).to_be_focused()


def test_sync_now_works_without_scripts(stack: Stack, visit: Visit) -> None:
    records.wait_for_rest(stack)
    count = records.count_jobs(stack)
    with visit("operator", java_script_enabled=False) as visitor:
        visitor.open("/")

        visitor.press("Webshop", "Sync now")

        expect(visitor.page.get_by_text("Webshop: sync queued")).to_be_visible()
        expect(visitor.row("Webshop")).to_contain_text(re.compile("Queued|Syncing"))
        assert visitor.page.url == f"{stack.url}/"
        visitor.page.get_by_role("link", name="Open the job").click()
        expect(visitor.page.get_by_role("main")).to_contain_text("Data sync of Webshop")
    assert records.count_jobs(stack) == count + 1
    assert records.wait_for_end(stack, records.last_job(stack, "Webshop").id).status == "success"
