/**
 * What every signed-in page runs. Each module declares its attributes at its top; none knows a page.
 * Live regions are live.js's business; these modules listen to the same events: rx:region and htmx:after:swap.
 */
import "./clock.js";
import "./figures.js";
import "./toast.js";
import "./dialog.js";
import "./search.js";
import "./booking.js";
import "./booking-hold.js";
import "./scan.js";
import "./guard.js";
import "./help.js";
import "./keys.js";
import "./payment.js";
import "./drafts.js";
import "./count.js";

// Loading under 150 ms shows nothing, above it a thin bar on top.
const progress = document.getElementById("progress");
let underway = 0;
let timer = 0;

document.addEventListener("htmx:before:request", () => {
  underway += 1;
  if (underway === 1) timer = setTimeout(() => progress?.setAttribute("data-on", ""), 150);
});
document.addEventListener("htmx:finally:request", () => {
  underway = Math.max(0, underway - 1);
  if (underway) return;
  clearTimeout(timer);
  progress?.removeAttribute("data-on");
});
