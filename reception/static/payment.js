/**
 * The payment dialog: parts that add up by themselves, cash with its change, Enter takes.
 *
 *   <form data-payment data-due data-places data-decimal data-group data-words-…>
 *     [data-way]            checkbox of a way of paying; its key 1 to 4 adds or removes the part (keys.js clicks it).
 *                           The last part cannot be removed: its key goes into it
 *     [data-part="CARD"]    its row with [data-amount]; the last part that nobody typed into is the rest (.is-rest)
 *     [data-most]           what there is of a bonus or deposit: so much at most is filled in when the part is added
 *     [data-off]            removes the part
 *     [data-bill]           checkbox of one of several bills, with its own data-due; [data-due-shown] is their sum
 *     [data-cash]           [data-received], [data-rounds] for round sums, [data-change]
 *     [data-take], [data-take-part], [data-left]
 *   [data-prints]           its state is kept on this machine
 *   [data-print-receipt]    a link to a receipt: prints it without leaving the page
 *   HX-Trigger: rx:print-receipt {url}   the server asks for the same
 * Without this module the form is posted as it stands and the server does the sums (blueprints/payment_form.py).
 */
import { read, rounds, share, write } from "./payment-rules.js";

const PRINTS = "rx-prints";

class Payment {
  constructor(form) {
    this.form = form;
    const { due, places, decimal, group } = form.dataset;
    this.due = Number(due);
    this.style = { places: Number(places), decimal, group };
    this.ways = [...form.querySelectorAll("[data-way]")];
    this.parts = [...form.querySelectorAll("[data-part]")].map((row) => ({
      row,
      name: row.dataset.part,
      field: row.querySelector("[data-amount]"),
      bar: form.querySelector(`[data-bar="${row.dataset.part}"]`),
      isTyped: Boolean(row.querySelector("[data-amount]").value),
    }));
    this.bills = [...form.querySelectorAll("[data-bill]")];
    this.received = form.querySelector("[data-received]");
    this.isReceivedTyped = Boolean(this.received?.value);
    form.classList.add("is-ready");
    form.addEventListener("input", (event) => this.onInput(event));
    form.addEventListener("click", (event) => this.onClick(event));
    form.addEventListener("focusin", ({ target }) => target.matches("[data-amount], [data-received]") && target.select());
    form.addEventListener("focusout", ({ target }) => this.tidy(target));
    if (this.bills.length) this.choose();
    this.sum();
  }

  /** What the chosen bills ask together. */
  choose() {
    this.due = this.bills.filter(({ checked }) => checked).reduce((sum, { dataset }) => sum + Number(dataset.due), 0);
    const text = write(this.due, this.style);
    say(this.form.querySelector("[data-due-shown]"), text);
    say(this.form.querySelector("[data-take-amount]"), text);
  }

  isUsed(name) {
    return this.ways.some((way) => way.value === name && way.checked);
  }

  get used() {
    return this.parts.filter(({ name }) => this.isUsed(name));
  }

  onInput({ target }) {
    const part = this.parts.find(({ field }) => field === target);
    if (part) part.isTyped = target.value.trim() !== "";
    if (target === this.received) this.isReceivedTyped = target.value.trim() !== "";
    if (target.matches("[data-way]")) return this.onWay(target);
    if (target.matches("[data-bill]")) this.choose();
    this.sum(target);
  }

  onClick(event) {
    const { target } = event;
    const way = target.closest("[data-way]");
    if (way && !way.checked && !this.used.length) {
      // The last part: its key means "this one".
      event.preventDefault();
      return setTimeout(() => this.goTo(way.value));
    }
    const off = target.closest("[data-off]");
    if (off) this.ways.find(({ value }) => value === off.dataset.off)?.click();
    const round = target.closest("[data-round]");
    if (round) {
      this.received.value = write(Number(round.dataset.round), this.style);
      this.isReceivedTyped = true;
      this.sum();
      this.form.querySelector("[data-take]").focus();
    }
  }

  /** What was typed, as the language writes it. */
  tidy(field) {
    if (!field.matches("[data-amount], [data-received]")) return;
    const amount = read(field.value, this.style);
    if (amount > 0) field.value = write(amount, this.style);
    this.sum();
  }

  /** A part came or went. What still needs a number gets the focus, else cash its "Received", else the button. */
  onWay(way) {
    const part = this.parts.find(({ name }) => name === way.value);
    if (!way.checked) Object.assign(part, { isTyped: false }).field.value = "";
    if (!this.isUsed("CASH") && this.received) this.forgetReceived();
    if (way.checked && part.field.dataset.most) this.fill(part);
    const { rest } = this.sum();
    const open = this.used.find(({ name, isTyped }) => !isTyped && name !== rest);
    if (open) open.field.focus();
    else if (way.checked && way.value === "CASH") this.received.focus();
    else this.form.querySelector("[data-take]").focus();
  }

  /** Of a bonus or deposit as much as there is, and as is still to pay. */
  fill(part) {
    const others = this.used.filter((each) => each !== part && each.isTyped);
    const typed = others.reduce((sum, { field }) => sum + (read(field.value, this.style) || 0), 0);
    const amount = Math.min(Number(part.field.dataset.most), this.due - typed);
    if (amount > 0) Object.assign(part, { isTyped: true }).field.value = write(amount, this.style);
  }

  goTo(name) {
    if (name === "CASH") this.received.focus();
    else this.parts.find((part) => part.name === name).field.focus();
  }

  forgetReceived() {
    this.received.value = "";
    this.isReceivedTyped = false;
  }

  /** Everything that follows from what is typed. `typing`: the field that must be left as it is. */
  sum(typing) {
    const typed = this.used.map(({ name, field, isTyped }) => ({ name, typed: isTyped ? read(field.value, this.style) : null }));
    const found = share(this.due, typed);
    this.used.forEach((part, index) => {
      const { row, name, field, bar, isTyped } = part;
      const amount = found.amounts[name];
      row.classList.toggle("is-rest", name === found.rest);
      row.dataset.swatch = bar.dataset.swatch = index + 1;
      bar.style.flexGrow = amount > 0 && this.due ? amount / this.due : 0;
      if (!isTyped && field !== typing) field.value = name === found.rest && amount !== null ? write(amount, this.style) : "";
      this.mark(field, Number.isNaN(amount));
      row.querySelector("[data-off]").hidden = this.used.length < 2;
    });
    const cash = this.isUsed("CASH") ? found.amounts.CASH : null;
    const given = this.received ? this.sumCash(cash, typing) : cash;
    this.show(found, cash, given);
    return found;
  }

  mark(field, isBad) {
    field.classList.toggle("is-invalid", isBad);
    if (isBad) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }

  /** Received, its round sums and the change; answers what was handed over. */
  sumCash(cash, typing) {
    if (!this.isReceivedTyped && this.received !== typing) this.received.value = cash > 0 ? write(cash, this.style) : "";
    const given = this.isReceivedTyped ? read(this.received.value, this.style) : cash;
    this.mark(this.received, Number.isNaN(given) && this.isUsed("CASH"));
    const change = this.form.querySelector("[data-change]");
    const back = cash > 0 && given >= cash ? given - cash : null;
    change.textContent = back === null ? "" : write(back, this.style);
    change.classList.toggle("is-nothing", !back);
    const wanted = cash > 0 ? rounds(cash, this.style) : [];
    const home = this.form.querySelector("[data-rounds]");
    if (home.dataset.for !== String(cash)) {
      home.dataset.for = cash;
      home.replaceChildren(...wanted.map((amount) => this.round(amount)));
    }
    for (const button of home.children) button.setAttribute("aria-pressed", String(Number(button.dataset.round) === given));
    return given;
  }

  round(amount) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "rx-round";
    button.dataset.round = amount;
    const unit = 10 ** this.style.places;
    button.textContent = amount % unit ? write(amount, this.style) : write(amount / unit, { ...this.style, places: 0 });
    return button;
  }

  show({ left, isBad, isEmpty }, cash, given) {
    const { dataset: words } = this.form;
    const short = cash > 0 && !(given >= cash);
    const reason =
      isBad || Number.isNaN(given) ? words.wordsBad
      : !this.used.length ? words.wordsNone
      : left < 0 ? words.wordsOver.replace("{amount}", write(-left, this.style))
      : short ? words.wordsShort.replace("{amount}", write(cash - (given ?? 0), this.style))
      : isEmpty ? words.wordsEmpty
      : "";
    const foot = this.form.querySelector("[data-left]");
    foot.classList.toggle("is-wrong", Boolean(reason));
    say(foot.querySelector("[data-left-words]"), reason || words.wordsLeft);
    say(foot.querySelector("[data-left-amount]"), write(Math.max(left, 0), this.style));
    const [take, part] = [this.form.querySelector("[data-take]"), this.form.querySelector("[data-take-part]")];
    take.setAttribute("aria-disabled", String(Boolean(reason) || left !== 0 || !this.due));
    part.hidden = Boolean(reason) || left <= 0 || left === this.due;
    say(part.querySelector("[data-part-amount]"), write(this.due - Math.max(left, 0), this.style));
  }

  /** Whether `button` may post the form now. */
  mayTake(button) {
    return button.matches("[data-take-part]") ? !button.hidden : button.getAttribute("aria-disabled") !== "true";
  }
}

const say = (element, text) => element.textContent === text || (element.textContent = text);
const known = new WeakMap();

function begin() {
  for (const form of document.querySelectorAll("[data-payment]:not(.is-ready)")) {
    if (!form.querySelector("[data-take]")) continue;
    const prints = form.querySelector("[data-prints]");
    if (prints && localStorage.getItem(PRINTS) === "on") prints.checked = true;
    known.set(form, new Payment(form));
  }
}

document.addEventListener("submit", (event) => {
  const payment = known.get(event.target);
  const button = event.submitter ?? event.target.querySelector?.("[data-take]");
  if (!payment || payment.mayTake(button)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, { capture: true });

// A field that belongs to one of several choices chooses it ([data-picks]: the choice's value).
document.addEventListener("input", ({ target }) => {
  const choice = target.dataset?.picks && target.form?.querySelector(`input[type="radio"][value="${target.dataset.picks}"]`);
  if (choice) choice.checked = true;
});

document.addEventListener("change", ({ target }) => {
  if (target.matches?.("[data-prints]")) localStorage.setItem(PRINTS, target.checked ? "on" : "off");
});

// The dialog stands in the page before dialog.js opens it and gives the focus.
document.addEventListener("htmx:after:swap", begin);
begin();

// Receipts --------------------------------------------------------------------------------------------------------

/** Prints the receipt at `url`; nothing else of the page is on the paper. */
async function print(url) {
  const answer = await fetch(url, { headers: { "HX-Request": "true" }, cache: "no-store" });
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  const sheet = document.createElement("div");
  sheet.id = "print";
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  sheet.append(...page.body.children);
  document.getElementById("print")?.remove();
  document.body.append(sheet);
  document.documentElement.classList.add("is-printing");
  addEventListener("afterprint", () => {
    sheet.remove();
    document.documentElement.classList.remove("is-printing");
  }, { once: true });
  await document.fonts.ready;
  window.print();
}

document.addEventListener("rx:print-receipt", ({ detail }) => print(detail.url).catch(() => open(detail.url, "_blank", "noopener")));
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("[data-print-receipt]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  print(link.href).catch(() => open(link.href, "_blank", "noopener"));
});
