/**
 * The waiting-room TV: what live.js put into the board, shown and heard as a call, one at a time.
 *
 * The board holds the last calls as <article data-call="42.2" data-called-at>, newest first; this module only chooses
 * which of them stands on the stage and which rows of the list follow it. All of its own state lies on <body>, outside
 * of what a push replaces. A call is heard once: by visit and call count, and not when it is older than 30 s.
 */

import { age } from "./live.js";
import { ageText } from "./live-rules.js";
import { toAnnounce } from "./tv-rules.js";
import { ring, say, watchSound } from "./tv-sound.js";

const SLIDE_MS = 350;
const FADE_MS = 1_200;
const FADES = 3;
const HOLD_MS = 8_000;
const TURN_MS = 8_000; // the least a call has the stage for itself
const LANGUAGE_MS = 4_000;

const { body } = document;
const isCalm = matchMedia("(prefers-reduced-motion: reduce)");
const board = document.querySelector(".tv-board");
const { locales, build, tz } = board.dataset; // the page was drawn for these; the stage itself follows every push
const languages = locales.split(" ").map((locale) => locale.replace("_", "-"));
const heardStore = `rx-heard-${board.id}`;

const heard = new Set(JSON.parse(localStorage.getItem(heardStore) ?? "[]"));
const turns = []; // calls waiting for the stage, oldest first
let onStage = null;
let turnEndsAt = 0;
let timers = [];
let clockAhead = 0; // the server's clock minus this machine's; many a TV has never been set

const serverNow = () => Date.now() + clockAhead;
const currentBoard = () => document.getElementById(board.id);
const calls = () => [...currentBoard().querySelectorAll(".tv-call")];

// The stage -----------------------------------------------------------------------------------------------------

function boardChanged() {
  const data = currentBoard().dataset;
  if (data.locales !== locales || data.build !== build || data.tz !== tz) return location.reload();
  body.dataset.theme = data.theme;
  clockAhead = Date.parse(data.now) - Date.now();

  const list = calls().map(({ dataset: d }) => ({ key: d.call, at: Date.parse(d.calledAt) }));
  const news = toAnnounce(list, heard, serverNow());
  for (const { key } of list) heard.add(key);
  localStorage.setItem(heardStore, JSON.stringify([...heard].slice(-100)));

  const known = new Set(list.map((c) => c.key));
  turns.push(...news);
  turns.splice(0, Infinity, ...turns.filter((key) => known.has(key))); // a call taken back is not made
  if (body.dataset.phase !== "rest" && !known.has(onStage)) rest();
  if (turns.length && performance.now() >= turnEndsAt) nextTurn();
  else draw();
}

function nextTurn() {
  const key = turns.shift();
  if (!key) return;
  onStage = key;
  turnEndsAt = performance.now() + TURN_MS;
  timers.forEach(clearTimeout);
  const settleAt = SLIDE_MS + FADES * FADE_MS;
  timers = [
    setTimeout(nextTurn, TURN_MS),
    setTimeout(() => (body.dataset.phase = "hold"), settleAt),
    setTimeout(rest, settleAt + HOLD_MS),
  ];
  body.dataset.phase = "call";
  draw();
  arrive();
  const call = calls().find((c) => c.dataset.call === key);
  ring().then(() => say(call.dataset, currentBoard().querySelectorAll("[data-say]")));
}

function arrive() {
  if (isCalm.matches) return;
  const start = document.documentElement.dir === "rtl" ? 100 : -100;
  document.getElementById("tv-stage").animate(
    [{ transform: `translateX(${start}%)` }, { transform: "none" }],
    { duration: SLIDE_MS, easing: "cubic-bezier(.2, .8, .2, 1)" },
  );
  document.getElementById("tv-ground").animate([{ opacity: 1 }, { opacity: 0.75 }, { opacity: 1 }], {
    delay: SLIDE_MS,
    duration: FADE_MS,
    iterations: FADES,
    easing: "ease-in-out",
  });
}

function rest() {
  timers.forEach(clearTimeout);
  timers = [];
  turnEndsAt = 0;
  onStage = null;
  body.dataset.phase = "rest";
  if (turns.length) nextTurn();
  else draw();
}

/** Shows the call whose turn it is (at rest the newest) and the four before it. */
function draw() {
  const list = calls();
  const index = Math.max(0, list.findIndex((c) => c.dataset.call === onStage));
  list.forEach((call, i) => (call.hidden = i !== index));
  currentBoard().querySelectorAll("[data-of]").forEach((row, i) => (row.hidden = i <= index || i > index + 4));
  if (list[index]) {
    const at = timeText(new Date(list[index].dataset.calledAt));
    for (const span of currentBoard().querySelectorAll("[data-text]")) write(span, span.dataset.text.replace("{time}", at));
  }
  fit();
}

/** Long tickets and words shrink to the width they have and never wrap. */
function fit() {
  for (const box of currentBoard().querySelectorAll("[data-fit]")) {
    box.style.removeProperty("font-size");
    if (!box.offsetParent) continue;
    const style = getComputedStyle(box);
    const space = Math.min(box.clientWidth, parseFloat(style.maxInlineSize) || Infinity);
    const inner = box.firstElementChild.scrollWidth || box.firstElementChild.getBoundingClientRect().width;
    if (inner > space + 1) box.style.fontSize = `${(parseFloat(style.fontSize) * space) / inner}px`;
  }
}

// Languages, clock, age -------------------------------------------------------------------------------------------

const language = () => languages[Number(body.dataset.l)] ?? languages[0];

function rotate() {
  body.dataset.l = (Number(body.dataset.l) + 1) % Math.min(languages.length, 8);
  tick();
}

const timeText = (at) =>
  new Intl.DateTimeFormat("en-GB", { timeZone: tz, hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(at);

const narrow = new Set(); // languages whose weekday has no room beside the clock

function dateText(at) {
  const lang = language() === "en" ? "en-GB" : language(); // "Tue 21 Nov", not "Tue, Nov 21"
  const parts = { timeZone: tz, day: "numeric", month: "short", numberingSystem: "latn" };
  if (!narrow.has(language())) parts.weekday = "short";
  return new Intl.DateTimeFormat(lang, parts).format(at).replace(/^(\p{L}+), /u, lang === "en-GB" ? "$1 " : "$&");
}

function tick() {
  const now = new Date(serverNow());
  write(document.getElementById("tv-time"), timeText(now));
  const date = document.getElementById("tv-date");
  date.lang = language();
  write(date, dateText(now));
  if (date.scrollWidth > date.clientWidth + 1) write(date, narrow.add(language()) && dateText(now));
  if (body.dataset.live === "late" || body.dataset.live === "off") {
    for (const [span, text] of aged) write(span, text.replace("{age}", ageText(age(), span.lang, "long")));
  }
}

const write = (element, text) => element.textContent === text || (element.textContent = text);
const aged = [...document.querySelectorAll(".tv-late [lang], .tv-lost [lang]")].map((span) => [span, span.textContent]);

// The screen itself -----------------------------------------------------------------------------------------------

async function stayAwake() {
  if (document.hidden) return;
  await navigator.wakeLock?.request("screen").catch(() => {});
}

document.addEventListener("rx:region", boardChanged);
document.addEventListener("rx:live", ({ detail: { state } }) => {
  if (state === "off" && body.dataset.phase !== "rest") {
    turns.length = 0;
    rest();
  }
  tick();
});
document.addEventListener("visibilitychange", stayAwake);
window.addEventListener("resize", fit);
document.fonts.ready.then(fit);
if (languages.length > 1) setInterval(rotate, LANGUAGE_MS);
setInterval(tick, 1_000);
watchSound(document.getElementById("tv-sound"));
stayAwake();
boardChanged();
tick();
