/**
 * The search field and the options under it: arrows mark, Enter does the marked one's act, Esc leaves.
 *
 *   <input id="search" role="combobox" aria-controls="results" hx-get hx-target="#results">
 *   <div id="results" role="listbox">  <div role="option" id="hit-7" hx-post | hx-get | data-href>   a press anywhere acts
 * Enter pressed before the answer came counts once, when exactly one person was found: a scanner is that fast.
 */
const field = document.getElementById("search");
const list = document.getElementById("results");
let isStale = false; // typed since the options were drawn
let isAsked = false; // Enter was pressed while stale

const options = () => [...list.querySelectorAll('[role="option"]:not([aria-disabled])')];
const marked = () => list.querySelector('[aria-selected="true"]');

function mark(option) {
  marked()?.setAttribute("aria-selected", "false");
  option?.setAttribute("aria-selected", "true");
  option?.scrollIntoView({ block: "nearest" });
  if (option) field.setAttribute("aria-activedescendant", option.id);
  else field.removeAttribute("aria-activedescendant");
  field.setAttribute("aria-expanded", String(options().length > 0));
}

function act() {
  (marked() ?? options()[0])?.click();
}

/** Empties the field, its options with it. */
export function clear() {
  field.value = "";
  list.replaceChildren();
  isStale = isAsked = false;
  mark(null);
}

function onKey(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.code];
  if (step) {
    const all = options();
    const at = all.indexOf(marked());
    mark(all[(at + step + all.length) % all.length]);
  } else if (event.key === "Enter" && !event.isComposing) {
    if (event.repeat) return event.preventDefault();
    if (isStale) isAsked = true;
    else act();
  } else if (event.key === "Escape") {
    if (field.value) clear();
    else field.blur();
  } else return;
  event.preventDefault();
  event.stopPropagation();
}

if (field && list) {
  field.addEventListener("keydown", onKey);
  field.addEventListener("input", () => {
    isStale = Boolean(field.value.trim());
    isAsked = false;
    if (!isStale) {
      list.replaceChildren();
      mark(null);
    }
  });
  document.addEventListener("htmx:after:swap", ({ detail }) => {
    if (detail.ctx?.target !== list) return;
    if (!field.value.trim()) return clear();
    isStale = false;
    mark(options()[0]);
    if (isAsked && options().length === 1) act();
    isAsked = false;
  });
  // The list takes no focus: a press on an option must not blur the field before its click.
  list.addEventListener("pointerdown", (event) => event.preventDefault());
  list.addEventListener("click", ({ target }) => {
    const href = target.closest('[role="option"]')?.dataset.href;
    if (href) location.assign(href);
  });
  // The act is done: the field is ready for the next person.
  document.addEventListener("htmx:after:request", ({ target, detail }) => {
    if (target.closest?.("#results") && detail.ctx.response?.status < 400) clear();
  });
}
