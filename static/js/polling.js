// Polls only what somebody can see: a hidden tab asks nothing, and asks at once when it is seen again.
// A poll waits for its next turn while a menu is open inside what it would replace.
const missed = new Set();

// htmx hands over the event that caused a request; a timer has none.
const isPoll = ({ requestConfig }) => requestConfig.verb === "get" && !requestConfig.triggeringEvent;
const isMenuOpenIn = (target) => target.querySelector(".menu:popover-open") !== null;

document.addEventListener("htmx:beforeRequest", (event) => {
  const { elt } = event.detail;
  // What was chosen in a menu closes it, as a link does; its focus goes back to the button that opened it.
  if (!isPoll(event.detail)) elt.closest(".menu")?.hidePopover();
  if (!isPoll(event.detail) || !elt.closest("[hx-trigger*='every']")) return;
  if (document.hidden) missed.add(elt);
  if (document.hidden || isMenuOpenIn(event.detail.target)) event.preventDefault();
  // What asked may be gone when its answer comes, as the page shows something else by then.
  elt.addEventListener("htmx:beforeOnLoad", (answer) => elt.isConnected || answer.preventDefault(), { once: true });
});

// Whether the answer to what somebody did is on its way; it replaces what this poll would, and needs it in its place.
function isOvertaken({ elt }) {
  return elt.matches("[hx-trigger*='every']") && document.querySelector(".htmx-request:not([hx-trigger*='every'])") !== null;
}

// An answer that comes after the menu was opened waits for the next turn too, unless it is the last one (286).
document.addEventListener("htmx:beforeSwap", (event) => {
  if (isPoll(event.detail) && (isMenuOpenIn(event.detail.target) || isOvertaken(event.detail.requestConfig)) && event.detail.xhr.status !== 286) event.detail.shouldSwap = false;
});

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  for (const element of missed) {
    if (element.isConnected) htmx.ajax("GET", element.getAttribute("hx-get"), { source: element });
  }
  missed.clear();
});
