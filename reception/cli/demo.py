"""`demo`: a clinic in full swing to look around in, and `demo --play`, which lets its day run on."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import urlsplit

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import select

from reception import access, startup
from reception.cli.frame import refusing
from reception.demo import clinics, fill
from reception.demo.play import Caller, Play, Unreachable
from reception.domain import users
from reception.domain.actors import system
from reception.domain.errors import Invalid, NotAllowed, NotPossible
from reception.extensions import db
from reception.models import Clinic
from reception.transaction import perform


@click.command("demo")
@click.option("--reset", is_flag=True, help="empty the database first, if it holds nothing but the demo")
@click.option("--if-empty", "if_empty", is_flag=True, help="do nothing where there is a clinic already")
@click.option("--play", is_flag=True, help="let the day run on over HTTP against the running server")
@click.option(
    "--speed", type=click.FloatRange(1, 600), default=20, show_default=True, help="--play: minutes of the clinic in one"
)
@click.option("--minutes", type=click.FloatRange(0.05, 24 * 60), default=10, show_default=True, help="--play: how long")
@click.option("--url", default=None, help="--play: the server; default: this machine at PORT")
@with_appcontext
@refusing
def demo(reset: bool, if_empty: bool, play: bool, speed: float, minutes: float, url: str | None) -> None:
    """Fill an empty database with two clinics in the middle of their day, or let that day run on."""
    if current_app.config["ENVIRONMENT"] == "production":
        raise NotAllowed("The demo's passwords are public: it does not run in production.")
    startup.check()
    if play:
        _play(url or f"http://127.0.0.1:{current_app.config['PORT']}", speed, minutes)
        return
    standing = fill.look()
    half = not standing.is_empty and not standing.is_whole and not standing.strange
    if reset or half:
        fill.empty()
    elif not standing.is_empty and not if_empty:
        raise NotPossible("There is a clinic already. `demo --reset` empties the demo and fills it anew.")
    if reset or half or standing.is_empty:
        fill.fill()
        click.echo("The demo is filled: Riverside Clinic in full swing, and a second clinic beside it.")
    if standing.is_whole or not standing.strange:
        for line in fill.addresses():
            click.echo(line)


def _play(url: str, speed: float, minutes: float) -> None:
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise Invalid("%(url)s is no address of a server. Write it as http://127.0.0.1:8000", url=url[:80])
    names = {name for name in users.demo_names() if name.startswith("doctor")} | {"reception", "cashier"}
    clinic = db.session.scalar(select(Clinic).where(Clinic.name == clinics.MAIN))
    if clinic is None or names - set(users.demo_names()):
        raise NotPossible("There is no demo here to play. Run `demo` first.")
    worker, tokens, callers = system(clinic), [], {}
    try:
        for name in sorted(names):
            user, secret = users.by_name(name), access.new_token()
            assert user is not None
            tokens.append(perform(worker, users.add_token, user.id, access.hashed(secret), "demo --play").id)
            callers[name] = Caller(url, secret)
        show = Play(callers, click.echo, speed)
        with suppress(KeyboardInterrupt):
            show.run(minutes)
        click.echo(f"The play is over: {show.done} acts.")
    except Unreachable:
        raise NotPossible("No Reception answers at %(url)s. Start it first: python wsgi.py", url=url) from None
    finally:
        for caller in callers.values():
            caller.close()
        for token in tokens:
            perform(worker, users.revoke_token, token)


COMMANDS = (demo,)
