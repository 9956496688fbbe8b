/**
 * The record keeps itself: what is typed goes to the server while it is typed, field by field.
 *
 *   <form data-drafts="/queue/visits/7/record/draft" data-owner="3" data-about="12" data-seen="4">
 *     <textarea name="notes" data-version="2">      the version of the draft that the server has; 0: none
 *     <span data-draft-state data-words-kept data-words-busy data-words-away>
 *     <div data-draft-conflict hidden>  <p data-conflict-text data-words>  <button data-keep="mine | theirs">
 *     <select data-template>  <option data-texts="{field: text}">
 * Each change is written into session storage first (drafts.js) and goes from there with the server's acknowledgement, so
 * that a reload, a lost line or a restart of the server loses nothing. `data-seen` is the record's version: a draft that
 * arrives after the record was saved is refused.
 */
import * as store from "./drafts.js";

const PAUSE_MS = 400;
const AGAIN_MS = 1_500;
const LONGEST_MS = 10_000;
const timers = new Map(); // field -> timer
const busy = new Set(); // fields on their way
let wait = AGAIN_MS;
let conflict = null; // {field, theirs, version}

const formOf = () => document.querySelector("form[data-drafts]");
const fieldsOf = (form) => [...form.elements].filter((field) => field.name && "version" in field.dataset);
const fieldNamed = (form, name) => fieldsOf(form).find((field) => field.name === name);
const of = (form, name) => [form.dataset.owner, form.dataset.about, name];

function say(form, state) {
  const place = form.querySelector("[data-draft-state]");
  if (!place) return;
  place.dataset.state = state;
  place.textContent = { kept: place.dataset.wordsKept, busy: place.dataset.wordsBusy, away: place.dataset.wordsAway }[state] ?? state;
}

function typed(form, field) {
  const item = store.get(...of(form, field.name));
  store.put({ text: field.value, version: Number(field.dataset.version), sent: item?.sent ?? null }, ...of(form, field.name));
  say(form, "busy");
  later(field.name, PAUSE_MS);
}

function later(name, pause) {
  clearTimeout(timers.get(name));
  timers.set(name, setTimeout(() => send(name), pause));
}

async function send(name) {
  const form = formOf();
  if (!form || busy.has(name) || conflict?.field === name) return;
  const item = store.get(...of(form, name));
  if (!item) return;
  busy.add(name);
  store.put({ ...item, sent: item.text }, ...of(form, name));
  const answer = await post(form, { field: name, text: item.text, version: item.version, seen: form.dataset.seen });
  busy.delete(name);
  if (!form.isConnected) return;
  if (answer.status === 200) acknowledged(form, name, item.text, answer.version);
  else if (answer.status === 409 && answer.code === "draft-changed") differs(form, name, answer);
  else if (answer.status && answer.status < 500 && answer.status !== 401 && answer.status !== 429) say(form, answer.message ?? "");
  else {
    say(form, "away");
    later(name, wait);
    wait = Math.min(wait * 1.6, LONGEST_MS);
  }
}

async function post(form, values) {
  const key = [...crypto.getRandomValues(new Uint8Array(12))].map((n) => n.toString(16).padStart(2, "0")).join("");
  const { "X-CSRFToken": token } = JSON.parse(document.body.getAttribute("hx-headers:inherited") ?? "{}");
  const answer = await fetch(form.dataset.drafts, {
    method: "POST",
    headers: { "X-CSRFToken": token ?? "", "Idempotency-Key": key, "HX-Request": "true" },
    body: new URLSearchParams(values),
    signal: AbortSignal.timeout(10_000),
  }).catch(() => null);
  if (!answer) return { status: 0 };
  return { ...(await answer.json().catch(() => ({}))), status: answer.status };
}

function acknowledged(form, name, text, version) {
  wait = AGAIN_MS;
  const field = fieldNamed(form, name);
  if (field) field.dataset.version = version;
  const item = store.get(...of(form, name));
  if (!item || item.text === text) store.drop(...of(form, name));
  else {
    store.put({ ...item, version, sent: null }, ...of(form, name));
    later(name, 0);
  }
  if (!store.waiting(form.dataset.owner, form.dataset.about).length) say(form, "kept");
}

/** The server has another version: it may be what this window sent before the line was lost. */
function differs(form, name, { text, version }) {
  const item = store.get(...of(form, name));
  if (!item || text === item.text) return acknowledged(form, name, text, version);
  if (item.sent !== null && text === item.sent && item.sent !== item.text) return again(form, name, version);
  conflict = { field: name, theirs: text, version };
  const box = form.querySelector("[data-draft-conflict]");
  if (!box) return again(form, name, version);
  const field = fieldNamed(form, name);
  const words = box.querySelector("[data-conflict-text]");
  words.textContent = words.dataset.words.replace("{field}", field?.labels?.[0]?.textContent ?? field?.ariaLabel ?? name);
  box.hidden = false;
  box.scrollIntoView({ block: "nearest" });
}

function again(form, name, version) {
  const field = fieldNamed(form, name);
  if (field) field.dataset.version = version;
  store.put({ ...store.get(...of(form, name)), version }, ...of(form, name));
  later(name, 0);
}

function settle(form, choice) {
  const { field: name, theirs, version } = conflict;
  conflict = null;
  form.querySelector("[data-draft-conflict]").hidden = true;
  if (choice === "mine") return again(form, name, version);
  const field = fieldNamed(form, name);
  field.value = theirs;
  field.dataset.version = version;
  store.drop(...of(form, name));
  say(form, "kept");
}

/** What waited in this window comes back into its fields, and on its way. */
function restore() {
  const form = formOf();
  if (!form) return;
  store.forget(form.dataset.owner);
  for (const name of store.waiting(form.dataset.owner, form.dataset.about)) {
    const line = /^\w+-(\d+)$/.exec(name);
    while (line && !fieldNamed(form, name) && grow(form, true));
    const field = fieldNamed(form, name);
    const item = store.get(...of(form, name));
    if (!field) continue;
    const version = Number(field.dataset.version);
    if (field.value === item.text) {
      if (version) store.drop(...of(form, name));
      else later(name, 0);
      continue;
    }
    const isAhead = version === item.version || (item.sent !== null && field.value === item.sent);
    if (isAhead) store.put({ ...item, version }, ...of(form, name));
    field.value = item.text;
    later(name, 0);
  }
}

// The prescription grows while one types into its last line --------------------------------------------------------

const MOST_LINES = 30;

function grow(form, isForced = false) {
  const lines = [...form.querySelectorAll("[data-line]")];
  const last = lines.at(-1);
  if (!last || lines.length >= MOST_LINES) return false;
  if (!isForced && ![...last.querySelectorAll("input")].some((field) => field.value)) return false;
  const line = last.cloneNode(true);
  for (const field of line.querySelectorAll("input")) {
    field.name = field.id = field.name.replace(/\d+$/, lines.length);
    field.value = "";
    field.setAttribute("value", "");
    field.dataset.version = 0;
    field.classList.remove("is-invalid");
    for (const name of ["data-key", "data-key-word", "aria-invalid", "aria-describedby"]) field.removeAttribute(name);
  }
  line.querySelectorAll(".invalid-feedback").forEach((words) => words.remove());
  line.setAttribute("aria-label", last.getAttribute("aria-label").replace(lines.length, lines.length + 1));
  last.after(line);
  return true;
}

// Templates: what they say is added to what stands there ---------------------------------------------------------

function put(form, texts) {
  for (const [name, text] of Object.entries(texts)) {
    const field = fieldNamed(form, name);
    if (!field) continue;
    field.value = field.value.trim() && field.localName === "textarea" ? `${field.value.trimEnd()}\n${text}` : text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

document.addEventListener("input", ({ target }) => {
  const form = target.form;
  if (!form?.matches?.("[data-drafts]") || !("version" in target.dataset)) return;
  if (target.closest("[data-line]")) grow(form);
  typed(form, target);
});
document.addEventListener("change", ({ target }) => {
  if (!target.matches?.("[data-template]") || !target.value) return;
  put(target.form, JSON.parse(target.selectedOptions[0].dataset.texts));
  target.value = "";
});
document.addEventListener("click", ({ target }) => {
  const choice = target.closest?.("[data-keep]");
  if (choice && conflict) settle(choice.closest("form"), choice.dataset.keep);
});
// Saved: the record has it, nothing waits any more; refused: the form came back with what was typed.
document.addEventListener("htmx:after:request", ({ detail }) => {
  const form = detail.ctx?.sourceElement?.closest?.("form[data-drafts]");
  if (!form || detail.ctx.response?.status !== 200 || detail.ctx.sourceElement !== form) return;
  for (const name of store.waiting(form.dataset.owner, form.dataset.about)) store.drop(...of(form, name));
  timers.forEach(clearTimeout);
});
addEventListener("online", () => {
  const form = formOf();
  if (form) store.waiting(form.dataset.owner, form.dataset.about).forEach((name) => later(name, 0));
});
restore();
