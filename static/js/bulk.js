// The bar over the list: how many rows are ticked, which of its actions fit one of them, and the box for a whole page.
// "Select all" is a step of its own: it ticks what can be seen, and tells the server to take all that match.
const FORM = "bulk-form";

function show() {
  const form = document.getElementById(FORM);
  if (!form) return;
  const { everything } = form.elements;
  const boxes = rowBoxes();
  const chosen = boxes.filter((box) => box.checked);
  if (chosen.length < boxes.length) everything.checked = false;
  const whole = document.getElementById("select-page");
  whole.checked = chosen.length > 0 && chosen.length === boxes.length;
  whole.indeterminate = chosen.length > 0 && !whole.checked;
  const count = everything.checked ? form.elements.expected.value : chosen.length;
  form.querySelector("[data-chosen]").textContent = `${Number(count).toLocaleString("en")} selected`;
  for (const button of form.querySelectorAll("[data-fits]")) {
    const fits = button.dataset.fits.split(" ");
    const isUseful = everything.checked || chosen.some((box) => fits.includes(statusOf(box)));
    button.disabled = !isUseful;
    button.title = isUseful ? "" : button.dataset.unfit;
  }
}

const rowBoxes = () => [...document.querySelectorAll(`tbody .check[form="${FORM}"]`)];
const statusOf = (box) => box.closest("tr").querySelector("[data-status]")?.dataset.status;

document.addEventListener("change", (event) => {
  const { id, name, checked, form } = event.target;
  if (form?.id !== FORM && id !== "select-page") return;
  if (id === "select-page" || (name === "everything" && checked)) {
    for (const box of rowBoxes()) box.checked = checked;
  }
  show();
});

// The boxes are cleared after this event, by the browser.
document.addEventListener("reset", (event) => {
  if (event.target.id === FORM) setTimeout(show);
});

// A row's status may have changed, and a browser keeps what was ticked when a page is loaded again.
document.addEventListener("htmx:afterSettle", show);
show();
