"""axe, the accessibility checker, finds nothing serious on any page, in either colour scheme."""

from __future__ import annotations

from importlib.resources import files
from typing import Literal

import pytest

from tests.e2e.conftest import Visit
from tests.e2e.stack import Stack
from tests.e2e.test_pages import paths
from tests.e2e.visitor import Visitor

AXE = files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
# Impact, rule, and the first elements that break it; axe's own words for its four impacts.
SERIOUS = """async () => {
    const found = await axe.run(document, {resultTypes: ["violations"]});
    return found.violations.filter(one => ["serious", "critical"].includes(one.impact)).map(one =>
        `${one.impact} ${one.id}: ${one.nodes.slice(0, 3).map(node => node.html.slice(0, 120)).join(" | ")}`);
}"""


def _found(visitor: Visitor, path: str) -> dict[str, list[str]]:
    visitor.open(path)
    visitor.page.evaluate(AXE)
    found: list[str] = visitor.page.evaluate(SERIOUS)
    return {path: found} if found else {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(stack: Stack, visit: Visit, scheme: Literal["light", "dark"]) -> None:
    found: dict[str, list[str]] = {}
    with visit("", color_scheme=scheme) as stranger:
        found |= _found(stranger, "/accounts/login/")
    with visit("admin", color_scheme=scheme) as visitor:
        visitor.expects(404)
        for path in [*paths(stack), "/activity/"]:
            found |= _found(visitor, path)

    assert found == {}


def test_axe_finds_a_button_without_a_name(visit: Visit) -> None:
    with visit("viewer") as visitor:
        visitor.open("/")
        visitor.page.evaluate("document.getElementById('main').append(document.createElement('button'))")
        visitor.page.evaluate(AXE)
        found = visitor.page.evaluate(SERIOUS)

    assert [words.partition(":")[0] for words in found] == ["critical button-name"]
