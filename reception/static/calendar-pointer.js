/**
 * The calendar by hand: drag a block to move it, its lower edge to stretch it, an empty place to draw a new one open.
 *
 * A mouse begins after a few pixels, a finger after a rest (before that it scrolls). Alt goes by five minutes. A drag ends
 * with the drop; the click that follows it opens nothing.
 */
import { carrying, drop, lift, moveTo, open, putBack, clear } from "./calendar-carry.js";
import { columnOf, grid, height, placeOf, scroller, snap, snapEnd, slotAt, under } from "./calendar-grid.js";

const START_PX = 4;
const REST_MS = 380;
const EDGE_PX = 7; // of a block, stretches
const EDGE_TOUCH_PX = 14;
const NEAR_PX = 36; // of the frame, scrolls

let pressed = null; // {block, column, x, y, kind: "move" | "stretch" | "new", off, timer, isTouch}
let last = null; // the pointer's last place
let quietUntil = 0;
let began = null; // what cannot be moved and was pressed; let go elsewhere, that is no press of what lies there

/** Whether the click at this time only ended a drag. */
export const isAfterDrag = (event) => event.timeStamp < quietUntil;

function kindOf(event, block) {
  const edge = event.pointerType === "touch" ? EDGE_TOUCH_PX : EDGE_PX;
  const box = block.getBoundingClientRect();
  return box.bottom - event.clientY < Math.min(edge, box.height / 3) ? "stretch" : "move";
}

function press(event) {
  if (event.button !== 0 || !event.isPrimary || !grid()?.contains(event.target)) return;
  const column = columnOf(event.target);
  if (!column) return;
  if (carrying()) return putBack();
  const block = event.target.closest("a.rx-cal-block");
  const isTouch = event.pointerType !== "mouse";
  if (block ? !block.dataset.move : !grid().dataset.mayBook || event.target.closest("a, .rx-cal-held")) {
    began = event.target.closest("a, .rx-cal-held");
    return;
  }
  pressed = { block, column, x: event.clientX, y: event.clientY, kind: block ? kindOf(event, block) : "new", isTouch };
  last = event;
  if (isTouch) pressed.timer = setTimeout(begin, REST_MS);
}

function begin() {
  const { block, kind, column, x, y } = pressed;
  clearTimeout(pressed.timer);
  const { minute } = under(x, y);
  if (kind === "new") {
    const at = snap(column, minute);
    pressed.at = at;
    open({ column, at, to: slotAt(column, at)?.to ?? at + 15 });
  } else {
    if (!lift(block, "pointer")) return release();
    pressed.off = minute - placeOf(block).at;
  }
  grid().dataset.carrying = kind;
  requestAnimationFrame(scroll);
}

function follow(event) {
  if (!pressed) return;
  last = event;
  if (carrying()) return place();
  const isFar = Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) > START_PX;
  if (!isFar) return;
  if (pressed.isTouch) return release(); // a finger that goes at once scrolls
  begin();
  if (carrying()) place();
}

function place() {
  const { clientX, clientY, altKey } = last;
  const now = carrying();
  if (!now || now.isSent) return;
  const { column, minute } = under(clientX, clientY);
  if (pressed.kind === "move") {
    const length = now.own.to - now.own.at;
    const at = Math.min(snap(column, minute - pressed.off, altKey), height() - 5);
    moveTo({ column, at, to: at + length });
  } else {
    const { column: own, at } = pressed.kind === "new" ? { column: pressed.column, at: pressed.at } : now.own;
    moveTo({ column: own, at, to: snapEnd(own, at, minute, altKey) });
  }
}

/** Near the frame's edge the grid goes on. */
function scroll() {
  if (!pressed || !carrying() || carrying().isSent) return;
  const frame = scroller().getBoundingClientRect();
  const away = (near, far, at) => (at < near + NEAR_PX ? -1 : at > far - NEAR_PX ? 1 : 0);
  const head = 76;
  const y = away(frame.top + head, frame.bottom, last.clientY);
  const x = away(frame.left, frame.right, last.clientX);
  if (x || y) {
    scroller().scrollBy(pressed.kind === "move" ? x * 12 : 0, y * 12);
    place();
  }
  requestAnimationFrame(scroll);
}

function finish(event) {
  if (began && !began.contains(event.target)) quietUntil = event.timeStamp + 250;
  began = null;
  if (!pressed) return;
  const { kind } = pressed;
  if (!carrying()) return release();
  quietUntil = event.timeStamp + 250;
  release();
  if (kind !== "new") return drop();
  const { place: found } = carrying();
  clear();
  document.dispatchEvent(new CustomEvent("rx:book", { detail: found }));
}

function release() {
  clearTimeout(pressed?.timer);
  pressed = null;
}

function leave() {
  if (!pressed) return;
  const wasCarrying = carrying()?.how === "pointer" && !carrying().isSent;
  release();
  if (wasCarrying) putBack();
}

document.addEventListener("pointerdown", press);
document.addEventListener("pointermove", follow);
document.addEventListener("pointerup", finish);
document.addEventListener("pointercancel", leave);
document.addEventListener("touchmove", (event) => pressed && carrying() && event.preventDefault(), { passive: false });
document.addEventListener("contextmenu", (event) => pressed?.isTouch && event.preventDefault());
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !pressed || !carrying()) return;
  event.preventDefault();
  event.stopPropagation();
  quietUntil = event.timeStamp + 2_000;
  leave();
}, { capture: true });
