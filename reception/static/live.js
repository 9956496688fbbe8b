/**
 * Keeps the regions of an open page as the server has them, and says so when it cannot.
 *
 * The page declares
 *   regions   <section id="line-7" data-v="118" data-live>   from /live/line-7, or from the path in data-live
 *   rows      <tr id="visit-42" data-row data-status="CALLED" data-call="2">   see live-rows.js
 *   signals   <div data-signal="finance" data-v="9" hx-get="…" hx-trigger="rx:signal">   ask again by themselves;
 *             several signals and their versions stand in the same order
 *   counts    <span data-title-count="4">   the title becomes "(4) Desk"
 *   the dot   <span id="live-dot" data-word-live data-word-late data-word-off>   "{age}" in a word is filled in,
 *             the word goes into its [data-live-word]; every [data-live-age] on the page shows the age alone
 *   who asks  <body data-display="TOKEN"> or <body data-ticket="TOKEN">; neither: the session cookie
 *
 * The server (live.py) on namespace /live, WebSocket only; the page never sends anything but the handshake:
 *   auth      {regions: ["line-7", "finance"]} · {display: "TOKEN"} · {ticket: "TOKEN"}
 *   region    {id, v, html}    the whole region; dropped unless v is above the shown one
 *   signal    {id, v}          something there changed: the page's element asks again
 *   versions  {id: v, …}       on connect and every 5 s; what is behind is fetched
 * and over HTTP, with `Authorization: Display TOKEN` or `Ticket TOKEN` where there is no cookie:
 *   GET /live/<region id>              the region's partial, root with id and data-v
 *   GET /live/versions?ids=a,b         {id: v, …} of those the asker may see
 *   401 or 403 (never a redirect) when the asker may not: the page reloads, once
 *
 * It sets <body data-live="starting|live|late|off"> and dispatches on the page
 *   rx:region  on a region after its change: {id, v, before: its former dataset, pushed}
 *   rx:live    on document when data-live changed: {state}
 */

import { POLL_MS, LATE_MS, OFF_MS, ageText, behind, freshness, isNewer, jitter, versionOf } from "./live-rules.js";
import { look, settle } from "./live-rows.js";

const PRESS_MS = 3_000;
const REGIONS = "[id][data-v][data-live]";
const SIGNALS = "[data-signal]";

const { body } = document;
const { display, ticket } = body.dataset;
const isCalm = Boolean(display || ticket); // patients are not told of every hiccup of the line

let line = "starting";
let confirmedAt = performance.now(); // the page itself was drawn a moment ago
let pollAt = Infinity; // when to ask over HTTP; Infinity while the socket does the work
let socket = null;
let openedAt = 0;
let refusals = 0;
let asked = new Set(); // ids that the handshake named
let isFirst = true; // no `versions` heard on this line yet
const heardSignals = new Map(); // id -> v
const flights = new Map(); // region id -> the one fetch under way

// Regions -------------------------------------------------------------------------------------------------------

const regions = () => [...document.querySelectorAll(REGIONS)];
const region = (id) => regions().find((element) => element.id === id);
const shownVersions = () => Object.fromEntries(regions().map((r) => [r.id, versionOf(r.dataset.v)]));
const signalsOf = (element) => element.dataset.signal.split(/\s+/);
const wanted = () => [
  ...regions().map((r) => r.id),
  ...[...document.querySelectorAll(SIGNALS)].flatMap(signalsOf),
];

/** Puts `html` in place of the region `id` when it is newer; focus, half-typed text and scroll stay. */
function apply({ id, v, html }, pushed = true) {
  if (isPressed) return waiting.set(id, [{ id, v, html }, pushed]);
  const element = region(id);
  if (!element || !isNewer(v, element.dataset.v)) return;
  const before = { ...element.dataset };
  const picture = look(element);
  // Leading white space would become one more text node beside the region each time.
  window.htmx.swap({ sourceElement: element, target: element, swap: "outerMorph", text: html.trim() });
  const after = region(id);
  if (!after) return;
  after.dispatchEvent(new CustomEvent("rx:region", { bubbles: true, detail: { id, v, before, pushed } }));
  settle(picture, after);
  countInTitle();
}

// A press that has begun ends on the thing it began on: what comes meanwhile waits until the finger is up again.
let isPressed = false;
let pressEnds = 0;
const waiting = new Map(); // region id -> arguments of the latest `apply`

function press() {
  isPressed = true;
  clearTimeout(pressEnds);
  pressEnds = setTimeout(release, PRESS_MS); // a finger that never comes up, a drag that ends outside
}

function release() {
  isPressed = false;
  for (const [id, message] of waiting) {
    waiting.delete(id);
    apply(...message);
  }
}

document.addEventListener("pointerdown", press, { capture: true });
for (const type of ["pointerup", "pointercancel"]) {
  document.addEventListener(type, () => isPressed && (clearTimeout(pressEnds), setTimeout(release)), { capture: true });
}

/** Fetches the region unless a push is faster; one request per region at a time. */
function catchUp(id, v, isForced) {
  if (!flights.has(id)) {
    flights.set(id, fetchRegion(id, v, isForced).finally(() => flights.delete(id)));
  }
  return flights.get(id);
}

async function fetchRegion(id, v, isForced) {
  await new Promise((resolve) => setTimeout(resolve, jitter(250, 0.8)));
  const shown = region(id)?.dataset.v;
  if (shown === undefined || !(isForced || isNewer(v, shown))) return;
  const html = await (await get(region(id).dataset.live || `/live/${id}`)).text();
  const root = new DOMParser().parseFromString(html, "text/html").getElementById(id);
  if (!root || !region(id)) return;
  if (isForced && region(id).dataset.v === shown) region(id).dataset.v = "-1";
  apply({ id, v: root.dataset.v, html }, false);
}

/** What the server names as current, from the socket or from a poll. */
async function hear(named, isFirstOfLine) {
  const at = performance.now();
  hearSignals(named);
  const late = behind(named, shownVersions(), isFirstOfLine);
  await Promise.allSettled(late.map((id) => catchUp(id, named[id], isFirstOfLine)));
  const shown = shownVersions();
  if (late.every((id) => !(id in shown) || !isNewer(named[id], shown[id]))) {
    confirmedAt = Math.max(confirmedAt, at);
    show();
  }
}

// Signals -------------------------------------------------------------------------------------------------------

const ringing = new Map(); // id -> timer

function hearSignals(named) {
  for (const id of new Set([...document.querySelectorAll(SIGNALS)].flatMap(signalsOf))) {
    if (!(id in named)) continue;
    const element = document.querySelector(`[data-signal~="${CSS.escape(id)}"]`);
    const written = element.dataset.v?.split(/\s+/)[signalsOf(element).indexOf(id)];
    const known = heardSignals.get(id) ?? (written === undefined ? named[id] : versionOf(written));
    heardSignals.set(id, Math.max(known, named[id]));
    if (named[id] > known) ring(id);
  }
}

/** Several changes in a row make one question. */
function ring(id) {
  if (ringing.has(id)) return;
  const later = setTimeout(() => {
    ringing.delete(id);
    for (const element of document.querySelectorAll(`[data-signal~="${CSS.escape(id)}"]`)) {
      element.dispatchEvent(new CustomEvent("rx:signal", { detail: { id, v: heardSignals.get(id) } }));
    }
  }, jitter(300, 0.5));
  ringing.set(id, later);
}

// The line ------------------------------------------------------------------------------------------------------

function connect() {
  if (!window.io) return poll();
  socket = window.io("/live", {
    transports: ["websocket"],
    reconnectionDelay: 300,
    reconnectionDelayMax: 1_500, // with the jitter at most 2.3 s: a server that is back is found at once
    randomizationFactor: 0.5,
    timeout: 4_000,
    auth: (answer) => {
      asked = new Set(wanted());
      answer(display ? { display } : ticket ? { ticket } : { regions: [...asked] });
    },
  });
  socket.on("connect", () => {
    line = "open";
    openedAt = performance.now();
    pollAt = Infinity;
    refusals = 0;
    isFirst = true;
    show();
  });
  socket.on("versions", (named) => {
    hear(named, isFirst);
    isFirst = false;
  });
  socket.on("region", (message) => apply(message));
  socket.on("signal", ({ id, v }) => hearSignals({ [id]: v }));
  socket.on("disconnect", (reason) => reason === "io client disconnect" || lost());
  socket.on("connect_error", () => lost());
}

/** No socket. Polling starts soon; where the server itself refused, the answer to it says why. */
function lost() {
  if (line === "starting") pollAt = performance.now();
  if (line === "open") {
    line = "down";
    pollAt = performance.now() + jitter(1_500);
  }
  if (!socket.active) setTimeout(() => socket.active || socket.connect(), jitter(2_000 * 2 ** Math.min(refusals++, 4)));
  show();
}

function redial() {
  openedAt = performance.now();
  socket?.disconnect().connect();
}

async function poll() {
  pollAt = performance.now() + jitter(POLL_MS);
  const ids = encodeURIComponent(wanted().join(","));
  try {
    const named = await (await get(`/live/versions?ids=${ids}`)).json();
    if (line !== "open") line = "polled";
    await hear(named, isFirst);
    isFirst = false;
  } catch {
    if (line !== "open") line = "down";
    isFirst = true;
  }
  show();
}

async function get(path) {
  const headers = { "HX-Request": "true" }; // a fragment is wanted: a lost session answers 401, not a sign-in page
  if (display) headers.Authorization = `Display ${display}`;
  else if (ticket) headers.Authorization = `Ticket ${ticket}`;
  const answer = await fetch(path, { headers, cache: "no-store", signal: AbortSignal.timeout(8_000) });
  if (answer.status === 401 || answer.status === 403 || answer.redirected) reloadOnce();
  if (!answer.ok || answer.redirected) throw new Error(`${path}: ${answer.status}`);
  return answer;
}

/** The right to look is gone (signed out, unpaired): the server shows what now fits. Not in a circle. */
function reloadOnce() {
  const last = Number(sessionStorage.getItem("rx-reloaded") ?? 0);
  if (Date.now() - last < 60_000) return;
  sessionStorage.setItem("rx-reloaded", String(Date.now()));
  location.reload();
}

// What people see -------------------------------------------------------------------------------------------------

function countInTitle() {
  const counts = [...document.querySelectorAll("[data-title-count]")];
  const count = counts.reduce((sum, element) => sum + (Number(element.dataset.titleCount) || 0), 0);
  const title = document.title.replace(/^\(\d+\)\s*/, "");
  if (counts.length) document.title = count ? `(${count}) ${title}` : title;
}

/** How long ago the server last confirmed what is shown, in milliseconds. */
export const age = () => performance.now() - confirmedAt;

function show() {
  const state = freshness({ line, age: age(), isCalm });
  const isNew = body.dataset.live !== state;
  body.dataset.live = state;
  const text = ageText(age(), document.documentElement.lang || "en");
  for (const element of document.querySelectorAll("[data-live-age]")) write(element, text);
  const dot = document.getElementById("live-dot");
  const word = dot?.dataset[{ live: "wordLive", late: "wordLate", off: "wordOff" }[state]];
  if (word) write(dot.querySelector("[data-live-word]") ?? dot, word.replace("{age}", text));
  if (isNew) document.dispatchEvent(new CustomEvent("rx:live", { detail: { state } }));
}

const write = (element, text) => element.textContent === text || (element.textContent = text);

let ticked = { wall: Date.now(), steady: performance.now() };

function tick() {
  const now = { wall: Date.now(), steady: performance.now() };
  const asleep = now.wall - ticked.wall - (now.steady - ticked.steady); // the steady clock stands while a machine sleeps
  ticked = now;
  if (asleep > POLL_MS) {
    confirmedAt -= asleep;
    wake();
  }
  if (line === "open" && age() > LATE_MS) pollAt = Math.min(pollAt, now.steady); // the socket stands but is dumb
  if (line === "open" && age() > OFF_MS && now.steady - openedAt > 2 * OFF_MS) redial();
  if (now.steady >= pollAt) poll();
  else if (line === "open") pollAt = Infinity;
  show();
}

/** The tab, the page or the network came back: believe nothing, ask. */
function wake() {
  if (line === "starting") return;
  if (line !== "open" || age() > POLL_MS) pollAt = performance.now();
  if (socket?.active && !socket.connected) redial(); // at once, not after the pause
}

// A page swaps in regions of its own accord, too: the answer to a click may be older than a push that overtook it.
document.addEventListener("htmx:before:swap", ({ detail: { tasks } }) => {
  for (let i = tasks.length - 1; i >= 0; i--) {
    const incoming = tasks[i].fragment?.firstElementChild;
    const shown = incoming?.matches(REGIONS) && region(incoming.id);
    if (shown && isNewer(shown.dataset.v, incoming.dataset.v)) tasks.splice(i, 1);
  }
});

// And the push may have taken away what asked: htmx would drop the answer, toast and undo with it.
document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
  if (ctx.target?.isConnected !== false || ctx.hx?.retarget) return;
  const same = ctx.target.id && document.getElementById(ctx.target.id);
  ctx.target = same || body;
  if (same) return;
  ctx.swap = "none";
  if (ctx.hx) delete ctx.hx.reswap;
});
document.addEventListener("htmx:after:swap", () => {
  countInTitle();
  if (socket?.connected && wanted().some((id) => !asked.has(id)) && !display && !ticket) redial();
});
document.addEventListener("visibilitychange", () => document.hidden || wake());
for (const type of ["online", "pageshow"]) window.addEventListener(type, wake);

countInTitle();
connect();
setInterval(tick, 1_000);
show();
