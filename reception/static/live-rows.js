/**
 * What the eye needs when a region is replaced: changed rows glow once, moved rows slide, focus stays.
 *
 * A row is an element with an id and `data-row`. It counts as changed when it is new or when its data-status,
 * data-call or words differ; times that only pass (`<time>`, `[data-quiet]`) do not count.
 */

const GLOW_MS = 1_000; // as long as .rx-changed fades in app.css
const SLIDE_MS = 150;
const DEAF_MS = 300; // a row that has just come under the pointer does not take the click meant for another

const isCalm = matchMedia("(prefers-reduced-motion: reduce)");

/** The rows of `region` as they stand: order, words and places, and where the focus is. */
export function look(region) {
  const frame = region.getBoundingClientRect();
  const rows = new Map();
  for (const row of region.querySelectorAll("[data-row][id]")) {
    const box = document.hidden ? frame : row.getBoundingClientRect();
    rows.set(row.id, { words: words(row), x: box.x - frame.x, y: box.y - frame.y });
  }
  const focus = region.contains(document.activeElement) ? document.activeElement : null;
  return { rows, focus, focusRow: focus?.closest("[data-row][id]")?.id };
}

/** Shows what became of `before` in `region`, which has just been replaced. */
export function settle(before, region) {
  const after = look(region);
  for (const [id, now] of after.rows) {
    const was = before.rows.get(id);
    const row = document.getElementById(id);
    const isChanged = !was || was.words !== now.words;
    const [dx, dy] = was ? [was.x - now.x, was.y - now.y] : [0, 0];
    const isMoved = Math.abs(dx) + Math.abs(dy) > 1;
    if (isChanged) glow(row);
    if (isMoved && !isCalm.matches && !document.hidden) {
      row.animate([{ transform: `translate(${dx}px, ${dy}px)` }, { transform: "none" }], {
        duration: SLIDE_MS,
        easing: "ease-out",
      });
    }
    if (was && (isChanged || isMoved)) deafen(row);
  }
  if (before.focus && !region.contains(document.activeElement)) refocus(before, after, region);
}

function words(row) {
  const copy = row.cloneNode(true);
  copy.querySelectorAll("time, [data-quiet], script, template").forEach((part) => part.remove());
  const text = copy.textContent.replace(/\s+/g, " ").trim();
  return [row.dataset.status, row.dataset.call, text].join("|");
}

function glow(row) {
  row.classList.add("rx-changed");
  setTimeout(() => row.classList.remove("rx-changed"), GLOW_MS);
}

function deafen(row) {
  row.style.pointerEvents = "none";
  setTimeout(() => row.style.removeProperty("pointer-events"), DEAF_MS);
}

/** The focused thing is gone: the same id, else the row that took its place, else the last one. */
function refocus(before, after, region) {
  const ids = [...after.rows.keys()];
  const place = [...before.rows.keys()].indexOf(before.focusRow);
  const next = document.getElementById(ids[Math.min(place, ids.length - 1)]);
  const same = before.focus.id && region.querySelector(`#${CSS.escape(before.focus.id)}`);
  const stop = "a[href], button:not([disabled]), [tabindex]";
  const target = same || (next?.matches(stop) ? next : next?.querySelector(stop));
  if (!target) return;
  target.focus({ preventScroll: true });
  if (!same) swallow();
}

/** A key still held, or pressed a second time, was meant for the row that left. */
export function swallow() {
  const until = performance.now() + DEAF_MS;
  const stop = (event) => {
    if (performance.now() >= until) return;
    if (event.type === "click" ? event.detail === 0 : ["Enter", "Space", "NumpadEnter"].includes(event.code)) {
      event.preventDefault();
      event.stopImmediatePropagation();
    }
  };
  for (const type of ["keydown", "keyup", "click"]) document.addEventListener(type, stop, { capture: true });
  setTimeout(() => {
    for (const type of ["keydown", "keyup", "click"]) document.removeEventListener(type, stop, { capture: true });
  }, DEAF_MS);
}
