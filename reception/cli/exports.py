"""`export KIND FILE`: what the house knows, as CSV or Excel; what was exported comes in again as the same."""

from __future__ import annotations

from pathlib import Path

import click
from flask.cli import with_appcontext
from flask_babel import force_locale, gettext

from reception import exports, startup
from reception.cli.frame import refusing, worker_in
from reception.domain import exporting
from reception.domain.errors import Invalid
from reception.transaction import perform


@click.command("export")
@click.argument("kind", type=click.Choice(sorted(exporting.KINDS)))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--clinic", "clinic_name", default=None, help="the clinic's name; default: the first one")
@with_appcontext
@refusing
def export(kind: str, file: Path, clinic_name: str | None) -> None:
    """Write everything of KIND to FILE (.csv or .xlsx); columns are named in the clinic's language."""
    startup.check()
    worker = worker_in(clinic_name)
    if file.suffix.lower() not in (".csv", ".xlsx"):
        raise Invalid("The file's name must end in .csv or .xlsx.")
    if not file.parent.is_dir():
        raise Invalid("There is no folder %(name)s.", name=str(file.parent))
    if kind == "patients":
        perform(worker, exporting.note_patients)
    locale = worker.clinic.default_locale
    found = exporting.export_of(kind, worker)
    with force_locale(locale):
        heads = [gettext(head.label) for head in found.heads]
    part = file.with_name(f"{file.name}.part")
    rows = (row for some in ([heads], found.rows) for row in some)
    try:
        if file.suffix.lower() == ".csv":
            count = exports.write_csv(part, rows)
        else:
            count = exports.write_xlsx(part, rows, is_rtl=locale == "ar")
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    click.echo(f"{count:,} rows written to {file.name}.")


COMMANDS = (export,)
