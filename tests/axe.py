"""axe, the accessibility checker, run in a page: what it finds there.

Its rules read the page as it stands, and what most of its time goes into is contrast. So all rules are asked in the
light, and in the dark those that the scheme has a say in.
"""

from __future__ import annotations

from importlib.resources import files

from playwright.sync_api import Page

AXE = files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
# What axe itself holds for less than serious, whatever it finds.
MILD = (
    *("aria-allowed-role", "duplicate-id", "empty-heading", "empty-table-header", "form-field-multiple-labels"),
    *("heading-order", "html-xml-lang-mismatch", "identical-links-same-purpose", "image-redundant-alt"),
    *("landmark-banner-is-top-level", "landmark-complementary-is-top-level", "landmark-contentinfo-is-top-level"),
    *("landmark-main-is-top-level", "landmark-no-duplicate-banner", "landmark-no-duplicate-contentinfo"),
    *("landmark-no-duplicate-main", "landmark-one-main", "landmark-unique", "meta-viewport-large"),
    *("page-has-heading-one", "presentation-role-conflict", "region", "server-side-image-map", "skip-link"),
    "table-duplicate-name",
)
SERIOUS = {"rules": {rule: {"enabled": False} for rule in MILD}}
# What the scheme has a say in.
OF_COLOUR = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
# Nothing is fetched again for it, and nobody asks for the way to an element. Impact, rule, and the first elements that
# break it.
_RUN = """async ([options, impacts]) => {
    const given = {resultTypes: ["violations"], preload: false, selectors: false, ...options};
    const found = (await axe.run(document, given)).violations.filter(one => impacts.includes(one.impact));
    return found.map(one =>
        `${one.impact} ${one.id}: ${one.nodes.slice(0, 3).map(node => node.html.slice(0, 120)).join(" | ")}`);
}"""
# axe's own words for its four impacts.
_IMPACTS = ("minor", "moderate", "serious", "critical")


def find(page: Page, *, is_mild_told: bool = False, is_colour_all: bool = False) -> list[str]:
    """Return what is serious or critical in the page as it is, or of any impact; of the rules on colour or of all."""
    if page.evaluate("() => !window.axe"):
        page.evaluate(AXE)
    options = OF_COLOUR if is_colour_all else {} if is_mild_told else SERIOUS
    found: list[str] = page.evaluate(_RUN, [options, _IMPACTS if is_mild_told else _IMPACTS[2:]])
    return found


def find_in_both_schemes(page: Page, *, is_mild_told: bool = False) -> list[str]:
    """Return what is wrong in the light, and what is wrong with the colours in the dark, which the page is left in."""
    # A colour on its way from one scheme to the other would be neither.
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    found = find(page, is_mild_told=is_mild_told)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    return found + [f"in the dark, {one}" for one in find(page, is_mild_told=is_mild_told, is_colour_all=True)]
