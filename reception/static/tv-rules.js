/**
 * Which calls the TV makes, without a page or a clock.
 */

export const STALE_MS = 30_000; // an older call is shown, not announced

/** Keys out of `calls` ({key, at}) that nobody has heard yet and that are still fresh at `now`, oldest first. */
export function toAnnounce(calls, heard, now) {
  return calls
    .filter((call) => !heard.has(call.key) && now - call.at <= STALE_MS)
    .sort((a, b) => a.at - b.at)
    .map((call) => call.key);
}

/** "A-017" is said as "A 17". */
export const spoken = (ticket) => ticket.replace(/-0*(\d)/, " $1");
