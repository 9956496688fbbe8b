"""`import regions FILE|FOLDER`: the official list of regions, districts and settlements of a country."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from flask.cli import with_appcontext

from reception import startup
from reception.cli.frame import refusing, worker_in
from reception.cli.imports import import_
from reception.domain.imports import regions
from reception.transaction import perform

SHOWN = 50


@import_.command("regions")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--country", default="UZ", show_default=True, help="the country that the regions are of")
@click.option("--dry-run", is_flag=True, help="read, check and report; store nothing")
@with_appcontext
@refusing
def import_regions(path: Path, country: str, dry_run: bool) -> None:
    """Regions, districts and settlements (CSV, plain or .gz): one file, or all of a folder. The same twice adds nothing."""
    startup.check()
    found = regions.read(path)
    counts = [len(found.rows[level]) for level in (0, 1, 2)]
    click.echo(f"{counts[0]:,} regions, {counts[1]:,} districts, {counts[2]:,} settlements.")
    if found.unused:
        click.echo(f"Not taken: {', '.join(name[:60] for name in found.unused)}.")
    problems = regions.check(found)
    for problem in problems[:SHOWN]:
        click.echo(f"  {problem.file}, row {problem.row}: {problem.why}", err=True)
    if len(problems) > SHOWN:
        click.echo(f"  … and {len(problems) - SHOWN:,} more", err=True)
    if dry_run:
        click.echo("Dry run: nothing was stored.")
        sys.exit(1 if problems else 0)
    outcome = perform(worker_in(None), regions.store, found, country.upper())
    click.echo(f"{outcome.added:,} added, {outcome.changed:,} changed, {outcome.same:,} were there already.")


COMMANDS: tuple[click.Command, ...] = ()
"""None of its own: it hangs in the group `import`."""
