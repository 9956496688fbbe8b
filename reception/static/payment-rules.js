/**
 * The sums of the payment dialog, without a page: amounts are whole smallest units.
 * `read` understands what `reception/amounts.py` understands; the server has the last word.
 */
const THIN = "\u202f";
const MOST = 10 ** 15;
const DIGIT_ZEROS = [0x30, 0x660, 0x6f0, 0x966, 0xff10]; // Latin, Arabic, Persian, Devanagari, full width

/** One digit of any of these scripts as 0 to 9, every space as a plain one. */
function sign(char) {
  const code = char.codePointAt(0);
  const zero = DIGIT_ZEROS.find((each) => code >= each && code < each + 10);
  if (zero !== undefined) return String(code - zero);
  return /\s/.test(char) || "'’\u066c".includes(char) ? " " : char === "\u066b" ? "." : char;
}

const escape = (text) => text.replace(/[.]/g, "\\.");

function ungrouped(text, decimal, group) {
  for (const each of new Set([" ", group])) {
    const found = text.match(new RegExp(`^(\\d{1,3}(?:${escape(each)}\\d{3})+)(${escape(decimal)}\\d+)?$`));
    if (found) text = found[1].replaceAll(each, "") + (found[2] ?? "");
  }
  const other = decimal === "." ? "," : ".";
  const parts = text.split(other);
  if (!text.includes(decimal) && parts.length === 2) {
    const isGrouped = /^\d{1,3}(?: \d{3})+$/.test(parts[0]);
    return `${isGrouped ? parts[0].replaceAll(" ", "") : parts[0]}.${parts[1]}`;
  }
  return text.replace(decimal, ".");
}

/** The typed `text` in smallest units; null where nothing is typed, NaN where it is no amount. */
export function read(text, { places, decimal, group }) {
  const plain = [...text.replace(/[\u200e\u200f\u061c\u2066-\u2069]/g, "").trim()].map(sign).join("");
  if (!plain) return null;
  const found = ungrouped(plain, decimal, group).match(/^(\d{1,18})(?:\.(\d+))?$/);
  if (!found || (found[2] ?? "").length > places) return NaN;
  const amount = Number(found[1] + (found[2] ?? "").padEnd(places, "0"));
  return amount > 0 && amount <= MOST ? amount : NaN;
}

/** `amount` as the language writes it, thin spaces in the thousands. */
export function write(amount, { places, decimal }) {
  const digits = String(Math.abs(amount)).padStart(places + 1, "0");
  const whole = digits.slice(0, digits.length - places).replace(/\B(?=(\d{3})+$)/g, THIN);
  return (amount < 0 ? "−" : "") + whole + (places ? decimal + digits.slice(-places) : "");
}

/** Sums that people hand over for `amount`: itself, then three round ones above it. */
export function rounds(amount, { places }) {
  const found = new Set([amount]);
  for (let ten = 10 ** places; found.size < 4 && ten <= MOST; ten *= 10) {
    for (const step of [ten, 5 * ten]) {
      if (step >= amount * 0.03 && found.size < 4) found.add((Math.floor(amount / step) + 1) * step);
    }
  }
  return [...found];
}

/**
 * What each part takes. `parts`: [{name, typed}] in their order, `typed` as `read` gives it, null while untouched.
 * The last untouched part is the rest. Answers {amounts: {name: amount or null}, rest: its name or null,
 * left: what stays owing (negative: too much), isBad, isEmpty}.
 */
export function share(due, parts) {
  const rest = parts.findLast(({ typed }) => typed === null)?.name ?? null;
  const typed = parts.reduce((sum, part) => sum + (part.typed || 0), 0);
  const amounts = Object.fromEntries(parts.map(({ name, typed: amount }) => [name, amount]));
  if (rest !== null) amounts[rest] = due - typed > 0 ? due - typed : null;
  const total = Object.values(amounts).reduce((sum, amount) => sum + (amount || 0), 0);
  return {
    amounts,
    rest,
    left: due - total,
    isBad: parts.some((part) => Number.isNaN(part.typed)),
    isEmpty: parts.some(({ name }) => amounts[name] === null),
  };
}
