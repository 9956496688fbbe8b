"""`import KIND FILE`: what other programs have written down. Each kind is a command of this group."""

from __future__ import annotations

import functools
import sys
import time
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

import click
from flask.cli import with_appcontext

from reception import clock, formats, importing, startup
from reception.cli.frame import refusing, worker_in
from reception.domain.errors import Invalid
from reception.domain.imports import appointments, claims, claims_store, columns, people, plan, store
from reception.domain.imports.icd import language_of
from reception.domain.imports.kinds import Fault, Kind
from reception.domain.imports.registry import KINDS
from reception.domain.imports.runs import Mapped, Report
from reception.domain.imports.sheets import ENCODINGS, Sheet, open_sheet
from reception.transaction import perform

SHOWN = 50
"""Problems and days that are listed one by one; of the others only the number."""
RULE = """\
The file knows no doctors, times of day, names or prices. They are put in by this rule:
  doctors  {doctors}: the fullest day has {fullest} appointments; {usual} quarter hours from 08:00 to 18:00 are one doctor's
  times    in the order of booking, the earliest free quarter hour; after the person's earlier one of that day, with
           another doctor; what was booked on the very day begins after it was booked (the clinic's clock)
  people   a Brazilian name by the person's number; born on 1 January of the year that the age says
  service  Consultation, at the clinic's price; made where there is none
  money    the past has none: bills of zero; from {opens} on appointments stand open with bill and charge"""


@click.group("import")
def import_() -> None:
    """Bring in a file of another program; the same file twice changes nothing."""


@import_.command("appointments")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="read, check and report; store nothing")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="this day and later ones stay open; default: today")
@click.option("--clinic", "clinic_name", default=None, help="the clinic's name; default: the first one")
@click.option("--names", type=click.Path(path_type=Path), help="JSON file of names by locale instead of the built-in")
@click.option("--price", default="100", help="of the service Consultation, where it has to be made")
@with_appcontext
@refusing
def import_appointments(
    file: Path, dry_run: bool, as_of: datetime | None, clinic_name: str | None, names: Path | None, price: str
) -> None:
    """Appointments of the public no-show set (CSV, plain or .gz)."""
    startup.check()
    worker = worker_in(clinic_name)
    lists = people.from_file(names) if names else people.built_in()
    amount = _amount(price, worker.clinic.currency)
    opens = as_of.date() if as_of else clock.today(worker.clinic)
    store.check_open_from(opens, clock.today(worker.clinic))
    click.echo(f"Reading {file.name} …", err=True)
    reading = appointments.read(file)
    click.echo(
        f"{reading.rows:,} rows: {reading.count:,} appointments of {len(reading.people):,} people"
        f" on {len(reading.days)} days, {len(reading.problems)} impossible."
    )
    _show_problems(reading.problems)
    _show_days(reading, opens)
    _show_rule(reading, opens)
    if dry_run:
        stored = store.known_appointments(worker.clinic_id)
        known = sum(booking.key in stored for bookings in reading.days.values() for booking in bookings)
        click.echo(f"Dry run: nothing was stored. {reading.count - known:,} would be new, {known:,} are known already.")
        return
    with click.progressbar(length=reading.count, label="Storing", file=sys.stderr) as bar:
        outcome = perform(worker, store.store, reading, opens, amount, lists, progress=bar.update)
    _show_problems(outcome.left_out)
    click.echo(
        f"{outcome.imported:,} imported, {outcome.known:,} were known already;"
        f" {outcome.new_people:,} new people; {outcome.open:,} stand open."
    )
    if outcome.price is not None:
        price = formats.plain_money(outcome.price, worker.clinic.currency)
        click.echo(f"The service Consultation was made with the price {price} {worker.clinic.currency}.")


CLAIMS_RULE = """\
By this rule:
  bills     one for each claim, without a visit, numbered today; a line for each charge, with a service by its code
  amounts   read as decimals; what is finer than the currency is rounded, half a unit up, each amount by itself
  insurers  an electronic cheque is theirs, of whom the claim was asked last (the first, else the second insurer); their
            part is what they paid and what is still asked of them
  patients  every other payment; co-payments and cash go into Imported cash, cards into Imported card, cheques into
            Imported bank; what nobody paid is open
  too much  is not booked: what was paid beyond the charge is named here"""


@import_.command("claims")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--dry-run", is_flag=True, help="read, check and report; store nothing")
@click.option("--clinic", "clinic_name", default=None, help="the clinic's name; default: the first one")
@with_appcontext
@refusing
def import_claims(folder: Path, dry_run: bool, clinic_name: str | None) -> None:
    """Claims of Synthea (its CSV, or flattened from FHIR) as bills and payments."""
    startup.check()
    worker = worker_in(clinic_name)
    currency = worker.clinic.currency
    reading = claims.read(folder, currency)
    click.echo(f"{len(reading.claims):,} claims of {len(reading.people):,} people in {currency}.")
    for words in reading.strange[:SHOWN]:
        click.echo(f"  {words}")
    click.echo(CLAIMS_RULE)
    _show_claims(reading)
    if dry_run:
        click.echo("Dry run: nothing was stored.")
        return
    with click.progressbar(length=len(reading.claims), label="Storing", file=sys.stderr) as bar:
        imported, known = claims_store.store(reading, functools.partial(perform, worker), bar.update)
    click.echo(f"{imported:,} imported, {known:,} were known already.")


def _show_claims(reading: claims.Reading) -> None:
    def shown(amount: int) -> str:
        return formats.plain_money(amount, reading.currency)

    click.echo(f"Charged {shown(reading.charged())}; {reading.rounded:,} amounts were rounded. Paid, by payer:")
    taken: dict[str, int] = {}
    for claim in reading.claims:
        for paid in claim.taken:
            taken[paid.payer] = taken.get(paid.payer, 0) + paid.amount
    for payer, amount in sorted(reading.paid().items(), key=lambda pair: -pair[1]):
        name = reading.insurers.get(payer, "patients")
        click.echo(f"  {name:<28}{shown(amount):>16}, of that booked {shown(taken.get(payer, 0)):>16}")
    over = [(claim, more) for claim, more in reading.unequal() if more > 0]
    open_ = [(claim, more) for claim, more in reading.unequal() if more < 0]
    click.echo(f"In {len(open_):,} claims {shown(-sum(more for _, more in open_))} is still to be paid.")
    click.echo(
        f"In {len(over):,} claims {shown(sum(more for _, more in over))} more was paid than charged: not booked."
    )
    for claim, more in over[:SHOWN]:
        click.echo(f"  claim {claim.key}: {shown(claim.total)} charged, {shown(more)} too much")
    if len(over) > SHOWN:
        click.echo(f"  … and {len(over) - SHOWN:,} more")


def _amount(price: str, currency: str) -> int:
    try:
        amount = Decimal(price).scaleb(formats.digits(currency))
    except InvalidOperation:
        amount = Decimal(-1)
    if not (amount.is_finite() and 0 <= amount <= 10**12 and amount == int(amount)):
        raise Invalid("The price %(price)s is no amount of %(currency)s.", price=price[:40], currency=currency)
    return int(amount)


def _show_problems(problems: list[appointments.Problem]) -> None:
    for problem in problems[:SHOWN]:
        click.echo(f"  row {problem.row} (line {problem.line}): {problem.why}")
    if more := len(problems) - SHOWN if len(problems) > SHOWN else 0:
        click.echo(f"  … and {more:,} more")


def _show_days(reading: appointments.Reading, opens: date) -> None:
    click.echo(f"  {'day':<12}{'booked':>8}{'no-show':>9}")
    for number, (day, booked, missed) in enumerate(reading.per_day()):
        if number == SHOWN:
            click.echo(f"  … and {len(reading.days) - SHOWN:,} days more")
            break
        click.echo(f"  {day!s:<12}{booked:>8,}" + (f"{missed:>9,}" if day < opens else f"{'open':>9}"))


def _show_rule(reading: appointments.Reading, opens: date) -> None:
    fullest, most = appointments.busiest(reading)
    doctors = plan.doctors_needed(fullest, most)
    click.echo(RULE.format(doctors=doctors, fullest=f"{fullest:,}", usual=plan.USUAL, opens=opens))
    if reading.unused:
        click.echo(f"Not taken over: {', '.join(name[:30] for name in reading.unused)}.")


# ------------------------------------------------------------------------------------------- kinds mapped by name

STEPS = {"read": "read", "compare": "compared", "store": "stored"}
OFTEN = 0.1
SELDOM = 5.0
"""Seconds between two lines of progress: on a terminal the same line anew, elsewhere a line each."""


def _add(kind: type[Kind]) -> None:
    """Hang in `import <kind>`."""

    @click.argument("file", type=click.Path(path_type=Path))
    @click.option("--dry-run", is_flag=True, help="read, check and report; store nothing")
    @click.option("--clinic", "clinic_name", default=None, help="the clinic's name; default: the first one")
    @click.option("--encoding", default="", help=f"if not recognised: {', '.join(ENCODINGS)}")
    @click.option("--separator", default="", help="if not recognised: , ; | or TAB")
    @click.option(
        "--column", "chosen", multiple=True, metavar="FIELD=NAME", help="which column is what; empty: not taken"
    )
    @click.option("--locale", default="", help="language of the titles (icd10); default: by their script")
    @with_appcontext
    @refusing
    def bring(
        file: Path, dry_run: bool, clinic_name: str | None, encoding: str, separator: str, chosen: tuple[str, ...],
        locale: str,
    ) -> None:  # fmt: skip
        startup.check()
        worker = worker_in(clinic_name)
        sheet = open_sheet(file, encoding, "\t" if separator.upper() == "TAB" else separator)
        mapping = _mapping(sheet, kind, chosen)
        mapped = Mapped(kind, mapping, locale or _locale_of(sheet, kind, mapping))
        _show_mapping(sheet, mapped)
        tell = _Line()
        report = importing.carry_out(sheet, mapped, worker, is_dry=dry_run, tell=tell)
        tell.end()
        _show_report(report, kind, dry_run)

    bring.__doc__ = f"{kind.title} (CSV, plain or .gz, or XLSX), columns by name; docs/import.md lists them."
    import_.command(kind.name)(bring)


def _mapping(sheet: Sheet, kind: type[Kind], chosen: tuple[str, ...]) -> dict[str, str]:
    found = columns.matched(sheet.header, kind.columns, importing.words_for)
    for pair in chosen:
        field, equals, name = pair.partition("=")
        if not equals:
            raise Invalid("Write --column FIELD=NAME, not %(typed)s.", typed=pair[:60])
        found.pop(field, None)
        found = {other: column for other, column in found.items() if column != name}
        if name:
            found[field] = name
    columns.checked(found, sheet.header, kind.columns, kind.needed)
    return found


def _locale_of(sheet: Sheet, kind: type[Kind], mapping: dict[str, str]) -> str:
    if not kind.has_locale or "title" not in mapping:
        return ""
    place = sheet.header.index(mapping["title"])
    return language_of([line.cells[place] for line in sheet.first(50)])


def _show_mapping(sheet: Sheet, mapped: Mapped) -> None:
    how = f"{sheet.encoding}, separated by {sheet.separator!r}" if sheet.form == "csv" else "Excel"
    click.echo(f"Read as {how}.", err=True)
    for field, name in mapped.columns.items():
        click.echo(f"  {field:<24}{name[:60]}", err=True)
    if others := [name for name in sheet.header if name and name not in mapped.columns.values()]:
        click.echo(f"Not taken: {', '.join(name[:30] for name in others)}.", err=True)
    if mapped.locale:
        click.echo(f"Titles are in {mapped.locale}.", err=True)


class _Line:
    """Progress in the terminal: one line that is written anew; where nobody looks, a plain line now and then."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._next = time.monotonic() + (0 if self._is_terminal else SELDOM)
        self._wrote = False

    def __call__(self, step: str, done: int, total: int) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + (OFTEN if self._is_terminal else SELDOM)
        share = f"{done / total:.0%}" if total else ""
        text = f"{STEPS[step]} {done:,} of {'about ' if step == 'read' else ''}{max(done, total):,} rows {share}"
        click.echo(f"\r\x1b[K{text}" if self._is_terminal else text, err=True, nl=not self._is_terminal)
        self._wrote = True

    def end(self) -> None:
        if self._wrote and self._is_terminal:
            click.echo("\r\x1b[K", err=True, nl=False)


def _show_report(report: Report, kind: type[Kind], is_dry: bool) -> None:
    headings = f", {report.left_out:,} headings left out" if report.left_out else ""
    if report.refused:
        for fault in report.faults[:SHOWN]:
            click.echo(f"  row {fault.row} (line {fault.line}): {_words(fault, kind)}")
        if (more := report.refused - SHOWN) > 0:
            click.echo(f"  … and {more:,} more")
        raise Invalid(
            "%(refused)s of %(rows)s rows cannot be imported, so nothing was stored. Mend them and run it again.",
            refused=f"{report.refused:,}", rows=f"{report.rows:,}",
        )  # fmt: skip
    if is_dry:
        click.echo(f"Dry run: nothing was stored. {report.rows:,} rows: {report.added:,} would be new,"
                   f" {report.same:,} stand already{headings}.")  # fmt: skip
    else:
        click.echo(f"{report.rows:,} rows: {report.added:,} imported, {report.same:,} stood already{headings}.")


def _words(fault: Fault, kind: type[Kind]) -> str:
    label = next((column.label for column in kind.columns if column.name == fault.column), "")
    words = fault.message % fault.gaps if fault.gaps else fault.message
    return f"{label}: {words}" if label else words


for _kind in KINDS.values():
    _add(_kind)


COMMANDS = (import_,)
