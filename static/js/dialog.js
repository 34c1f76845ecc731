// A link with data-dialog opens its address, a page of its own, inside the page's dialog; so does a button whose
// hx-target is the dialog.
// Inside it, a link or button with data-close closes instead of leading away.
const dialog = document.getElementById("dialog");

document.addEventListener("click", (event) => {
  const close = event.target.closest("dialog [data-close]");
  if (close) {
    event.preventDefault();
    close.closest("dialog").close();
    return;
  }
  const link = event.target.closest("a[data-dialog]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  link.closest("[popover]")?.hidePopover();
  htmx.ajax("GET", link.getAttribute("href"), { target: dialog, swap: "innerHTML" });
});

// After an error nothing is swapped and the dialog stays closed; errors.js says what happened.
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target !== dialog || !dialog.childElementCount || dialog.open) return;
  dialog.showModal();
});

dialog.addEventListener("close", () => dialog.replaceChildren());
