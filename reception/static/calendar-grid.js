/**
 * The drawn grid in numbers: columns, slots, minutes, instants. Everything is read from the page when it is asked for, so
 * that a grid that was drawn anew needs nothing said.
 *
 *   <div id="grid" data-grid data-minutes="600" data-by="doctor|room" data-words-fits="fits, {n} free" …>
 *     <section data-col data-origin="2026-11-20T07:00:00+00:00" data-ident="7" data-name="Dr. Novak"
 *              data-slots="0-15-1-0 15-15-1-1">        start-length-capacity-taken[-doctor], in minutes from the top
 *       <a class="rx-cal-block" id="appointment-42" data-at="60" data-to="75" data-move="3">   the version, where it may move
 *       <div class="rx-cal-held" data-at="75" data-to="90" data-until="…">   kept while somebody books, until then at most
 */
const MINUTE = 60_000;
const QUARTER = 15;
const clockOf = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  timeZone: document.documentElement.dataset.zone || undefined,
});

export const grid = () => document.getElementById("grid");
export const scroller = () => grid()?.querySelector(".rx-cal-scroll");
export const columns = () => [...(grid()?.querySelectorAll("[data-col]") ?? [])];
export const columnOf = (element) => element?.closest?.("[data-col]");
export const height = () => Number(grid().dataset.minutes);
export const isByRoom = () => grid().dataset.by === "room";
export const word = (name, gaps = {}) =>
  Object.entries(gaps).reduce((text, [gap, value]) => text.replace(`{${gap}}`, value), grid().dataset[`words${name}`] ?? "");

/** Whether what comes later in a line stands to the right. */
export const isLtr = () => getComputedStyle(grid()).direction === "ltr";

/** The instant so many minutes from the top of the column, as ISO text in UTC. */
export const instant = (column, at) => new Date(Date.parse(column.dataset.origin) + at * MINUTE).toISOString();

/** The same by the clinic's clock: 10:15. */
export const time = (column, at) => clockOf.format(Date.parse(column.dataset.origin) + at * MINUTE);

/** From when until when, in one piece in every direction. */
export const range = ({ column, at, to }) => `\u2066${time(column, at)}–${time(column, to)}\u2069`;

/** The block's place as it was drawn. */
export const placeOf = (block) => ({ column: columnOf(block), at: Number(block.dataset.at), to: Number(block.dataset.to) });
export const blocksIn = (column) => [...column.querySelectorAll("a.rx-cal-block, .rx-cal-held")];

const parsed = new WeakMap(); // column -> {text, slots}

/** The open slots of the column in time order. */
export function slotsIn(column) {
  const text = column.dataset.slots;
  if (parsed.get(column)?.text !== text) {
    const slots = text.split(" ").filter(Boolean).map((slot) => {
      const [at, length, capacity, taken, doctor] = slot.split("-").map(Number);
      return { at, to: at + length, capacity, taken, free: Math.max(capacity - taken, 0), doctor };
    });
    parsed.set(column, { text, slots });
  }
  return parsed.get(column).slots;
}

export const slotAt = (column, minute) => slotsIn(column).find((slot) => slot.at <= minute && slot.to > minute);

/** The column and minute under a point of the window; the nearest where it is outside. */
export function under(x, y) {
  const boxes = columns().map((column) => ({ column, box: column.getBoundingClientRect() }));
  const away = ({ box }) => Math.max(box.left - x, x - box.right, 0);
  const { column, box } = boxes.reduce((best, each) => (away(each) < away(best) ? each : best));
  return { column, minute: ((y - box.top) / box.height) * height() };
}

/** Where something that begins near `minute` begins: with a slot, else with a quarter; to five minutes when `isFine`. */
export function snap(column, minute, isFine = false) {
  const last = height() - 1;
  const within = Math.min(Math.max(minute, 0), last);
  if (isFine) return Math.round(within / 5) * 5;
  const slot = slotAt(column, within);
  if (!slot) return Math.floor(within / QUARTER) * QUARTER;
  return within - slot.at > slot.to - within && slotAt(column, slot.to) ? slot.to : slot.at;
}

/** Where something that is to end near `minute` ends, at least one step after `at`. */
export function snapEnd(column, at, minute, isFine = false) {
  const within = Math.min(Math.max(minute, at + 1), height());
  if (isFine) return Math.max(Math.round(within / 5) * 5, at + 5);
  const slot = slotAt(column, within - 0.01);
  if (!slot) return Math.max(Math.ceil(within / QUARTER) * QUARTER, at + QUARTER);
  const near = within - slot.at < slot.to - within && slot.at > at ? slot.at : slot.to;
  return near;
}

/** The next beginning above (-1) or below (+1) `at`. */
export function stepFrom(column, at, way) {
  const starts = slotsIn(column).map((slot) => slot.at);
  const next = way > 0 ? starts.find((start) => start > at) : starts.findLast((start) => start < at);
  const plain = Math.floor(at / QUARTER) * QUARTER + (way > 0 || at % QUARTER ? QUARTER * Math.max(way, 0) : -QUARTER);
  const chosen = next !== undefined && Math.abs(next - at) <= 60 ? next : plain;
  return Math.min(Math.max(chosen, 0), height() - QUARTER);
}

/**
 * Whether [at, to) fits into the column as it is drawn: {free} or {why}. `own`: the place that is given up for it. The
 * server decides; by room it alone knows.
 */
export function fits({ column, at, to }, own) {
  if (isByRoom()) return {};
  let reached = at;
  let free = Infinity;
  for (const slot of slotsIn(column)) {
    if (slot.to <= at || slot.at >= to) continue;
    if (slot.at > reached) break;
    reached = slot.to;
    const isOwn = own && own.column === column && own.at < slot.to && own.to > slot.at;
    free = Math.min(free, slot.capacity - slot.taken + (isOwn ? 1 : 0));
  }
  if (reached < to) return { why: word("Closed") };
  return free > 0 ? { free } : { why: word("Full") };
}
