// Escape follows the link that closes the drawer, unless something above the page is open and takes the key itself.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented) return;
  if (document.querySelector("dialog[open], :popover-open")) return;
  document.querySelector("a[data-escape]")?.click();
});
