// A link with data-dialog opens its address, a page of its own, inside the page's dialog; a button of a form does so with
// what the form holds, and so does one whose hx-target is the dialog.
// Inside it, a link or button with data-close closes instead of leading away.
const dialog = document.getElementById("dialog");

function addressOf(opener) {
  if (!opener.form) return opener.getAttribute("href");
  const held = new FormData(opener.form);
  held.delete("csrfmiddlewaretoken");
  // All that match are named by the filters, not one by one.
  if (held.has("everything")) held.delete("ids");
  return `${opener.formAction}?${new URLSearchParams(held)}`;
}

document.addEventListener("click", (event) => {
  const close = event.target.closest("dialog [data-close]");
  if (close) {
    event.preventDefault();
    close.closest("dialog").close();
    return;
  }
  const link = event.target.closest("[data-dialog]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  link.closest("[popover]")?.hidePopover();
  htmx.ajax("GET", addressOf(link), { target: dialog, swap: "innerHTML" });
});

// After an error nothing is swapped and the dialog stays closed; errors.js says what happened.
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target !== dialog || !dialog.childElementCount || dialog.open) return;
  dialog.showModal();
});

dialog.addEventListener("close", () => dialog.replaceChildren());
