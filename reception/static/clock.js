/**
 * Times that pass by themselves, so that no region is drawn again for a minute.
 *
 *   <span data-since="2026-11-21T09:10:00+00:00">14 min</span>
 *     data-limit="30"      from so many minutes on: .is-over here and on the row ([data-row]) around it
 *     data-words="+{n}"    its own sentence; else the house's words on <html>: data-words-min, -now, -hours
 *   <span data-time-left="2026-11-21T09:10:00+00:00" data-words="{n} min">   whole minutes until then; .is-short on the row in the last five
 *   <time data-clock>      the hour and minute in the clinic's zone (<html data-zone>)
 *   <html data-now>        the server's clock when it drew the page: a wrong clock of this machine does not matter
 */
const { documentElement: root } = document;
const words = root.dataset;
const skew = words.now ? Date.parse(words.now) - Date.now() : 0;
const hourMinute = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  timeZone: words.zone || undefined,
});

/** The server's present time in milliseconds. */
export const now = () => Date.now() + skew;

/** Whole minutes from the ISO instant `since` until now, never negative. */
export const minutesSince = (since) => Math.max(0, Math.floor((now() - Date.parse(since)) / 60_000));

/** `n` minutes in the house's words: "now", "14 min", "2:05 h". */
export function inWords(n) {
  if (n < 1) return words.wordsNow;
  if (n < 120) return words.wordsMin.replace("{n}", n);
  return words.wordsHours.replace("{h}", Math.floor(n / 60)).replace("{m}", String(n % 60).padStart(2, "0"));
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Brings every passing time inside `part` up to date. */
export function refresh(part = document) {
  for (const element of part.querySelectorAll("[data-since]")) {
    const n = minutesSince(element.dataset.since);
    write(element, element.dataset.words ? element.dataset.words.replace("{n}", n) : inWords(n));
    const { limit } = element.dataset;
    if (!limit) continue;
    element.classList.toggle("is-over", n >= Number(limit));
    element.closest("[data-row]")?.classList.toggle("is-over", n >= Number(limit));
  }
  for (const element of part.querySelectorAll("[data-time-left]")) {
    const n = Math.max(0, Math.ceil((Date.parse(element.dataset.timeLeft) - now()) / 60_000));
    write(element, element.dataset.words.replace("{n}", n));
    element.closest("[data-row]")?.classList.toggle("is-short", n <= 5);
  }
  for (const element of part.querySelectorAll("[data-clock]")) write(element, hourMinute.format(now()));
}

refresh();
setInterval(refresh, 2_000);
for (const type of ["rx:region", "htmx:after:swap", "visibilitychange"]) {
  document.addEventListener(type, () => refresh());
}
