/**
 * Counting a cashbox: pieces times their denomination, the sum, and what it differs from what is expected.
 *
 *   <form data-count data-expected data-places data-decimal data-group data-words-missing data-words-over>
 *     [data-coin="5000"]     pieces of that denomination; its row's [data-coin-sum] shows what they come to
 *     [data-counted]         or the whole sum, where there are no denominations
 *     [data-count-total], [data-count-difference], [data-count-word], [data-count-row]
 *     [data-reason]          needed while there is a difference
 *     [data-count-done]      the button
 * Enter and the arrow down go to the next field, the arrow up back; Enter in the last one, with nothing left to say, posts.
 * Without this module the form is posted as it stands and the server does the sums (blueprints/count_form.py).
 */
import { read, write } from "./payment-rules.js";

const FIELDS = "[data-coin], [data-counted], [data-reason]";

const style = ({ places, decimal, group }) => ({ places: Number(places), decimal, group });
const say = (element, text) => element.textContent === text || (element.textContent = text);

/** Whole pieces typed: 0 where nothing is, NaN where it is no number. */
function pieces(text) {
  if (!text.trim()) return 0;
  const found = read(text, { places: 0, decimal: ".", group: " " });
  return found === null ? 0 : /^[0\u0660\u06f0]+$/.test(text.trim()) ? 0 : found;
}

/** What the field holds in smallest units; null where a sum was left empty. */
function sumOf(form) {
  const one = form.querySelector("[data-counted]");
  if (one) return /^[0.,\u0660\u066b]+$/.test(one.value.trim()) ? 0 : read(one.value, style(form.dataset));
  let total = 0;
  for (const field of form.querySelectorAll("[data-coin]")) {
    const count = pieces(field.value);
    const sum = count * Number(field.dataset.coin);
    field.classList.toggle("is-invalid", Number.isNaN(count));
    say(field.closest("label").querySelector("[data-coin-sum]"), count > 0 ? write(sum, style(form.dataset)) : "");
    total += sum;
  }
  return total;
}

/** Shows the sums of `form` and answers whether a reason is needed. */
function count(form) {
  const { expected, wordsMissing, wordsOver } = form.dataset;
  const total = sumOf(form);
  const known = total !== null && !Number.isNaN(total);
  const difference = known ? total - Number(expected) : 0;
  const look = style(form.dataset);
  say(form.querySelector("[data-count-total]"), known ? write(total, look) : "");
  say(form.querySelector("[data-count-difference]"), known ? write(difference, look) : "");
  say(form.querySelector("[data-count-word]"), difference < 0 ? wordsMissing : difference > 0 ? wordsOver : "");
  form.querySelector("[data-count-row]").classList.toggle("is-off", difference !== 0);
  form.querySelector("[data-reason]").required = difference !== 0;
  return difference !== 0;
}

function step(form, field, by) {
  const fields = [...form.querySelectorAll(FIELDS)];
  const next = fields[fields.indexOf(field) + by];
  next?.focus();
  next?.select();
  return Boolean(next);
}

document.addEventListener("input", ({ target }) => {
  const form = target.closest?.("form[data-count]");
  if (form) count(form);
});

document.addEventListener("keydown", (event) => {
  const form = event.target.closest?.("form[data-count]");
  if (!form || !event.target.matches(FIELDS) || event.isComposing) return;
  const isReason = event.target.matches("[data-reason]");
  if (event.key === "ArrowUp" || event.key === "ArrowDown") {
    if (step(form, event.target, event.key === "ArrowDown" ? 1 : -1)) event.preventDefault();
  } else if (event.key === "Enter" && !isReason) {
    const needsReason = count(form);
    const next = event.target.nextElementSibling && [...form.querySelectorAll("[data-coin]")].at(-1);
    if (next && next !== event.target) step(form, event.target, 1);
    else if (needsReason && !form.querySelector("[data-reason]").value.trim()) form.querySelector("[data-reason]").focus();
    else return; // the form is posted
    event.preventDefault();
  }
});

const begin = () => document.querySelectorAll("form[data-count]").forEach(count);
document.addEventListener("htmx:after:swap", begin);
begin();
