// A button with data-menu fills the page's one menu from its address, and the menu opens beside it. So what the menu
// offers is what is true when it opens, rows stay small, and nothing that updates itself can close it.
const menu = document.getElementById("actions-menu");
let opener = null;
let wasOpen = false;
let isByKey = false;

const isOpenAt = (button) => button !== null && button === opener && menu.matches(":popover-open");
const itemsOf = (popover) => [...popover.querySelectorAll("a, button:enabled, input:not([type=hidden])")];

// A press on the button of an open menu closes it, and does so before the click arrives.
document.addEventListener("pointerdown", (event) => wasOpen = isOpenAt(event.target.closest("[data-menu]")), true);

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-menu]");
  if (!button) return;
  event.preventDefault();
  const isClosing = wasOpen || isOpenAt(button);
  // A click that a key made has no press count.
  [wasOpen, isByKey] = [false, event.detail === 0];
  menu.hidePopover();
  if (isClosing) return;
  opener = button;
  htmx.ajax("GET", button.formAction, { source: button, event, target: menu, swap: "innerHTML" });
});

// Not before htmx knows its buttons: pressed earlier, they would send plain forms.
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target !== menu || !opener) return;
  // The page may have been updated since the click.
  opener = document.getElementById(opener.id) ?? opener;
  menu.ariaLabel = opener.ariaLabel;
  menu.showPopover({ source: opener });
  if (isByKey) itemsOf(menu)[0]?.focus();
});

menu.addEventListener("toggle", (event) => opener && (opener.ariaExpanded = event.newState === "open"));

// Arrow keys walk through any open menu, from its button too.
document.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const open = document.querySelector(".menu:popover-open");
  if (!step || !open || event.target.matches("input:not([type=checkbox])")) return;
  const items = itemsOf(open);
  const next = items.indexOf(document.activeElement) + step;
  event.preventDefault();
  items.at(next < 0 ? -1 : next % items.length)?.focus();
});
