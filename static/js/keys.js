// Escape follows the link that closes the drawer, unless something above the page is open and takes the key itself.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented) return;
  if (document.querySelector("dialog[open], :popover-open")) return;
  document.querySelector("a[data-escape]")?.click();
});

// A link that takes itself away names the element that has the focus afterwards: the drawer's the entity it showed.
document.addEventListener("htmx:afterSettle", (event) => {
  const next = event.detail.requestConfig?.elt?.dataset.focusNext;
  if (next && document.activeElement === document.body) document.getElementById(next)?.focus();
});
