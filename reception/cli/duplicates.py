"""`duplicates FILE`: who is in a list twice. `match-cards`: the same for the registry, all of it at once."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click
from flask.cli import with_appcontext

from reception import startup
from reception.cli.frame import refusing, worker_in
from reception.domain.errors import NotPossible
from reception.domain.matching import cards, files, pairs
from reception.transaction import perform

BATCH = 200


@click.command("duplicates")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="write the pairs here as id_a,id_b,score; default: stdout")
@with_appcontext
@refusing
def duplicates(file: Path, out: Path | None) -> None:
    """Find people who are twice in FILE (CSV or Excel).

    By names, birth date, phone, e-mail and address, never by an identity number. Columns are known by their names;
    any of them may be missing.
    """
    begun = time.perf_counter()
    people = files.read(file)
    found, compared = pairs.pairs(people)
    try:
        with click.open_file(str(out or "-"), "w", encoding="utf-8") as stream:
            files.write(stream, people, found)
    except OSError as error:
        raise NotPossible("%(name)s cannot be written: %(why)s.", name=str(out), why=error.strerror or "") from None
    took = time.perf_counter() - begun
    click.echo(
        f"{len(people):,} rows, {compared:,} pairs compared, {len(found):,} found in {took:.1f} s.", err=out is None
    )


@click.command("match-cards")
@click.option("--clinic", "clinic_name", default=None, help="the clinic's name; default: the first one")
@click.option("--again", is_flag=True, help="those that were compared before, too")
@with_appcontext
@refusing
def match_cards(clinic_name: str | None, again: bool) -> None:
    """Look at every card that nobody has compared yet. The worker does the same, slower, by itself."""
    startup.check()
    worker = worker_in(clinic_name)
    count = 0
    if again:
        perform(worker, cards.begin_again)
    with click.progressbar(length=cards.left(worker.clinic_id), label="Comparing", file=sys.stderr) as bar:
        while done := perform(worker, cards.catch_up, BATCH):
            bar.update(done)
            count += done
    click.echo(f"{count:,} cards compared.")


COMMANDS = (duplicates, match_cards)
