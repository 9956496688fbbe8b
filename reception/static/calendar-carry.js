/**
 * An appointment picked up, by hand or by keys: its ghost, what it would mean, and the drop. One at a time.
 *
 * The block stays as a dashed outline while its ghost goes from slot to slot; a drop posts at once, the ghost stays until
 * the new picture is there. A refusal takes it away: the block stands where it stood, and the toast says why. While
 * something is carried, what others changed waits (calendar.js).
 */
import { fits, grid, headOf, instant, isByRoom, placeOf, range, time, word } from "./calendar-grid.js";
import { say } from "./toast.js";

const PICTURE_MS = 3_000;

let carried = null; // {block, own, place: {column, at, to}, how: "pointer" | "keys", ghost, isSent, values}

export const carrying = () => carried;

/** Picks `block` up; false where it may not be moved. */
export function lift(block, how) {
  if (carried) return false;
  if (!block.dataset.move) {
    if (grid().dataset.mayBook) say(word("Fixed"));
    return false;
  }
  const own = placeOf(block);
  carried = { block, own, place: own, how, ghost: makeGhost(block.cloneNode(true)) };
  block.classList.add("is-lifted");
  grid().classList.add("is-carrying");
  draw();
  return true;
}

/** A new place that is being drawn open, beside nothing that exists. */
export function open(place) {
  carried = { block: null, own: null, place, how: "pointer", ghost: makeGhost(null) };
  grid().classList.add("is-carrying");
  draw();
}

export function moveTo(place) {
  const now = carried.place;
  if (now.column === place.column && now.at === place.at && now.to === place.to) return;
  carried.place = place;
  draw();
  if (carried.how === "keys") speak(carried.words);
}

/** Puts it back. */
export function putBack() {
  const { block } = carried;
  clear();
  block?.focus({ preventScroll: true });
}

export function clear() {
  if (!carried) return;
  carried.ghost.remove();
  carried.block?.classList.remove("is-lifted");
  grid()?.classList.remove("is-carrying");
  document.querySelectorAll(".rx-cal-edge").forEach((edge) => edge.remove());
  document.querySelector(".rx-cal-head.is-target")?.classList.remove("is-target");
  hint("");
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
  carried.ghost.classList.add("is-sent");
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
  document.getElementById(block.id)?.focus({ preventScroll: true });
}

// What is seen ----------------------------------------------------------------------------------------------------

function makeGhost(copy) {
  const ghost = document.createElement("div");
  ghost.className = "rx-cal-ghost";
  ghost.innerHTML = '<span class="rx-cal-tab"></span>';
  ghost.setAttribute("aria-hidden", "true");
  if (copy) {
    const body = document.createElement("div");
    body.className = `${copy.className} is-ghost`;
    body.append(...copy.childNodes);
    ghost.append(body);
  }
  return ghost;
}

function draw() {
  const { ghost, own, place, block } = carried;
  const found = fits(place, own);
  const isUnchanged = own && own.column === place.column && own.at === place.at && own.to === place.to;
  ghost.style.setProperty("--at", place.at);
  ghost.style.setProperty("--to", place.to);
  ghost.classList.toggle("is-refused", Boolean(found.why));
  const fit = isUnchanged ? "" : (found.why ?? (found.free ? `✓ ${word("Fits", { n: found.free })}` : ""));
  carried.words = [range(place), fit].filter(Boolean).join("  ");
  const tab = ghost.firstElementChild;
  tab.textContent = carried.words;
  const shown = ghost.querySelector(".rx-time");
  if (shown) shown.textContent = time(place.column, place.at);
  if (ghost.parentElement !== place.column) {
    place.column.append(ghost);
    document.querySelector(".rx-cal-head.is-target")?.classList.remove("is-target");
    headOf(place.column)?.classList.add("is-target");
  }
  edges(place);
  hint(block ? `${word("Moving", { name: nameOf(block) })} · ${word(carried.how === "keys" ? "Keys" : "Back")}` : "");
}

const nameOf = (block) => block.querySelector("bdi").textContent;

/** The new start and end, beside the hours. */
function edges({ column, at, to }) {
  const hours = grid().querySelector(".rx-cal-hours");
  const marks = [...hours.querySelectorAll(".rx-cal-edge")];
  for (const [index, minute] of [at, to].entries()) {
    const mark = marks[index] ?? hours.appendChild(Object.assign(document.createElement("b"), { className: "rx-cal-edge" }));
    mark.style.setProperty("--at", minute);
    mark.textContent = time(column, minute);
  }
}

function hint(text) {
  const home = grid()?.querySelector("[data-hint]");
  if (home) home.textContent = text;
}

/** Says it to those who hear the screen. */
export function speak(text) {
  const home = grid()?.querySelector("[data-spoken]");
  if (home) home.textContent = `${text}${carried ? `, ${carried.place.column.dataset.name}` : ""}`;
}
