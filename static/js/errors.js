// A request that failed says so once and leaves the old content standing; the next one of its kind that works takes
// the message back.
const kind = (detail) => detail.requestConfig?.verb === "get" ? "update" : "action";

function show(event) {
  const messages = document.getElementById("messages");
  const failure = kind(event.detail);
  if (!messages || messages.querySelector(`[data-failure="${failure}"]`)) return;
  messages.append(document.getElementById(`${failure}-failed`).content.cloneNode(true));
}

for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) document.addEventListener(name, show);

document.addEventListener("htmx:afterOnLoad", (event) => {
  if (!event.detail.successful) return;
  const failure = kind(event.detail);
  for (const message of document.querySelectorAll(`[data-failure="${failure}"]`)) message.remove();
});
