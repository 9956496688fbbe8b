/**
 * Choosing a patient inside a dialog: arrows mark, Enter takes the marked one, Esc leaves the options.
 *
 *   <input data-picker role="combobox" aria-controls="booking-people" hx-post …>
 *   <div id="booking-people" role="listbox">  <div role="option" id="who-7" hx-post …>   a press takes it
 * Enter pressed before the answer came counts once, when exactly one person was found: nobody is taken unseen. The
 * elements come and go with the dialog, so everything is listened for on the document.
 */
const pickerOf = (element) => element?.closest?.("[data-picker]");
const listOf = (picker) => document.getElementById(picker.getAttribute("aria-controls"));
const optionsOf = (list) => [...list.querySelectorAll('[role="option"]:not([aria-disabled])')];
const markedIn = (list) => list.querySelector('[aria-selected="true"]');

let isStale = false; // typed since the options were drawn
let isAsked = false; // Enter was pressed while stale

function mark(picker, option) {
  const list = listOf(picker);
  markedIn(list)?.setAttribute("aria-selected", "false");
  option?.setAttribute("aria-selected", "true");
  option?.scrollIntoView({ block: "nearest" });
  if (option) picker.setAttribute("aria-activedescendant", option.id);
  else picker.removeAttribute("aria-activedescendant");
  picker.setAttribute("aria-expanded", String(optionsOf(list).length > 0));
}

function take(picker) {
  const list = listOf(picker);
  (markedIn(list) ?? optionsOf(list)[0])?.click();
}

document.addEventListener("input", ({ target }) => {
  const picker = pickerOf(target);
  if (!picker) return;
  isStale = Boolean(picker.value.trim());
  isAsked = false;
  if (isStale) return;
  listOf(picker).replaceChildren();
  mark(picker, null);
});

document.addEventListener("keydown", (event) => {
  const picker = pickerOf(event.target);
  if (!picker || event.isComposing) return;
  const list = listOf(picker);
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.code];
  if (step) {
    const all = optionsOf(list);
    if (all.length) mark(picker, all[(all.indexOf(markedIn(list)) + step + all.length) % all.length]);
  } else if (event.key === "Enter") {
    if (event.repeat) return event.preventDefault();
    if (isStale) isAsked = true;
    else take(picker);
  } else if (event.key === "Escape" && list.childElementCount) {
    list.replaceChildren();
    mark(picker, null);
  } else return;
  event.preventDefault();
  event.stopPropagation();
});

document.addEventListener("htmx:after:swap", ({ detail }) => {
  const list = detail.ctx?.target;
  const picker = list?.id && document.querySelector(`[data-picker][aria-controls="${CSS.escape(list.id)}"]`);
  if (!picker) return;
  isStale = false;
  if (!picker.value.trim()) list.replaceChildren();
  mark(picker, optionsOf(list)[0]);
  const people = optionsOf(list).filter((option) => option.id !== "who-new");
  if (isAsked && people.length === 1) take(picker);
  isAsked = false;
});

// The list takes no focus: a press on an option must not blur the field before its click.
document.addEventListener("pointerdown", (event) => {
  if (event.target.closest?.(".rx-picker-results")) event.preventDefault();
});
