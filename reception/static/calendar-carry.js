/**
 * An appointment picked up, by hand or by keys: its ghost, what it would mean, and the drop. One at a time.
 *
 * The block stays as a dashed outline while its ghost goes from slot to slot; a drop posts at once, the ghost stays until
 * the new picture is there. A refusal takes it away: the block stands where it stood, and the toast says why, or a dialog
 * asks whoever may overbook for the reason. While something is carried, what others changed waits (calendar.js).
 *
 * While it moves, only numbers in style, data attributes and text nodes change: a changed class or child would have the
 * browser ask the whole sheet of styles for every element of the page, at each step.
 */
import { columns, fits, grid, instant, isByRoom, isLtr, placeOf, range, time, word } from "./calendar-grid.js";
import { say } from "./toast.js";

const PICTURE_MS = 3_000;

let carried = null; // {block, own, place: {column, at, to}, how: "pointer" | "keys", parts, words, isSent, values}

export const carrying = () => carried;
export const ghost = () => carried.parts.ghost;

/** Picks `block` up; false where it may not be moved. */
export function lift(block, how) {
  if (carried) return false;
  if (!block.dataset.move) {
    if (grid().dataset.mayBook) say(word("Fixed"));
    return false;
  }
  const own = placeOf(block);
  const hint = `${word("Moving", { name: block.querySelector("bdi").textContent })} · ${word(how === "keys" ? "Keys" : "Back")}`;
  carried = { block, own, place: own, how, parts: makeParts(block.cloneNode(true), hint) };
  block.dataset.lifted = "";
  grid().dataset.carrying = "";
  draw();
  return true;
}

/** A new place that is being drawn open, beside nothing that exists. */
export function open(place) {
  carried = { block: null, own: null, place, how: "pointer", parts: makeParts(null, "") };
  grid().dataset.carrying = "";
  draw();
}

export function moveTo(place) {
  const now = carried.place;
  if (now.column === place.column && now.at === place.at && now.to === place.to) return;
  carried.place = place;
  draw();
  if (carried.how === "keys") speak(`${carried.words}, ${place.column.dataset.name}`);
}

/** Puts it back. */
export function putBack() {
  const { block } = carried;
  clear();
  block?.focus({ preventScroll: true });
}

export function clear() {
  if (!carried) return;
  for (const part of Object.values(carried.parts)) part.remove();
  if (carried.block) delete carried.block.dataset.lifted;
  if (grid()) delete grid().dataset.carrying;
  const hint = grid()?.querySelector("[data-hint]");
  if (hint) hint.textContent = "";
  carried = null;
}

/** Sends what was changed. The answer is a toast, and the page asks for the new picture. */
export function drop() {
  const { block, own, place } = carried;
  const isMoved = place.column !== own.column || place.at !== own.at;
  const isLonger = place.to - place.at !== own.to - own.at;
  if (!isMoved && !isLonger) return putBack();
  const name = isMoved ? "drop" : "resize";
  const version = block.dataset.move;
  const values = { key: `${block.id}.${name}.${version}`, version, end: instant(place.column, place.to) };
  if (isMoved) {
    values.start = instant(place.column, place.at);
    values[isByRoom() ? "room" : "doctor"] = place.column.dataset.ident;
  }
  Object.assign(carried, { isSent: true, values });
  carried.parts.ghost.dataset.sent = "";
  send(block, `${block.getAttribute("href")}/${name}`, values);
}

async function send(block, path, values) {
  let status = 0;
  const hear = ({ detail }) => {
    if (detail.ctx?.values !== values) return;
    status = detail.ctx.response?.status ?? 0;
    document.removeEventListener("htmx:finally:request", hear);
  };
  document.addEventListener("htmx:finally:request", hear);
  await window.htmx.ajax("POST", path, { source: block, target: "#toasts", swap: "none", values });
  document.removeEventListener("htmx:finally:request", hear);
  if (carried?.values !== values) return;
  if (status >= 200 && status < 300) {
    // The ghost stands until the new picture comes; where it does not, not for ever.
    setTimeout(() => carried?.values === values && clear(), PICTURE_MS);
    return;
  }
  clear();
  if (document.querySelector("dialog[open]")) return; // it asks why, and gives the focus back
  document.getElementById(block.id)?.focus({ preventScroll: true });
}

// What is seen ----------------------------------------------------------------------------------------------------

function part(tag, name, text) {
  const element = document.createElement(tag);
  element.className = name;
  element.setAttribute("aria-hidden", "true");
  if (text !== undefined) element.append(document.createTextNode(text));
  return element;
}

/** The ghost, the new start and end beside the hours, and a line under the head of its column. */
function makeParts(copy, hint) {
  const ghost = part("div", "rx-cal-ghost");
  ghost.append(part("span", "rx-cal-tab", ""));
  if (copy) {
    const body = part("div", `${copy.className} is-ghost`);
    body.append(...copy.childNodes);
    ghost.append(body);
  }
  const parts = { ghost, start: part("b", "rx-cal-edge", ""), end: part("b", "rx-cal-edge", ""), line: part("i", "rx-cal-target") };
  grid().querySelector(".rx-cal-sheet").append(ghost, parts.line);
  grid().querySelector(".rx-cal-hours").append(parts.start, parts.end);
  const home = grid().querySelector("[data-hint]");
  if (home) home.textContent = hint;
  return parts;
}

function draw() {
  const { own, place, parts } = carried;
  const { column, at, to } = place;
  const found = fits(place, own);
  const isUnchanged = own && own.column === column && own.at === at && own.to === to;
  const fit = isUnchanged ? "" : (found.why ?? (found.free ? `✓ ${word("Fits", { n: found.free })}` : ""));
  carried.words = [range(place), fit].filter(Boolean).join("  ");
  const { style, dataset } = parts.ghost;
  style.setProperty("--at", at);
  style.setProperty("--to", to);
  style.setProperty("--x", `${fromStart(column)}px`);
  style.setProperty("--wide", `${column.offsetWidth}px`);
  dataset.fits = found.why ? "no" : "yes";
  write(parts.ghost.querySelector(".rx-cal-tab"), carried.words);
  write(parts.ghost.querySelector(".rx-time"), time(column, at));
  for (const [edge, minute] of [[parts.start, at], [parts.end, to]]) {
    edge.style.setProperty("--at", minute);
    write(edge, time(column, minute));
  }
  parts.line.style.gridColumn = columns().indexOf(column) + 2;
}

/** Only the text node's own words, see above. */
function write(element, text) {
  if (element && element.firstChild.nodeValue !== text) element.firstChild.nodeValue = text;
}

/** How far the column stands from the beginning of a line. */
function fromStart(column) {
  if (isLtr()) return column.offsetLeft;
  return column.parentElement.offsetWidth - column.offsetLeft - column.offsetWidth;
}

/** Says it to those who hear the screen. */
export function speak(text) {
  const home = grid()?.querySelector("[data-spoken]");
  if (home) home.textContent = text;
}
