// A form that was sent is not sent again while its answer is on the way: a double click would do the deed twice, or be
// answered with the refusal of its second half. A page that the browser shows again, or keeps, takes the next press.
const PATIENCE = 10_000;
const sent = new Set();

// On the window, after everybody who may have stopped it.
window.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (sent.has(form)) {
    event.preventDefault();
    return;
  }
  sent.add(form);
  setTimeout(() => sent.delete(form), PATIENCE);
});

window.addEventListener("pageshow", () => sent.clear());
