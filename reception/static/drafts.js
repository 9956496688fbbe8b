/**
 * What this window keeps of texts that the server has not acknowledged: one entry of session storage for each field.
 * They go with the acknowledgement, and with the sign-out, in whichever window that is.
 */
const PREFIX = "rx-draft:";
const line = "BroadcastChannel" in globalThis ? new BroadcastChannel("rx-drafts") : null;

const keyOf = (owner, record, field) => `${PREFIX}${owner}:${record}:${field}`;
const keys = () => Object.keys(sessionStorage).filter((key) => key.startsWith(PREFIX));

/** {text, version, sent}: what stands in the field, the version it was written over, what was sent last. */
export const get = (...of) => JSON.parse(sessionStorage.getItem(keyOf(...of)) ?? "null");
export const put = (item, ...of) => sessionStorage.setItem(keyOf(...of), JSON.stringify(item));
export const drop = (...of) => sessionStorage.removeItem(keyOf(...of));

/** The fields of a record that wait here. */
export function waiting(owner, record) {
  const start = keyOf(owner, record, "");
  return keys().filter((key) => key.startsWith(start)).map((key) => key.slice(start.length));
}

/** Everything, or what is not `owner`'s. */
export function forget(owner = null) {
  for (const key of keys()) if (owner === null || !key.startsWith(`${PREFIX}${owner}:`)) sessionStorage.removeItem(key);
}

document.addEventListener("submit", ({ target }) => {
  if (!target.action?.endsWith("/sign-out")) return;
  forget();
  line?.postMessage("signed-out");
}, { capture: true });
line?.addEventListener("message", () => forget());
