// A link with data-dialog opens its address, a page of its own, inside the page's dialog.
// Inside it, a link or button with data-close closes instead of leading away.
const dialog = document.getElementById("dialog");

document.addEventListener("click", async (event) => {
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
  await htmx.ajax("GET", link.getAttribute("href"), { target: dialog, swap: "innerHTML" });
  // After an error the dialog stays empty and closed; errors.js says what happened.
  if (dialog.childElementCount && !dialog.open) dialog.showModal();
});

dialog.addEventListener("close", () => dialog.replaceChildren());
