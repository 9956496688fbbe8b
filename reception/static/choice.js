/**
 * A search inside a select: with the mouse or with letters typed, a list opens that narrows as one types.
 *
 *   <select data-search="Search">    the words of the field; the select itself stays, for forms, screen readers and touch
 * Letters with marks and every way of writing oʻ and gʻ count as the plain letter. Arrows mark, Enter takes, Esc leaves.
 * And a form that came back with faults ([data-record]) has its focus on the first of them.
 */
const panel = document.createElement("div");
panel.className = "rx-choices-panel";
panel.popover = "auto";
const field = Object.assign(document.createElement("input"), { type: "search", className: "form-control", autocomplete: "off" });
field.setAttribute("role", "combobox");
field.setAttribute("aria-controls", "choices-list");
field.setAttribute("aria-expanded", "true");
const list = Object.assign(document.createElement("div"), { id: "choices-list", className: "rx-choices-list" });
list.setAttribute("role", "listbox");
panel.append(field, list);
let select = null;

const plain = (text) =>
  text.normalize("NFD").replace(/[\u0300-\u036f'’‘ʻʼ`´]/g, "").toLocaleLowerCase().replaceAll("ё", "е");
const shown = () => [...list.children].filter((option) => !option.hidden);
const marked = () => list.querySelector('[aria-selected="true"]');

function mark(option) {
  marked()?.setAttribute("aria-selected", "false");
  option?.setAttribute("aria-selected", "true");
  option?.scrollIntoView({ block: "nearest" });
  if (option) field.setAttribute("aria-activedescendant", option.id);
  else field.removeAttribute("aria-activedescendant");
}

function narrow() {
  const wanted = plain(field.value.trim()).split(/\s+/);
  for (const option of list.children) {
    const text = plain(`${option.textContent} ${option.dataset.also}`);
    option.hidden = !wanted.every((part) => text.includes(part));
  }
  mark(shown().find((option) => plain(option.textContent).startsWith(wanted[0])) ?? shown()[0]);
}

function open(on, typed = "") {
  select = on;
  (on.closest("dialog") ?? document.body).append(panel);
  list.replaceChildren(
    ...[...on.options].map((option, number) => {
      const row = Object.assign(document.createElement("div"), { id: `choice-${number}`, textContent: option.text || "—" });
      row.setAttribute("role", "option");
      row.setAttribute("aria-selected", "false");
      row.dataset.value = option.value;
      row.dataset.also = option.dataset.also ?? "";
      return row;
    }),
  );
  field.setAttribute("aria-label", on.dataset.search);
  field.placeholder = on.dataset.search;
  field.value = typed;
  const box = on.getBoundingClientRect();
  const below = innerHeight - box.bottom;
  panel.style.inlineSize = `${Math.max(box.width, 220)}px`;
  panel.style.insetInlineStart = "auto";
  panel.style.left = `${Math.max(8, Math.min(box.left, innerWidth - Math.max(box.width, 220) - 8))}px`;
  panel.style.top = below > 280 ? `${box.bottom + 4}px` : "auto";
  panel.style.bottom = below > 280 ? "auto" : `${innerHeight - box.top + 4}px`;
  panel.showPopover();
  field.focus();
  if (typed) narrow();
  else mark(list.children[on.selectedIndex] ?? list.children[0]);
}

function take(option) {
  if (!option) return;
  const on = select;
  const isNew = on.value !== option.dataset.value;
  on.value = option.dataset.value;
  panel.hidePopover();
  on.focus();
  if (isNew) on.dispatchEvent(new Event("change", { bubbles: true }));
}

const searchable = (target) => target.closest?.("select[data-search]");
const isTouch = matchMedia("(pointer: coarse)");

document.addEventListener("mousedown", (event) => {
  const on = searchable(event.target);
  if (!on || on.disabled || event.button !== 0 || isTouch.matches) return;
  event.preventDefault(); // the native list stays shut
  on.focus();
});

// Not on mousedown: letting go of the button would be a press beside the list, which shuts it.
document.addEventListener("click", (event) => {
  const on = searchable(event.target);
  if (on && !on.disabled && !isTouch.matches) open(on);
});

document.addEventListener("keydown", (event) => {
  const on = searchable(event.target);
  if (!on || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  const isLetter = event.key.length === 1 && event.key !== " ";
  if (!isLetter && event.key !== " " && event.key !== "Enter") return;
  event.preventDefault();
  event.stopPropagation();
  open(on, isLetter ? event.key : "");
}, { capture: true });

field.addEventListener("input", (event) => {
  event.stopPropagation();
  narrow();
});
field.addEventListener("keydown", (event) => {
  event.stopPropagation();
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const rows = shown();
  if (step && rows.length) mark(rows[(rows.indexOf(marked()) + step + rows.length) % rows.length]);
  else if (event.key === "Enter") take(marked());
  else if (event.key === "Tab") return take(marked());
  else if (event.key === "Escape") {
    panel.hidePopover();
    select.focus();
  } else return;
  event.preventDefault();
});
list.addEventListener("mousedown", (event) => event.preventDefault());
list.addEventListener("click", ({ target }) => take(target.closest('[role="option"]')));

document.addEventListener("htmx:after:swap", () => {
  const fault = document.querySelector("[data-record] [aria-invalid='true'], [data-record] .is-invalid");
  if (fault && !fault.closest("form").contains(document.activeElement)) fault.focus();
});
