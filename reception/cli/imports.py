"""`import KIND FILE`: what other programs have written down. Each kind is a command of this group."""

from __future__ import annotations

import sys
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

import click
from flask.cli import with_appcontext

from reception import clock, formats, startup
from reception.cli.frame import refusing, worker_in
from reception.domain.errors import Invalid
from reception.domain.imports import appointments, people, plan, store
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


COMMANDS = (import_,)
