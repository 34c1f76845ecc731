// Escape follows the link that closes the drawer, unless something above the page is open and takes the key itself.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented) return;
  if (document.querySelector("dialog[open], :popover-open")) return;
  document.querySelector("a[data-escape]")?.click();
});

// What takes itself away names the elements of which the first one there has the focus afterwards, unless the focus is
// elsewhere: the drawer's link the entity it showed, a job that is waited for what to press at its end.
document.addEventListener("htmx:afterSettle", (event) => {
  const next = event.detail.requestConfig?.elt?.dataset.focusNext;
  if (next && document.activeElement === document.body) next.split(" ").map((id) => document.getElementById(id)).find(Boolean)?.focus();
});

// The arrow keys lead from one entity to the next while the focus is on what lists them or names one, and it goes along.
document.addEventListener("keydown", (event) => {
  const link = document.getElementById({ ArrowUp: "drawer-up", ArrowDown: "drawer-down" }[event.key]);
  if (!link || event.defaultPrevented || !event.target.closest("[data-walk]")) return;
  event.preventDefault();
  document.getElementById(`${event.target.id.split("-")[0]}-${link.dataset.entity}`)?.focus();
  link.click();
});
