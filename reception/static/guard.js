/**
 * An act happens once, however its button is pressed, and only on purpose.
 *
 * Acts are [hx-post] elements, of a form its submit button. Swallowed are: a press while the same act is under way, a held key, and the second half
 * of a double press: the same key with no other key between, or the same place under a still pointer, within TWICE_MS,
 * whichever record's act it would hit by then (the list closed up, the next row stands there now). Rows that a push
 * moved take no press for a moment either (live-rows.js). The server's keys and versions are the protection; this is
 * politeness, and keeps the wrong question from being asked at all.
 */
const TWICE_MS = 300; // a person's double press; nobody decides twice in that time
const STILL_PX = 10;

let key = ""; // event.code of the last key, "" once another one or the pointer followed an act
let last = { at: -Infinity, key: "", x: 0, y: 0 };

// Inside a form only what sends it: a label's click comes twice, on the label and on its field.
const isAct = (element) => element?.closest?.("[hx-post]:not(form), form[hx-post] [type=submit]");

function swallow(event) {
  event.preventDefault();
  event.stopImmediatePropagation();
}

document.addEventListener("keydown", (event) => {
  if (event.code !== last.key) last.key = "";
  key = event.code;
  const isPress = event.key === "Enter" || event.key === " ";
  if (isPress && event.repeat && event.target.closest?.("button, a[href]")) swallow(event);
}, { capture: true });

document.addEventListener("click", (event) => {
  const act = isAct(event.target);
  if (!act || act.matches("input")) return;
  if (act.getAttribute("aria-busy") === "true") return swallow(event);
  const isByKey = event.detail === 0;
  const isSoon = event.timeStamp - last.at < TWICE_MS;
  const isSame = isByKey
    ? last.key === key && key !== ""
    : last.key === null && Math.hypot(event.clientX - last.x, event.clientY - last.y) < STILL_PX;
  if (isSoon && isSame) return swallow(event);
  last = { at: event.timeStamp, key: isByKey ? key : null, x: event.clientX, y: event.clientY };
}, { capture: true });

document.addEventListener("htmx:before:request", ({ detail }) => {
  const source = detail.ctx?.sourceElement;
  if (source?.matches?.("[hx-post]:not(form, input)")) source.setAttribute("aria-busy", "true");
});
document.addEventListener("htmx:finally:request", ({ detail }) => {
  detail.ctx?.sourceElement?.removeAttribute?.("aria-busy");
});
