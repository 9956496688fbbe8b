/**
 * Toasts: what was done, with the way back. The server puts them into #toasts (a manual popover, so that they stand in
 * the top layer); here they come up, wait, and go.
 *
 *   <div data-toast="done|refused" data-about="A-017" data-seconds="30">   a newer one about the same takes its place; waits while the pointer or the focus is on it
 *     <button data-undo data-key="KeyU">                its answer takes the toast away
 *     <button data-dismiss>
 */
const home = document.getElementById("toasts");
const MOST = 3;

function raise() {
  if (!home?.childElementCount) return home?.matches(":popover-open") && home.hidePopover();
  if (home.matches(":popover-open")) home.hidePopover(); // to the top of the top layer, over a dialog opened since
  home.showPopover();
}

function leave(toast) {
  if (toast.contains(document.activeElement)) document.getElementById("main")?.focus({ preventScroll: true });
  toast.remove();
}

function arrive(toast) {
  let left = Number(toast.dataset.seconds || 6) * 1_000;
  let last = performance.now();
  const tick = setInterval(() => {
    if (!toast.isConnected) return clearInterval(tick);
    const at = performance.now();
    if (!toast.matches(":hover, :focus-within")) left -= at - last;
    last = at;
    if (left <= 0) leave(toast);
  }, 250);
  toast.dataset.arrived = "";
}

/** Shows a sentence of the page's own, for what no server answered. */
export function say(text, kind = "refused") {
  const toast = document.createElement("div");
  toast.className = `rx-toast${kind === "refused" ? " is-refused" : ""}`;
  toast.dataset.toast = kind;
  toast.dataset.seconds = "8";
  toast.textContent = text;
  toast.style.paddingInlineEnd = "16px";
  home?.append(toast);
}

if (home) {
  new MutationObserver(() => {
    const toasts = [...home.querySelectorAll("[data-toast]")];
    // What was said before of the same ticket is over; the oldest make room.
    const newest = toasts.at(-1);
    const about = newest?.dataset.about;
    for (const old of toasts.slice(0, -1)) if (about && old.dataset.about === about) leave(old);
    for (const old of toasts.slice(0, -MOST)) leave(old);
    for (const toast of toasts) if (!("arrived" in toast.dataset)) arrive(toast);
    raise();
  }).observe(home, { childList: true });

  home.addEventListener("click", (event) => {
    if (event.target.closest("[data-dismiss]")) leave(event.target.closest("[data-toast]"));
  });
  document.addEventListener("htmx:after:request", ({ target, detail }) => {
    const toast = target.closest?.("[data-undo]")?.closest("[data-toast]");
    if (toast && detail.ctx.response?.status < 500) leave(toast);
  });
  document.addEventListener("rx:dialog", raise);
  raise();
}

document.addEventListener("htmx:error", ({ detail }) => {
  if (detail?.ctx?.request && detail.ctx.request.method !== "GET") say(document.documentElement.dataset.wordsFailed);
});
