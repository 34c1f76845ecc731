// The search box of every page: Ctrl K or "/" leads to it, arrow keys choose among what it suggests, Enter opens that.
const box = document.getElementById("search-all");
const list = document.getElementById("suggestions");

function choose(options, chosen) {
  for (const one of options) one.ariaSelected = String(one === chosen);
  chosen?.scrollIntoView({ block: "nearest" });
  box.setAttribute("aria-activedescendant", chosen?.id ?? "");
  box.ariaExpanded = String(options.length > 0);
}

list.addEventListener("htmx:afterSwap", () => choose(list.querySelectorAll("a")));

document.addEventListener("keydown", (event) => {
  const { key = "", target } = event;
  const options = target === box ? [...list.querySelectorAll("a")] : [];
  const at = options.findIndex((one) => one.ariaSelected === "true");
  const next = { ArrowDown: at + 1, ArrowUp: at < 0 ? options.length - 1 : at - 1 }[key];
  if (key.toLowerCase() === "k" ? event.ctrlKey || event.metaKey : key === "/" && !target.closest("input, textarea, select")) box.focus(), box.select();
  else if (options.length && key in { ArrowDown: 0, ArrowUp: 0 }) choose(options, options[next]);
  else if (options.length && key === "Escape") choose(list.replaceChildren() ?? []);
  else if (key === "Enter" && at >= 0) options[at].click();
  else return;
  event.preventDefault();
}, true);
