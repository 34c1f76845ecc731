"""axe, the accessibility checker, finds nothing serious on any page; its rules on colour hold in both schemes."""

from __future__ import annotations

from tests.axe import Axe
from tests.e2e.conftest import Visit
from tests.e2e.stack import Stack
from tests.e2e.test_pages import OF_ADMINS, paths
from tests.e2e.visitor import Visitor


def _found(visitor: Visitor, path: str, axe: Axe) -> dict[str, list[str]]:
    visitor.open(path)
    found = axe.find_in_both_schemes(visitor.page)
    return {path: found} if found else {}


def test_axe_finds_nothing_serious(stack: Stack, visit: Visit) -> None:
    axe = Axe()
    found: dict[str, list[str]] = {}
    with visit("") as stranger:
        found |= _found(stranger, "/accounts/login/", axe)
    with visit("admin") as visitor:
        visitor.expects(404)
        for path in [*paths(stack), *OF_ADMINS]:
            found |= _found(visitor, path, axe)

    assert found == {}


def test_axe_finds_a_button_without_a_name_and_words_that_are_too_pale(visit: Visit) -> None:
    with visit("viewer") as visitor:
        page = visitor.page
        visitor.open("/")
        page.evaluate("document.getElementById('main').append(document.createElement('button'))")
        axe = Axe()
        found = axe.find(page)
        page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        page.evaluate("document.querySelector('h1').style.color = '#333'")
        pale = axe.find_colours(page)

    assert [words.partition(":")[0] for words in found] == ["critical button-name"]
    assert [words.partition(":")[0] for words in pale] == ["serious color-contrast"]
