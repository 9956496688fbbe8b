/**
 * A diagnosis by code or by words: options under the field while one types.
 *
 *   <input data-diagnosis="/diagnoses" role="combobox" aria-controls="final_code-list">
 *   <div role="listbox" id="final_code-list" hidden>   [data-title="final_code"] says the title of the chosen code
 * Arrows mark, Enter takes, Esc leaves; Enter before the answer takes the first one once it is here.
 */
const PAUSE_MS = 120;
let timer = 0;
let asked = 0; // number of the last question: an older answer is not shown
let isWanted = false; // Enter was pressed before the answer came

const listOf = (field) => document.getElementById(field.getAttribute("aria-controls"));
const options = (field) => [...listOf(field).querySelectorAll("[data-code]")];
const marked = (field) => listOf(field).querySelector('[aria-selected="true"]');

function mark(field, option) {
  marked(field)?.setAttribute("aria-selected", "false");
  option?.setAttribute("aria-selected", "true");
  option?.scrollIntoView({ block: "nearest" });
  if (option) field.setAttribute("aria-activedescendant", option.id);
  else field.removeAttribute("aria-activedescendant");
}

function close(field) {
  clearTimeout(timer);
  asked += 1;
  isWanted = false;
  listOf(field).hidden = true;
  listOf(field).replaceChildren();
  field.setAttribute("aria-expanded", "false");
  field.removeAttribute("aria-activedescendant");
}

async function ask(field) {
  const number = ++asked;
  const { "X-CSRFToken": token } = JSON.parse(document.body.getAttribute("hx-headers:inherited") ?? "{}");
  const answer = await fetch(field.dataset.diagnosis, {
    method: "POST",
    headers: { "X-CSRFToken": token ?? "", "HX-Request": "true" },
    body: new URLSearchParams({ q: field.value, field: field.name }),
  }).catch(() => null);
  if (!answer?.ok || number !== asked) return;
  const html = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (number !== asked) return;
  listOf(field).replaceChildren(...html.body.children);
  listOf(field).hidden = false;
  field.setAttribute("aria-expanded", "true");
  mark(field, options(field)[0]);
  if (isWanted) take(field, options(field)[0]);
}

function take(field, option) {
  if (!option) return;
  field.value = option.dataset.code;
  const words = document.querySelector(`[data-title="${field.name}"]`);
  if (words) words.textContent = option.dataset.title;
  close(field);
  field.dispatchEvent(new CustomEvent("input", { bubbles: true, detail: "taken" }));
}

document.addEventListener("input", (event) => {
  const field = event.target;
  if (!field.matches?.("[data-diagnosis]") || event.detail === "taken") return;
  const words = document.querySelector(`[data-title="${field.name}"]`);
  if (words) words.textContent = "";
  clearTimeout(timer);
  asked += 1;
  if (!field.value.trim()) return close(field);
  timer = setTimeout(() => ask(field), PAUSE_MS);
});
document.addEventListener("keydown", (event) => {
  const field = event.target;
  if (!field.matches?.("[data-diagnosis]") || event.isComposing) return;
  const isOpen = !listOf(field).hidden;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.code];
  if (step && isOpen) {
    const all = options(field);
    const at = all.indexOf(marked(field));
    mark(field, all[(at + step + all.length) % all.length]);
  } else if (event.key === "Enter" && field.value.trim()) {
    if (isOpen) take(field, marked(field));
    else isWanted = true;
  } else if (event.key === "Escape" && isOpen) close(field);
  else return;
  event.preventDefault();
  event.stopPropagation();
});
document.addEventListener("focusout", ({ target }) => {
  if (target.matches?.("[data-diagnosis]")) close(target);
});
document.addEventListener("pointerdown", (event) => {
  const option = event.target.closest?.(".rx-options [data-code]");
  if (!option) return;
  event.preventDefault(); // the field keeps the focus
  take(document.querySelector(`[aria-controls="${option.parentElement.id}"]`), option);
});
