"""The menu of a row of the list, as a person finds it: the one place that knows how it is marked up."""

from __future__ import annotations

from playwright.sync_api import Locator, Page


def row_menu(page: Page, connection: str) -> Locator:
    """Open the menu of a connection's row and return it."""
    page.get_by_role("button", name=f"Actions for {connection}", exact=True).click()
    return page.locator(".menu:popover-open")


def menu_item(menu: Locator, name: str) -> Locator:
    """Return what an open menu offers under this name."""
    found = menu.get_by_role("menuitem", name=name)
    for role in ("link", "button"):
        found = found.or_(menu.get_by_role(role, name=name))
    return found
