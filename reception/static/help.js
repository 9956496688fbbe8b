/**
 * A doctor asks for help: a toast at every desk, once for each asking. The line itself says it until somebody answers.
 *
 *   <section id="line-7" data-live data-help="Dr. Novak asks for help">   the words; no attribute while nobody asks
 */
import { say } from "./toast.js";

document.addEventListener("rx:region", ({ target, detail }) => {
  const { help } = target.dataset;
  if (help && !detail.before.help) say(help, "help");
});
