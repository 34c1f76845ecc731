"""axe, the accessibility checker, finds nothing serious on any page; its rules on colour hold in both schemes."""

from __future__ import annotations

from importlib.resources import files

from tests.e2e.conftest import Visit
from tests.e2e.stack import Stack
from tests.e2e.test_pages import OF_ADMINS, paths
from tests.e2e.visitor import Visitor

AXE = files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
# Impact, rule, and the first elements that break it; axe's own words for its four impacts.
SERIOUS = """async (options) => {
    const found = await axe.run(document, {resultTypes: ["violations"], ...options});
    return found.violations.filter(one => ["serious", "critical"].includes(one.impact)).map(one =>
        `${one.impact} ${one.id}: ${one.nodes.slice(0, 3).map(node => node.html.slice(0, 120)).join(" | ")}`);
}"""


# What the scheme has a say in.
OF_COLOUR = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}


def _found(visitor: Visitor, path: str) -> dict[str, list[str]]:
    page = visitor.page
    # A colour on its way from one scheme to the other would be neither.
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    visitor.open(path)
    page.evaluate(AXE)
    found: list[str] = page.evaluate(SERIOUS, {})
    page.emulate_media(color_scheme="dark")
    found += [f"in the dark, {words}" for words in page.evaluate(SERIOUS, OF_COLOUR)]
    return {path: found} if found else {}


def test_axe_finds_nothing_serious(stack: Stack, visit: Visit) -> None:
    found: dict[str, list[str]] = {}
    with visit("") as stranger:
        found |= _found(stranger, "/accounts/login/")
    with visit("admin") as visitor:
        visitor.expects(404)
        for path in [*paths(stack), *OF_ADMINS]:
            found |= _found(visitor, path)

    assert found == {}


def test_axe_finds_a_button_without_a_name_and_words_that_are_too_pale(visit: Visit) -> None:
    with visit("viewer") as visitor:
        page = visitor.page
        visitor.open("/")
        page.evaluate("document.getElementById('main').append(document.createElement('button'))")
        page.evaluate(AXE)
        found = page.evaluate(SERIOUS, {})
        page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        page.evaluate("document.querySelector('h1').style.color = '#333'")
        pale = page.evaluate(SERIOUS, OF_COLOUR)

    assert [words.partition(":")[0] for words in found] == ["critical button-name"]
    assert [words.partition(":")[0] for words in pale] == ["serious color-contrast"]
