/**
 * The calendar by keys. Arrows walk over blocks and free places; Enter opens or books; M picks a block up, + and - (or
 * Shift with an arrow) stretch it; then arrows move it, Enter drops it, Esc puts it back.
 *
 * A free place under the focus is a button of this page's own (#grid-cursor): it is put into its column when the walk
 * comes there, and again after the grid was drawn anew.
 */
import { carrying, drop, ghost, lift, moveTo, putBack, speak } from "./calendar-carry.js";
import { blocksIn, columnOf, columns, grid, height, isLtr, placeOf, slotAt, slotsIn, stepFrom, time, word } from "./calendar-grid.js";
import { isTyping } from "./scan.js";

const WAYS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

let at = null; // {column: its id, minute} of the cursor, or of the block that has the focus
let focused = null; // id of what had the focus in the grid last

// Walking ---------------------------------------------------------------------------------------------------------

const cursor = () => document.getElementById("grid-cursor");

/** What can be stood on in a column: its blocks and the slots with a free place, from top to bottom. */
function stops(column) {
  const blocks = blocksIn(column).map((block) => ({ block, ...placeOf(block) }));
  const free = slotsIn(column).filter((slot) => slot.free > 0).map((slot) => ({ column, at: slot.at, to: slot.to }));
  return [...blocks, ...free].sort((a, b) => a.at - b.at || Boolean(b.block) - Boolean(a.block));
}

function standing() {
  const { activeElement: element } = document;
  const column = columnOf(element);
  if (!column || !grid().contains(element)) return null;
  const all = stops(column);
  const index = element === cursor()
    ? all.findIndex((stop) => !stop.block && stop.at === at.minute)
    : all.findIndex((stop) => stop.block === element);
  return index < 0 ? null : { column, all, index, stop: all[index] };
}

function stand({ block, column, at: minute, to }) {
  at = { column: column.id, minute };
  if (block) {
    cursor()?.remove();
    focused = block.id;
    block.focus({ preventScroll: true });
    return block.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  const button = cursor() ?? makeCursor();
  button.style.setProperty("--at", minute);
  button.style.setProperty("--to", to);
  const free = slotAt(column, minute)?.free ?? 0;
  button.setAttribute("aria-label", word("Empty", { time: time(column, minute), who: column.dataset.name, n: free }));
  button.firstChild.textContent = time(column, minute);
  if (button.parentElement !== column) column.append(button);
  focused = button.id;
  button.focus({ preventScroll: true });
  button.scrollIntoView({ block: "nearest", inline: "nearest" });
  speak(button.getAttribute("aria-label"));
}

function makeCursor() {
  const button = document.createElement("button");
  button.type = "button";
  button.id = "grid-cursor";
  button.className = "rx-cal-cursor";
  button.append(document.createElement("span"));
  return button;
}

/** The stop of the column that stands at the minute, or nearest to it. */
function nearest(column, minute) {
  const away = (stop) => (stop.at <= minute && stop.to > minute ? -1 : Math.min(Math.abs(stop.at - minute), Math.abs(stop.to - minute)));
  return stops(column).reduce((best, stop) => (!best || away(stop) < away(best) ? stop : best), null);
}

function walk(event) {
  const here = standing();
  const [across, down] = WAYS[event.key];
  if (!here) return enter();
  const { all, index, stop, column } = here;
  if (down) {
    const further = down > 0 ? all.slice(index + 1) : all.slice(0, index).reverse();
    const next = further.find((other) => other.at !== stop.at) ?? null;
    // Of several that begin together the first one.
    if (next) stand(all.find((other) => other.at === next.at));
    return true;
  }
  const forward = (across > 0) === isLtr() ? 1 : -1;
  const beside = all[index + forward];
  if (beside && beside.at === stop.at) return stand(beside) ?? true;
  const line = columns();
  for (let n = line.indexOf(column) + forward; n >= 0 && n < line.length; n += forward) {
    const found = nearest(line[n], stop.at);
    if (found) return stand(found) ?? true;
  }
  return true;
}

/** From outside: where the focus was, else what comes next today, else the first. */
function enter() {
  const line = columns();
  const known = line.find((column) => column.id === at?.column);
  const present = Number(grid().style.getPropertyValue("--now"));
  for (const column of known ? [known, ...line] : line) {
    const found = nearest(column, known === column ? at.minute : Math.max(present, 0));
    if (found) return stand(found) ?? true;
  }
  return false;
}

function edge(event) {
  const here = standing();
  if (here) stand(event.key === "Home" ? here.all[0] : here.all.at(-1));
}

// Carrying --------------------------------------------------------------------------------------------------------

const STRETCH = { "+": 1, "=": 1, "-": -1, "−": -1 };

function stretch(way) {
  const { place } = carrying();
  const end = way > 0 ? (slotAt(place.column, place.to)?.to ?? place.to + 15) : stepFrom(place.column, place.to, -1);
  if (end > place.at && end <= height()) moveTo({ ...place, to: end });
}

function carry(event) {
  const { place, isSent } = carrying();
  if (isSent) return;
  const way = WAYS[event.key];
  if (event.key === "Escape") return putBack();
  if (event.key === "Enter" || event.key === " ") return event.repeat || drop();
  if (event.key in STRETCH) return stretch(STRETCH[event.key]);
  if (!way) return;
  const [across, down] = way;
  if (event.shiftKey) return down && stretch(down);
  const line = columns();
  let { column } = place;
  if (across) column = line[line.indexOf(column) + ((across > 0) === isLtr() ? 1 : -1)] ?? column;
  const length = place.to - place.at;
  const start = down ? stepFrom(column, place.at, down) : place.at;
  moveTo({ column, at: start, to: start + length });
  ghost().scrollIntoView({ block: "nearest", inline: "nearest" });
}

// The keyboard ----------------------------------------------------------------------------------------------------

function onKey(event) {
  if (!grid() || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (document.querySelector("dialog[open]")) return;
  if (carrying()?.how === "keys") {
    if (/^F\d+$/.test(event.key)) return;
    carry(event);
    return take(event);
  }
  if (isTyping(event.target)) return;
  const isInside = columnOf(event.target);
  const block = event.target.closest?.("a.rx-cal-block");
  if (!isInside) {
    const isFree = event.target === document.body || event.target.id === "main" || event.target.matches?.(".rx-cal-scroll");
    if (isFree && (event.key === "ArrowDown" || event.key === "ArrowUp") && !event.shiftKey && enter()) take(event);
    return;
  }
  if (block && event.shiftKey && WAYS[event.key]?.[1]) {
    if (lift(block, "keys")) stretch(WAYS[event.key][1]);
  } else if (event.key in WAYS && !event.shiftKey) walk(event);
  else if (event.key === "Home" || event.key === "End") edge(event);
  else if (block && event.key in STRETCH) {
    if (lift(block, "keys")) stretch(STRETCH[event.key]);
  } else if (block && isLetter(event, "M")) lift(block, "keys") && speak(word("Keys"));
  else return;
  take(event);
}

/** A Latin letter counts, else its place. */
const isLetter = (event, letter) =>
  !event.shiftKey && !event.repeat &&
  (/^[a-z]$/i.test(event.key) ? event.key.toUpperCase() === letter : event.code === `Key${letter}`);

function take(event) {
  event.preventDefault();
  event.stopPropagation();
}

document.addEventListener("keydown", onKey, { capture: true });

document.addEventListener("focusin", ({ target }) => {
  if (!columnOf(target)) return;
  focused = target.id;
  if (target.matches("a.rx-cal-block")) {
    const place = placeOf(target);
    at = { column: place.column.id, minute: place.at };
    if (cursor()) cursor().remove();
    rove();
  }
});

/** One block is reached by Tab, the others by arrows. */
export function rove() {
  const all = [...(grid()?.querySelectorAll("a.rx-cal-block") ?? [])];
  const main = all.find((block) => block.id === focused) ?? all[0];
  for (const block of all) block.tabIndex = block === main ? 0 : -1;
}

/** After the grid was drawn anew: the focus stands where it stood. */
export function restore(hadFocus) {
  rove();
  if (!hadFocus || document.activeElement !== document.body || !at) return;
  const column = document.getElementById(at.column);
  const block = document.getElementById(focused);
  if (block && columnOf(block)) return stand({ block, ...placeOf(block) });
  const found = column && nearest(column, at.minute);
  if (found) stand(found);
}
