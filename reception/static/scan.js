/**
 * Scanners type. Keys that come faster than fingers are one code: no shortcut, no act, but a search.
 *
 * Three and more printable keys, each within BURST_MS of the one before, are a burst. Its Enter presses nothing; what
 * it spelled goes into the search field, wherever the focus was, unless somebody was typing or a dialog stands open.
 */
export const BURST_MS = 40;
const FEWEST = 3;

let text = "";
let at = -Infinity;

/** Whether a burst is under way at the time of `event`. */
export const isBurst = (event) => text.length >= FEWEST && event.timeStamp - at < BURST_MS;

export const isTyping = (element) =>
  Boolean(
    element?.isContentEditable ||
      (element?.matches?.("input, textarea, select") && !element.matches("[type=checkbox], [type=radio], [type=button]")),
  );

function search(code) {
  const field = document.getElementById("search");
  if (!field) return;
  field.focus();
  field.value = code;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", code: "Enter", bubbles: true, cancelable: true }));
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === "Enter" && isBurst(event) && !isTyping(event.target)) {
    event.preventDefault();
    event.stopImmediatePropagation();
    if (text.length > FEWEST && !document.querySelector("dialog[open]")) search(text);
    text = "";
  } else if (event.key.length === 1) {
    text = event.timeStamp - at < BURST_MS ? text + event.key : event.key;
    at = event.timeStamp;
  }
}, { capture: true });
