/**
 * The calendar's page: opens what is pressed, books into what is empty, follows what others do, moves the now-line.
 *
 * A change somewhere else (rx:signal, live.js) makes the page ask for its picture again, but never while something is
 * carried: then after the drop. What changed in the picture glides and glows once. Everything is listened for on the
 * document: hundreds of blocks cost nothing, and a grid that was drawn anew needs no care.
 */
import { now } from "./clock.js";
import { carrying, clear } from "./calendar-carry.js";
import { columnOf, columns, grid, height, isByRoom, scroller, slotAt, snap, under, instant } from "./calendar-grid.js";
import { restore, rove } from "./calendar-keys.js";
import { isAfterDrag } from "./calendar-pointer.js";

const GLOW_MS = 1_000;
const SLIDE_MS = 200;
const END_SLACK_MS = 1_000;
const isCalm = matchMedia("(prefers-reduced-motion: reduce)");
const page = () => document.getElementById("day");

// Opening and booking ---------------------------------------------------------------------------------------------

const ask = (path, source) => window.htmx.ajax("GET", path, { source, target: "#dialog", swap: "innerHTML" });

/** Opens the booking dialog for the place; what was drawn open over more than a slot is booked so long, and chooses a
 * service that lasts so long. */
function book({ column, at, to }, isDrawn = false) {
  const doctor = isByRoom() ? slotAt(column, at)?.doctor : column.dataset.ident;
  const start = instant(column, at).replace(/:\d\d\.\d+Z$/, "Z");
  const values = new URLSearchParams({ day: column.dataset.day });
  const service = isDrawn && grid().dataset.lengths.split(" ").find((length) => length.startsWith(`${to - at}-`));
  if (service) values.set("service", service.split("-")[1]);
  if (isDrawn && to !== slotAt(column, at)?.to) values.set("minutes", to - at);
  if (doctor) {
    values.set("doctor", doctor);
    values.set("slot", `${doctor}@${start}`);
  }
  ask(`${grid().dataset.mayBook}?${values}`, column);
}

document.addEventListener("rx:book", ({ detail }) => book(detail, true));

document.addEventListener("click", (event) => {
  if (!grid()?.contains(event.target)) return;
  if (isAfterDrag(event)) {
    event.preventDefault();
    return event.stopImmediatePropagation();
  }
  const block = event.target.closest("a.rx-cal-block");
  if (block) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    return ask(block.getAttribute("href"), block);
  }
  const only = event.target.closest("[data-only]");
  if (only) return show(only.getAttribute("aria-pressed") === "true" ? "" : only.dataset.only);
  const column = columnOf(event.target);
  if (!column || event.target.closest("a, .rx-cal-held") || !grid().dataset.mayBook) return;
  const cursor = event.target.closest(".rx-cal-cursor");
  const at = cursor ? Number(cursor.style.getPropertyValue("--at")) : snapDown(event);
  book({ column, at, to: slotAt(column, at)?.to ?? at + 15 });
}, { capture: true });

/** The slot under the pointer, however near its end. */
function snapDown(event) {
  const { column, minute } = under(event.clientX, event.clientY);
  return slotAt(column, minute)?.at ?? snap(column, minute);
}

// The legend ------------------------------------------------------------------------------------------------------

let only = "";

function show(status = only) {
  only = status;
  if (!grid()) return;
  if (only) grid().dataset.showOnly = only;
  else delete grid().dataset.showOnly;
  for (const button of grid().querySelectorAll("[data-only]")) button.setAttribute("aria-pressed", button.dataset.only === only);
}

// The present -----------------------------------------------------------------------------------------------------

function tick() {
  const column = grid()?.querySelector(".rx-cal-col.is-now");
  if (!column) return;
  const minute = (now() - Date.parse(column.dataset.origin)) / 60_000;
  grid().style.setProperty("--now", minute.toFixed(1));
  for (const mark of grid().querySelectorAll(".rx-cal-now, .rx-cal-pill")) mark.hidden = minute < 0 || minute > height();
}

/** What is now stands in the upper half when a day is opened. */
function toPresent() {
  const frame = scroller();
  if (!frame) return;
  const minute = Number(grid().style.getPropertyValue("--now"));
  if (minute > 0) frame.scrollTop = (minute / height()) * (columns()[0]?.offsetHeight ?? 0) - frame.clientHeight / 3;
}

let ending = 0;

/** What is kept while somebody books goes when its time is over, though nobody says so. */
function awaitEnds() {
  clearTimeout(ending);
  const ends = [...(grid()?.querySelectorAll(".rx-cal-held") ?? [])].map((held) => Date.parse(held.dataset.until));
  if (!ends.length) return;
  const left = Math.max(Math.min(...ends) - now(), 0) + END_SLACK_MS;
  ending = setTimeout(() => document.dispatchEvent(new CustomEvent("rx:calendar")), left);
}

// Drawn anew ------------------------------------------------------------------------------------------------------

let isWaiting = false; // something changed while something was carried
let before = null; // {ctx, key, blocks: id -> {sign, box}, hadFocus}

const keyOf = () => page()?.getAttribute("hx-get");

function signs() {
  const found = new Map();
  for (const block of grid()?.querySelectorAll("a.rx-cal-block") ?? []) {
    const sign = [block.parentElement.id, block.dataset.at, block.dataset.to, block.dataset.status].join(" ");
    found.set(block.id, { sign, box: document.hidden ? null : block.getBoundingClientRect() });
  }
  return found;
}

document.addEventListener("htmx:before:swap", (event) => {
  const { ctx } = event.detail;
  if (!page() || ctx?.target !== page()) return;
  const isSameView = ctx.sourceElement === page();
  if (isSameView && carrying() && !carrying().isSent) {
    isWaiting = true;
    return event.preventDefault();
  }
  before = { ctx, key: keyOf(), blocks: signs(), hadFocus: Boolean(columnOf(document.activeElement)) };
  clear();
});

document.addEventListener("htmx:after:swap", (event) => {
  if (!before || event.detail.ctx !== before.ctx) return;
  const was = before;
  before = null;
  show();
  tick();
  awaitEnds();
  restore(was.hadFocus);
  if (was.key === keyOf()) glide(was.blocks);
  else toPresent();
});

/** What stands elsewhere or otherwise than before shows how it came there. */
function glide(blocks) {
  if (document.hidden) return;
  for (const [id, { sign, box }] of signs()) {
    const was = blocks.get(id);
    if (was?.sign === sign) continue;
    const block = document.getElementById(id);
    block.classList.add("rx-changed");
    setTimeout(() => block.classList.remove("rx-changed"), GLOW_MS);
    if (!was?.box || isCalm.matches) continue;
    const move = `translate(${was.box.x - box.x}px, ${was.box.y - box.y}px)`;
    block.animate([{ transform: move }, { transform: "none" }], { duration: SLIDE_MS, easing: "ease-out" });
  }
}

// A signal does not reach the page while something is carried, or where the picture is as new already.
document.addEventListener("rx:signal", (event) => {
  if (event.target !== page()) return;
  const ids = page().dataset.signal.split(/\s+/);
  const shown = Number(page().dataset.v.split(/\s+/)[ids.indexOf(event.detail.id)]);
  if (event.detail.v <= shown) return event.stopPropagation();
  if (!carrying()) return;
  isWaiting = true;
  event.stopPropagation();
}, { capture: true });

function catchUp() {
  if (!isWaiting || carrying()) return;
  isWaiting = false;
  document.dispatchEvent(new CustomEvent("rx:calendar"));
}

for (const type of ["pointerup", "keyup", "htmx:finally:request"]) document.addEventListener(type, () => setTimeout(catchUp));

rove();
tick();
awaitEnds();
toPresent();
setInterval(tick, 15_000);
