// Tells our server what only the browser knows of a page of the hosted flow: that it was left or hidden, for how long
// it was open, and that it is seen again without being loaded. Once for each; going on inside the flow is no leaving.
// Times are counted from the moment at which our server made the page, so that no device's clock matters.
const { told, token, page, made } = document.body.dataset;
const start = Date.now();
// Milliseconds: what was pressed has led on by then, or it was stopped.
const PATIENCE = 10_000;
let since = start;
let isGone = false;
let isMoving = false;

function tell(name, how) {
  const now = Date.now();
  const seconds = Math.round((now - since) / 1000);
  const said = { csrfmiddlewaretoken: token, name, how, page, seconds, made, after: now - start };
  const data = new FormData();
  for (const [key, value] of Object.entries(said)) data.append(key, value);
  navigator.sendBeacon(told, data);
}

function leave(how) {
  if (isGone || isMoving) return;
  isGone = true;
  tell("page.exited", how);
}

function comeBack() {
  if (!isGone) return;
  isGone = false;
  since = Date.now();
  tell("page.viewed", "shown");
}

function move() {
  isMoving = true;
  setTimeout(() => { isMoving = false; }, PATIENCE);
}

document.addEventListener("submit", move);
// Also a link that opens beside the flow: whoever reads the terms there has not left them.
document.addEventListener("click", (event) => { if (event.target.closest("a[href]")) move(); });
document.addEventListener("visibilitychange", () => (document.hidden ? leave("hidden") : comeBack()));
addEventListener("pagehide", () => leave("left"));
addEventListener("pageshow", (event) => { if (event.persisted) comeBack(); });
