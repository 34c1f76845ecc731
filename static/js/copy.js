// Copies: data-copy holds the text itself, data-copy-from the selector of the element whose text is meant.
const SHOWN_MS = 1500;

async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Without HTTPS there is no clipboard object; a selection still copies.
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "vh";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("The browser refused to copy.");
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-from]");
  if (!button) return;
  const source = button.dataset.copyFrom && document.querySelector(button.dataset.copyFrom);
  const announce = document.getElementById("announce");
  try {
    await copy(source ? source.textContent.trim() : button.dataset.copy);
    button.dataset.copied = "";
    if (announce) announce.textContent = "Copied";
  } catch {
    if (announce) announce.textContent = "Could not copy";
  }
  setTimeout(() => {
    delete button.dataset.copied;
    if (announce) announce.textContent = "";
  }, SHOWN_MS);
});
