/**
 * The keyboard: shortcuts that elements declare, arrows and Enter in every list, the help sheet.
 *
 *   data-key="KeyW"            event.code; a press clicks the element, or focuses it when it is a field
 *   data-key="KeyG KeyD"       one after the other, within a second and a half
 *   data-key="Shift+Slash"     with Shift
 *   data-key-word="Search"     its words on the help sheet; else its aria-label or its text
 *   data-list, data-row        arrows up and down go from row to row of a list, left and right inside a row and then to
 *                              the next list; a row's own act is its .rx-act, else its first button or link. Enter is
 *                              the browser's own.
 *   <html data-shortcuts>      "off": only arrows and Enter
 * Keys are off while somebody types, in a dialog for what lies under it, and inside a scanner's burst (scan.js).
 * A Latin letter typed wins over its place (AZERTY); on a Cyrillic or Arabic layout the place decides.
 */
import { help } from "./dialog.js";
import { swallow } from "./live-rows.js";
import { BURST_MS, isBurst, isTyping } from "./scan.js";

const PAIR_MS = 1_500;
const STOPS = "a[href], button:not([disabled]), input:not([disabled]), summary";

const { documentElement: root } = document;
let first = null; // {code, at} of a pair that has begun
const pending = new Set(); // timers of shortcuts that wait until no burst can follow

// Shortcuts -------------------------------------------------------------------------------------------------------

const isVisible = (element) => element.checkVisibility({ visibilityProperty: true }) || element.closest("[popover]");

/** The innermost open dialog, or the page. */
const ground = () => [...document.querySelectorAll("dialog[open]")].at(-1) ?? document;

function codeOf(event) {
  const letter = /^[a-z]$/i.test(event.key) ? `Key${event.key.toUpperCase()}` : null;
  if (event.key === "?") return "Shift+Slash";
  if (event.key === "/") return "Slash";
  const code = letter ?? event.code;
  return event.shiftKey ? `Shift+${code}` : code;
}

function find(key) {
  const all = [...ground().querySelectorAll(`[data-key="${key}"]`)].filter(
    (element) => !element.disabled && isVisible(element) && !element.closest("[inert]"),
  );
  return all.at(-1); // the newest toast's Undo, not the oldest's
}

function press(element) {
  if (isTyping(element)) {
    element.focus();
    element.select?.();
  } else element.click();
}

function shortcut(event) {
  const code = codeOf(event);
  const pair = first && event.timeStamp - first.at < PAIR_MS ? `${first.code} ${code}` : null;
  first = null;
  if (pair && find(pair)) return () => press(find(pair));
  if (document.querySelector(`[data-key^="${code} "]`)) {
    first = { code, at: event.timeStamp };
    return null;
  }
  if (code === "Shift+Slash") return help;
  const element = find(code);
  if (!element) return null;
  // The element is looked up again: a push may have put another one in its place.
  return Object.assign(() => find(code) && press(find(code)), { isHarmless: isTyping(element) });
}

function onKey(event) {
  if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  if (event.key === "Escape") return escape(event);
  if (isTyping(event.target)) return;
  if (arrows(event)) return event.preventDefault();
  if (isBurst(event)) return forget();
  if (root.dataset.shortcuts === "off" || event.repeat) return;
  // Space and Enter belong to the button that has the focus.
  const isOnButton = event.target.closest?.("button, a[href], summary, input");
  if (isOnButton && (event.code === "Space" || event.code === "Enter")) return;
  const act = shortcut(event);
  if (!act) return;
  event.preventDefault();
  if (act.isHarmless || event.code === "Space") return act();
  const timer = setTimeout(() => {
    pending.delete(timer);
    act();
  }, BURST_MS);
  pending.add(timer);
}

/** A scanner is at work: what its first keys meant is not meant. */
function forget() {
  pending.forEach(clearTimeout);
  pending.clear();
  first = null;
}

function escape(event) {
  if (document.querySelector("dialog[open], .rx-menu:popover-open")) return;
  if (isTyping(event.target)) event.target.blur();
}

// Lists -----------------------------------------------------------------------------------------------------------

const lists = () => [...ground().querySelectorAll("[data-list]")].filter((list) => list.checkVisibility());
const rowsOf = (list) =>
  [...list.querySelectorAll("[data-row]")].filter((row) => row.checkVisibility() && stopsOf(row).length);
const stopsOf = (row) => [...row.querySelectorAll(STOPS)];
const mainOf = (row) => row.querySelector(".rx-act") ?? stopsOf(row)[0];
const remembered = new WeakMap(); // list -> id of the row that had the focus

function go(row, stop = mainOf(row)) {
  if (!stop) return;
  stop.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

function enter(list) {
  const rows = rowsOf(list);
  const row = rows.find((each) => each.id === remembered.get(list)) ?? rows[0];
  if (row) go(row);
  return Boolean(row);
}

function arrows(event) {
  const { code, target } = event;
  if (!code.startsWith("Arrow") && code !== "Home" && code !== "End") return false;
  const row = target.closest?.("[data-row]");
  const list = target.closest?.("[data-list]");
  if (!row || !list) {
    const isFree = target === document.body || target.id === "main" || target.closest?.("[data-list]");
    if (!isFree || event.shiftKey) return false;
    return code === "ArrowDown" && lists().some(enter);
  }
  const rows = rowsOf(list);
  const at = rows.indexOf(row);
  if (code === "ArrowDown" || code === "ArrowUp") {
    const next = rows[at + (code === "ArrowDown" ? 1 : -1)];
    if (next) go(next);
    return true;
  }
  if (code === "Home" || code === "End") {
    go(code === "Home" ? rows[0] : rows.at(-1));
    return true;
  }
  const isForward = (code === "ArrowRight") === (getComputedStyle(list).direction === "ltr");
  const stops = stopsOf(row);
  const next = stops[stops.indexOf(target) + (isForward ? 1 : -1)];
  if (next) go(row, next);
  else {
    const all = lists();
    const beside = isForward ? all.slice(all.indexOf(list) + 1) : all.slice(0, all.indexOf(list)).reverse();
    beside.some(enter);
  }
  return true;
}

/** One row of each list is reached by Tab, the others by arrows. */
function rove() {
  for (const list of document.querySelectorAll("[data-list]")) {
    const stops = [...list.querySelectorAll("[data-row]")].flatMap(stopsOf);
    const row = document.getElementById(remembered.get(list) ?? "");
    const main = (row && list.contains(row) && mainOf(row)) || stops.find((stop) => stop === mainOf(stop.closest("[data-row]")));
    for (const stop of stops) stop.tabIndex = stop === main ? 0 : -1;
  }
}

document.addEventListener("focusin", ({ target }) => {
  const row = target.closest?.("[data-row]");
  const list = target.closest?.("[data-list]");
  if (!row?.id || !list || remembered.get(list) === row.id) return;
  remembered.set(list, row.id);
  rove();
});

/**
 * The answer to an act took its row away: the focus goes to the row that stands there now. A push may do so first, while
 * the dialog that the row opened still has the focus.
 */
let lost = null;
document.addEventListener("htmx:before:swap", () => {
  const row = document.activeElement?.closest?.("[data-row]");
  const list = row?.closest("[data-list]");
  const isKept = lost && (lost.focus.isConnected || document.querySelector("dialog[open]"));
  lost = list ? { list, id: row.id, at: rowsOf(list).indexOf(row), focus: document.activeElement } : isKept ? lost : null;
});

let acted = null; // id of the row whose act was pressed last
document.addEventListener("click", ({ target }) => {
  acted = target.closest?.("[data-row]")?.id ?? acted;
}, { capture: true });
for (const type of ["htmx:after:swap", "rx:region", "rx:dialog"]) {
  document.addEventListener(type, () => {
    rove();
    if (!lost || lost.focus.isConnected || document.activeElement !== document.body) return;
    const rows = lost.list.isConnected ? rowsOf(lost.list) : [];
    if (rows.length) go(rows[Math.min(lost.at, rows.length - 1)]);
    if (rows.length && lost.id !== acted) swallow(); // somebody else's act: a key on its way was meant for the row that left
    lost = null;
  });
}

// The help sheet --------------------------------------------------------------------------------------------------

const capWord = (part) =>
  ({ Slash: "/", Space: document.querySelector('[data-key="Space"] .rx-cap')?.textContent ?? "Space", "Shift+Slash": "?" })[part] ??
  part.replace(/^(Key|Digit)/, "");

document.addEventListener("rx:help", () => {
  const home = document.querySelector("#help [data-keys]");
  const seen = new Map();
  for (const element of document.querySelectorAll("[data-key]")) {
    const words = element.dataset.keyWord ?? element.getAttribute("aria-label") ?? labelOf(element);
    if (words && !seen.has(element.dataset.key)) seen.set(element.dataset.key, words);
  }
  home?.replaceChildren(
    ...[...seen].map(([key, words]) => {
      const [row, term, caps] = ["div", "dt", "dd"].map((tag) => document.createElement(tag));
      term.textContent = words;
      for (const part of key.split(" ")) {
        const cap = document.createElement("kbd");
        cap.className = "rx-cap";
        cap.textContent = capWord(part);
        caps.append(cap);
      }
      row.append(term, caps);
      return row;
    }),
  );
});

function labelOf(element) {
  const copy = element.cloneNode(true);
  copy.querySelectorAll("kbd, svg").forEach((part) => part.remove());
  return copy.textContent.trim();
}

document.addEventListener("change", ({ target }) => {
  if (target.matches?.("[data-shortcuts-switch]")) root.dataset.shortcuts = target.checked ? "on" : "off";
});
document.addEventListener("keydown", onKey);
rove();
