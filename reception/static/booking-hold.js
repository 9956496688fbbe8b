/**
 * Keeps the chosen time for who is booking, shows for how long, and gives it back when the dialog is left.
 *
 *   <form data-holds="/calendar/holds" data-hold-seconds="300" [data-hold-now]>   the booking dialog
 *     <input type="hidden" name="hold" value="17" data-until="ISO">   what is kept; empty: nothing
 *     <input type="radio" name="slot" value="7@2026-11-23T09:00Z">    the time
 *     <span id="hold" data-words-kept="Kept for you: {time}" data-words-over="…">
 *       <span data-hold-text> <button data-hold-again>                again, after it ran out
 *
 * A time that somebody takes by hand is kept, and the one that stands chosen once it is known for whom: who only looks
 * around, or opens the dialog and presses Enter, keeps nothing. While somebody is at work in it, half the time before its
 * end it is renewed; the server says when that is enough.
 */
import { now } from "./clock.js";

const { documentElement: root, body } = document;
const formOf = () => document.querySelector("form[data-holds]");
const fieldOf = (form) => form.elements.namedItem("hold");
const chosenIn = (form) => form.querySelector('[name="slot"]:checked')?.value ?? "";

let kept = { id: "", slot: "", length: "" }; // what this page holds; the form may be drawn again around it
let isUsed = false; // booked: nothing to give back
let isBusy = false; // a question is under way
let isTouched = false; // somebody did something since the last renewal
let refused = ""; // the wish that was refused last: not asked for again by itself
let picked = ""; // the time somebody took by hand; what is drawn meanwhile does not take it away
let timer = 0;

async function post(path, values = {}, more = {}) {
  const key = [...crypto.getRandomValues(new Uint8Array(12))].map((n) => n.toString(16).padStart(2, "0")).join("");
  const { "X-CSRFToken": token } = JSON.parse(body.getAttribute("hx-headers:inherited") ?? "{}");
  const answer = await fetch(path, {
    method: "POST",
    headers: { "X-CSRFToken": token ?? "", "Idempotency-Key": key, "HX-Request": "true" },
    body: new URLSearchParams(values),
    ...more,
  });
  return { ok: answer.ok, ...(await answer.json().catch(() => ({}))) };
}

/** How long the visit is: the service, and the minutes where they are not the service's. */
const lengthIn = (form) => ["service", "minutes"].map((name) => form.elements.namedItem(name)?.value ?? "").join(" ");

const isForSomebody = (form) => Boolean(form.querySelector('[name="patient_id"], [name="last_name"]'));

/** Asks for the chosen time, unless it is kept already. */
async function ask(isAgain = false) {
  const form = formOf();
  const slot = form && chosenIn(form);
  if (!form || !slot || isUsed || isBusy || (slot === kept.slot && lengthIn(form) === kept.length && !isAgain)) return;
  if (slot !== picked && !kept.id && !isAgain && !isForSomebody(form) && !("holdNow" in form.dataset)) return;
  const length = lengthIn(form);
  const wish = `${slot} ${length}`;
  if (wish === refused && !isAgain) return;
  isBusy = true;
  const [service, minutes] = length.split(" ");
  const found = await post(form.dataset.holds, { slot, service, minutes, hold: kept.id }).catch(() => ({ ok: false }));
  isBusy = false;
  const still = formOf();
  refused = found.ok ? "" : wish;
  if (!found.ok) {
    if (found.code && still) refresh(still); // somebody was faster: show what is free now
    return;
  }
  kept = { id: String(found.id), slot, length };
  if (!still || isUsed) return giveBack();
  write(still, found);
  if (chosenIn(still) !== slot || lengthIn(still) !== length) ask();
}

function write(form, { id, until, now: at }) {
  const field = fieldOf(form);
  field.value = id;
  // Measured from the answer itself, so that no clock but the server's matters.
  kept.until = field.dataset.until = new Date(now() + Date.parse(until) - Date.parse(at)).toISOString();
  tick();
}

async function renew(form) {
  isBusy = true;
  isTouched = false;
  const found = await post(`${form.dataset.holds}/${kept.id}/renew`).catch(() => ({ ok: false }));
  isBusy = false;
  if (found.ok && formOf()) write(formOf(), found);
}

/** The dialog was left: others may have the time. */
function giveBack() {
  if (!kept.id) return;
  const path = document.querySelector("form[data-holds]")?.dataset.holds ?? "/calendar/holds";
  post(`${path}/${kept.id}/release`, {}, { keepalive: true }).catch(() => {});
  kept = { id: "", slot: "", length: "" };
}

function leave() {
  giveBack();
  picked = "";
}

const refresh = (form) => form.querySelector("#times-news")?.dispatchEvent(new CustomEvent("rx:times"));

const digits = new Intl.NumberFormat(root.lang || "en", { minimumIntegerDigits: 2, numberingSystem: "latn" });

function tick() {
  const form = formOf();
  const place = form?.querySelector("#hold");
  const until = form && fieldOf(form)?.dataset.until;
  if (!place) return;
  place.hidden = !until;
  if (!until) return;
  const left = Math.max(0, Math.ceil((Date.parse(until) - now()) / 1_000));
  const time = `\u2066${Math.floor(left / 60)}:${digits.format(left % 60)}\u2069`;
  const words = left ? place.dataset.wordsKept.replace("{time}", time) : place.dataset.wordsOver;
  const text = place.querySelector("[data-hold-text]");
  if (text.textContent !== words) text.textContent = words;
  const isOver = left === 0;
  if (isOver && !place.classList.contains("is-over")) {
    kept = { id: "", slot: chosenIn(form), length: lengthIn(form) }; // not asked for again by itself
    fieldOf(form).value = "";
    refresh(form);
  }
  place.classList.toggle("is-over", isOver);
  place.classList.toggle("is-short", left <= 30);
  place.querySelector("[data-hold-again]").hidden = !isOver;
  const half = Number(form.dataset.holdSeconds) / 2;
  if (left && left < half && isTouched && !isBusy && kept.id) renew(form);
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(ask, 250);
}

/** A form that was drawn again carries what is kept in its own field, and the choice that was made meanwhile. */
function adopt() {
  const form = formOf();
  if (!form) return;
  const mine = picked && [...form.querySelectorAll('[name="slot"]:not(:disabled)')].find(({ value }) => value === picked);
  if (mine && chosenIn(form) !== picked) mine.checked = true;
  const field = fieldOf(form);
  if (field.value && field.value !== kept.id) kept = { id: field.value, slot: chosenIn(form), length: lengthIn(form) };
  else if (!field.value && kept.id) [field.value, field.dataset.until] = [kept.id, kept.until]; // drawn before it was kept
  if (!form.dataset.met) {
    form.dataset.met = "true";
    isUsed = false;
    if ("holdNow" in form.dataset) soon();
  } else if (kept.id) soon(); // the times were drawn again: the choice may be another one
  tick();
}

for (const type of ["change", "input"]) {
  document.addEventListener(type, ({ target }) => {
    if (!target.closest?.("form[data-holds]") || target.matches("[data-picker]")) return;
    isTouched = true;
    refused = "";
    if (target.name === "slot") picked = target.value;
    else if (target.tagName === "SELECT" || target.type === "date") picked = "";
    soon();
  });
}
document.addEventListener("click", ({ target }) => {
  if (target.closest?.("[data-hold-again]")) ask(true);
});
document.addEventListener("submit", () => clearTimeout(timer));
document.addEventListener("htmx:after:swap", adopt);
for (const type of ["rx:close-dialog", "rx:booked"]) {
  document.addEventListener(type, () => {
    if (!formOf() && type === "rx:close-dialog" && !kept.id) return;
    isUsed = true;
    kept = { id: "", slot: "", length: "" };
    picked = "";
  }, { capture: true });
}
document.addEventListener("rx:dialog", () => {
  if (!document.getElementById("dialog")?.open) leave();
});
window.addEventListener("pagehide", giveBack);
setInterval(tick, 1_000);
adopt();
