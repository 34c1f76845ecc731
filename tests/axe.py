"""axe, the accessibility checker, run in a page: what it finds there.

Most of its time goes into contrast, and all text that is drawn alike has the same. So axe looks at one element for
each way in which text is drawn: its colour and size, and what lies behind it. Who looks at many pages hands on what
was looked at, and the frame of each page is looked at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

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
OF_COLOUR = ("color-contrast", "link-in-text-block")
# axe's own words for its four impacts.
IMPACTS = ("minor", "moderate", "serious", "critical")

# Impact, rule, and the first elements that break it. Nothing is fetched again for it, and nobody asks for the way to an
# element.
_RUN = """const run = async (where, options, impacts) => {
    const given = {resultTypes: ["violations"], preload: false, selectors: false, ...options};
    const found = (await axe.run(where, given)).violations.filter(one => impacts.includes(one.impact));
    return found.map(one =>
        `${one.impact} ${one.id}: ${one.nodes.slice(0, 3).map(node => node.html.slice(0, 120)).join(" | ")}`);
};"""
_ALL = f"async ([options, impacts]) => {{ {_RUN} return run(document, options, impacts); }}"
# How the text of an element is drawn, in words: all that contrast depends on. What axe leaves out (disabled, for screen
# readers only, outside the page) is drawn in a way of its own, so that it does not stand for what axe looks at.
_COLOURS = (
    f"async ([options, impacts, seen]) => {{ {_RUN}"
    """
    const known = new Set(seen), backs = new Map(), chosen = [];
    const back = element => {
        if (!element) return "";
        if (!backs.has(element)) {
            const style = getComputedStyle(element);
            const own = [style.backgroundColor, style.backgroundImage, style.opacity, style.position, style.zIndex,
                style.filter, style.mixBlendMode, element.matches("[disabled], [aria-disabled=true]")].join();
            const above = back(element.parentElement);
            backs.set(element, own === "rgba(0, 0, 0, 0),none,1,static,auto,none,normal,false" ? above : own + above);
        }
        return backs.get(element);
    };
    const written = element => [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    for (const element of document.body.querySelectorAll("*")) {
        if (!(written(element) || element.matches("input, select, textarea")) || !element.checkVisibility()) continue;
        const style = getComputedStyle(element), box = element.getBoundingClientRect();
        const drawn = [style.color, style.fontSize, style.fontWeight, style.textShadow, style.clip, style.clipPath,
            box.width > 2 && box.height > 2, box.right > 0 && box.bottom + scrollY > 0, element.localName === "input",
            style.webkitTextFillColor, element.control?.disabled ?? false, back(element)];
        if (element.localName === "a") {
            const around = getComputedStyle(element.parentElement);
            drawn.push("a", around.color, around.fontWeight, style.textDecorationLine, style.borderBottomWidth,
                written(element.parentElement));
        }
        const words = drawn.join(";");
        if (!known.has(words)) { known.add(words); chosen.push(element); }
    }
    return [chosen.length ? await run({include: chosen}, options, impacts) : [], [...known]];
}"""
)


@dataclass
class Axe:
    """A look at many pages, for what is serious or critical; also for what is mild when `is_mild_told`."""

    is_mild_told: bool = False
    _seen: list[str] = field(default_factory=list)

    def find(self, page: Page) -> list[str]:
        """Return what is wrong with the page as it is."""
        if page.evaluate("() => !window.axe"):
            page.evaluate(AXE)
        left_out = ("color-contrast", *(() if self.is_mild_told else MILD))
        rules = {rule: {"enabled": False} for rule in left_out}
        found: list[str] = page.evaluate(_ALL, [{"rules": rules}, self._impacts])
        return found + self.find_colours(page)

    def find_colours(self, page: Page) -> list[str]:
        """Return what is wrong with the colours of the page as it is, where text is drawn as on no page before."""
        if page.evaluate("() => !window.axe"):
            page.evaluate(AXE)
        options: dict[str, Any] = {"runOnly": {"type": "rule", "values": OF_COLOUR}}
        found: list[str]
        found, self._seen = page.evaluate(_COLOURS, [options, self._impacts, self._seen])
        return found

    def find_in_both_schemes(self, page: Page) -> list[str]:
        """Return what is wrong in the light, and with the colours in the dark, which the page is left in."""
        # A colour on its way from one scheme to the other would be neither.
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        found = self.find(page)
        page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        return found + [f"in the dark, {one}" for one in self.find_colours(page)]

    @property
    def _impacts(self) -> tuple[str, ...]:
        return IMPACTS if self.is_mild_told else IMPACTS[2:]
