"""`worker`: what happens without anybody asking, beside the web workers."""

from __future__ import annotations

import signal
import sys

import click
from flask import current_app
from flask.cli import with_appcontext

from reception import clock, startup, ticking
from reception.cli.frame import refusing


@click.command("worker")
@click.option("--once", is_flag=True, help="one round of everything, then end")
@with_appcontext
@refusing
def worker(once: bool) -> None:
    """Look every minute at what the clock changed, and clean up every hour; until SIGTERM."""
    startup.check()
    if once:
        ticking.tick(clock.now(), clock.now())
        ticking.clean()
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    click.echo("The worker is at work.")
    ticking.forever(current_app._get_current_object())  # type: ignore[attr-defined]  # noqa: SLF001
