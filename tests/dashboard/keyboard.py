"""A person who has no mouse: moves by Tab, sees where the focus is at each stop, and presses keys."""

from __future__ import annotations

from re import Pattern
from typing import Any

from playwright.sync_api import ElementHandle, Error, Locator, Page, expect

# No page of ours has more stops.
STOPS = 90
# What has the focus shows a ring, is on the screen, and nothing lies over it.
IS_SEEN = """() => {
  const on = document.activeElement, style = getComputedStyle(on), box = on.getBoundingClientRect();
  if (on === document.body) return "nothing has the focus";
  if (!on.matches(":focus-visible")) return "no visible focus on " + on.outerHTML;
  if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) return "no ring around " + on.outerHTML;
  if (box.bottom <= 0 || box.top >= innerHeight || box.width < 2) return "out of sight: " + on.outerHTML;
  const over = document.elementFromPoint(box.x + box.width / 2, Math.max(box.y + box.height / 2, 1));
  return over === null || on.contains(over) || over.contains(on) ? "" : "covered: " + on.outerHTML;
}"""

HAS_FOCUS = "(wanted) => wanted.isConnected ? document.activeElement === wanted : null"


def _has_focus(found: ElementHandle) -> bool | None:
    """Whether an element has the focus; None when an update or another page has taken its place."""
    try:
        has_focus: bool | None = found.evaluate(HAS_FOCUS)
    except Error:
        return None
    return has_focus


class Keyboard:
    """The keys of `page`. Elements are named by their role and what they are called."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def reach(self, wanted: Locator, *, back: bool = False) -> None:
        """Go by Tab, or backwards, until an element has the focus, which must be seen there."""
        expect(wanted).to_be_visible()
        found = wanted.element_handle()
        for _ in range(STOPS):
            has_focus = _has_focus(found)
            if has_focus is None:
                # To look it up by its name each time would take longer than all the rest.
                found = wanted.element_handle()
                has_focus = _has_focus(found)
            if has_focus:
                return self.must_show_focus()
            self.page.keyboard.press("Shift+Tab" if back else "Tab")
        message = f"Tab does not reach {wanted}."
        raise AssertionError(message)

    def press(self, role: Any, name: str | Pattern[str], *, with_key: str = "Enter", back: bool = False) -> None:
        """Go there and press a key."""
        self.reach(self._named(role, name), back=back)
        self.page.keyboard.press(with_key)

    def type(self, text: str, *, into: str) -> None:
        """Go to a field and type over what it holds."""
        self.reach(self.page.get_by_label(into, exact=True))
        self.page.keyboard.press("Control+A")
        self.page.keyboard.press("Delete")
        self.page.keyboard.type(text)

    def must_be_on(self, role: Any, name: str | Pattern[str]) -> None:
        """Check that an element has the focus, and shows it."""
        expect(self._named(role, name)).to_be_focused()
        self.must_show_focus()

    def must_show_focus(self) -> None:
        """Check that what has the focus can be seen."""
        fault = self.page.evaluate(IS_SEEN)
        assert fault == "", fault

    def _named(self, role: Any, name: str | Pattern[str]) -> Locator:
        return self.page.get_by_role(role, name=name, exact=isinstance(name, str)).first
