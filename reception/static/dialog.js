/**
 * One <dialog id="dialog">, filled by htmx and opened only when a swap's target is that dialog.
 *
 *   <button hx-get="…" hx-target="#dialog" hx-swap="innerHTML">   opens it
 *   [data-close]                                                  closes the dialog around it; Esc does so natively
 *   [data-help]                                                   opens the help sheet
 *   HX-Trigger: rx:close-dialog                                   the server closes it; an empty answer does, too
 *   [data-autofocus]                                              gets the focus when it opens, else the first field
 * It raises rx:dialog on document whenever a dialog opens or closes.
 */
const dialog = document.getElementById("dialog");
let opener = null;

function tell() {
  document.dispatchEvent(new CustomEvent("rx:dialog"));
}

function open() {
  if (!dialog.childElementCount) return dialog.open && dialog.close();
  const isNew = !dialog.open;
  if (isNew) {
    opener = document.activeElement;
    dialog.showModal();
    tell();
  }
  const first =
    dialog.querySelector("[data-autofocus], [autofocus]") ??
    (isNew && dialog.querySelector("input:not([type=hidden]):not([disabled]), select, textarea, .btn-primary"));
  if (first && (isNew || !dialog.contains(document.activeElement))) first.focus();
}

if (dialog) {
  document.addEventListener("htmx:after:swap", ({ detail }) => {
    const { target } = detail.ctx ?? {}; // a selector where the answer chose it
    const element = typeof target === "string" ? document.querySelector(target) : target;
    if (element === dialog || dialog.contains(element)) open();
  });
  document.addEventListener("rx:close-dialog", () => dialog.open && dialog.close());
  dialog.addEventListener("close", () => {
    dialog.replaceChildren();
    // The browser gives the focus back; where the row has been redrawn meanwhile, its new button gets it.
    if (opener?.isConnected) opener.focus({ preventScroll: true });
    opener = null;
    tell();
  });
}

/** Opens the help sheet, or closes it. */
export function help() {
  const sheet = document.getElementById("help");
  if (!sheet) return;
  if (sheet.open) return sheet.close();
  document.dispatchEvent(new CustomEvent("rx:help"));
  sheet.showModal();
  tell();
}

document.addEventListener("click", (event) => {
  const close = event.target.closest?.("[data-close]");
  if (close) close.closest("dialog")?.close();
  if (event.target.closest?.("[data-help]")) {
    document.getElementById("user-menu")?.hidePopover?.();
    help();
  }
});
