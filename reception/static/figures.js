/**
 * The figures over the desk: kept from what the regions say of themselves, filters on a wide screen, tabs on a narrow one.
 *
 *   <div data-desk data-tab="arrivals" data-show="">      what is shown; desk.css does the rest
 *   <button data-figure="waiting" data-tab="queue" data-show="waiting"> with [data-figure-number] and [data-figure-note]
 *   regions  #arrivals, #payable: data-count, data-note · lines and pools: data-waiting, data-oldest, data-called,
 *            data-in-room, data-free
 *   [data-of-lines data-title-count]    on a page of lines alone: who waits in all of them
 */
import { inWords, minutesSince } from "./clock.js";

const desk = document.querySelector("[data-desk]");
const narrow = matchMedia("(max-width: 1279px)");

function write(figure, number, note) {
  const element = desk.querySelector(`[data-figure="${figure}"]`);
  if (!element) return;
  const [n, text] = [element.querySelector("[data-figure-number]"), element.querySelector("[data-figure-note]")];
  if (n.textContent !== String(number)) n.textContent = number;
  if (note === undefined || text.textContent === note) return;
  text.textContent = note;
}

function count() {
  for (const [figure, id] of [["expected", "arrivals"], ["to-pay", "payable"]]) {
    const region = document.getElementById(id);
    if (region) write(figure, region.dataset.count, region.dataset.note);
  }
  const sum = { waiting: 0, called: 0, inRoom: 0, free: 0 };
  let oldest = "";
  for (const { dataset } of desk.querySelectorAll("section[data-waiting]")) {
    for (const name of Object.keys(sum)) sum[name] += Number(dataset[name]) || 0;
    if (dataset.oldest && (!oldest || Date.parse(dataset.oldest) < Date.parse(oldest))) oldest = dataset.oldest;
  }
  const { dataset: words } = desk.querySelector(".rx-figures");
  write("in-room", sum.inRoom, words.wordsBusy.replace("{called}", sum.called).replace("{free}", sum.free));
  write("waiting", sum.waiting, oldest ? undefined : words.wordsNobody);
  if (oldest) longest(oldest, words);
  const title = document.querySelector("[data-title-count]");
  if (title) title.dataset.titleCount = sum.waiting;
}

/** "longest 41 min", the minutes in a span of their own: clock.js keeps them and turns them red. */
function longest(since, words) {
  const note = desk.querySelector('[data-figure="waiting"] [data-figure-note]');
  let span = note.querySelector("[data-since]");
  if (!span) {
    span = document.createElement("span");
    span.className = "rx-minutes";
    const [before, after] = words.wordsLongest.split("{time}");
    note.replaceChildren(before, span, after ?? "");
  }
  span.dataset.since = since;
  span.dataset.limit = words.limit;
  const n = minutesSince(since);
  if (span.textContent !== inWords(n)) span.textContent = inWords(n);
  span.classList.toggle("is-over", n >= Number(words.limit));
}

function press(button) {
  const { tab, show } = button.dataset;
  if (narrow.matches) {
    desk.dataset.tab = tab;
    desk.dataset.show = button.dataset.figure === "in-room" ? show : "";
  } else {
    desk.dataset.show = desk.dataset.show === show ? "" : show;
    desk.dataset.tab = tab;
  }
  mark();
}

function mark() {
  const { tab, show } = desk.dataset;
  for (const button of desk.querySelectorAll("[data-figure]")) {
    const { figure, tab: own, show: filter } = button.dataset;
    const isShown = narrow.matches
      ? own === tab && (own !== "queue" || (figure === "in-room") === (show === "in-room"))
      : filter === show;
    button.setAttribute("aria-pressed", String(isShown));
  }
}

if (desk) {
  desk.addEventListener("click", (event) => {
    const button = event.target.closest("[data-figure]");
    if (button) press(button);
  });
  narrow.addEventListener("change", () => {
    desk.dataset.show = "";
    mark();
  });
  for (const type of ["rx:region", "htmx:after:swap"]) document.addEventListener(type, count);
  count();
  mark();
}

// The page of all lines has no figures, only the count in its title.
const ofLines = document.querySelector("[data-of-lines]");
if (ofLines) {
  document.addEventListener("rx:region", () => {
    const lines = [...document.querySelectorAll("section[data-waiting]")];
    ofLines.dataset.titleCount = lines.reduce((sum, { dataset }) => sum + Number(dataset.waiting), 0);
  });
}
