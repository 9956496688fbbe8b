/**
 * What a screen may believe: rules of versions and of freshness, without a page, a clock or a line.
 *
 * All times are milliseconds of one clock that never jumps (performance.now()).
 */

export const POLL_MS = 5_000; // the server names the versions about as often
export const LATE_MS = 8_000; // one beat was missed
export const OFF_MS = 15_000; // three were: nobody may trust the picture any more

/** The version written on an element or in a message; -1 where there is none. */
export function versionOf(text) {
  const v = text === null || text === undefined || text === "" ? NaN : Number(text);
  return Number.isFinite(v) ? v : -1;
}

/** A message is the whole region: shown when it is newer than what is shown, dropped otherwise. */
export function isNewer(v, shown) {
  return versionOf(v) > versionOf(shown);
}

/**
 * Ids out of `named` (id -> version at the server) whose picture in `shown` (id -> version here) is old.
 *
 * On the first answer of a new line a lower number counts as well: the server may have come back from a backup.
 * Later a lower one only says that a push overtook it.
 */
export function behind(named, shown, first = false) {
  return Object.keys(named).filter(
    (id) => id in shown && (first ? named[id] !== shown[id] : isNewer(named[id], shown[id])),
  );
}

/**
 * One word for how far the picture can be trusted.
 *
 * line: "starting" the page just opened · "open" the socket stands · "polled" no socket, but the last question over
 * HTTP was answered · "down" neither. age: since the server last confirmed that everything shown is current.
 * isCalm: a screen for patients keeps its face for a few seconds, a desk says at once that the line is down.
 */
export function freshness({ line, age, isCalm = false }) {
  if (age >= OFF_MS) return "off";
  if (line === "open") return age < LATE_MS ? "live" : "late";
  if (line === "starting") return age < 2_000 ? "starting" : "late";
  if (line === "polled") return "late";
  return isCalm ? "late" : "off";
}

/** "40 seconds", "3 minutes", "2 hours" as `lang` writes them; `style` is Intl's unitDisplay. */
export function ageText(age, lang, style = "short") {
  const seconds = Math.max(0, Math.floor(age / 1000));
  const [value, unit] =
    seconds < 120 ? [seconds, "second"]
    : seconds < 7_200 ? [Math.floor(seconds / 60), "minute"]
    : [Math.floor(seconds / 3600), "hour"];
  return new Intl.NumberFormat(lang, { style: "unit", unit, unitDisplay: style }).format(value);
}

/** `ms` give or take a part of it, so that many screens do not ask in the same moment. */
export function jitter(ms, part = 0.3) {
  return ms * (1 - part + 2 * part * Math.random());
}
