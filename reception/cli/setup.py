"""The first steps and the daily care: create-admin, token, verify, routes-table."""

from __future__ import annotations

import sys
from datetime import datetime

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import select

from reception import access, startup
from reception.cli.frame import clinic_named, refusing
from reception.domain import directory, users, verify
from reception.domain.actors import Actor, founder, system
from reception.domain.errors import Invalid
from reception.extensions import db
from reception.models import Clinic, Membership, Role
from reception.transaction import perform


@click.command("create-admin")
@click.argument("username")
@click.option("--full-name", default="")
@click.option("--clinic", "clinic_name", default="Clinic", help="made if there is none of this name")
@click.option("--time-zone", default="UTC")
@click.option("--currency", default="EUR")
@click.option("--country", default="DE", help="of phone numbers written without a prefix")
@click.option("--locale", default="en")
@click.password_option(help="asked for when not given")
@with_appcontext
@refusing
def create_admin(
    username: str, full_name: str, clinic_name: str, time_zone: str, currency: str, country: str, locale: str,
    password: str,
) -> None:  # fmt: skip
    """Make an administrator, and the clinic at first need."""
    startup.check()
    hashed = users.hash_password(password)
    clinic = db.session.scalar(select(Clinic).where(Clinic.name == clinic_name))
    if clinic is None:
        clinic = perform(
            founder(), _found, clinic_name, time_zone=time_zone, currency=currency, phone_region=country, locale=locale
        )
    user = perform(system(clinic), users.create_user, username, hashed, full_name or username, [Role.ADMIN])
    click.echo(f"{user.username} is administrator of {clinic.name}.")


def _found(name: str, *, actor: Actor, at: datetime, **more: str) -> Clinic:
    from reception.domain.audit import work

    clinic = directory.found_clinic(name, actor=actor, at=at, **more)
    directory.furnish(actor=work().actor, at=at)
    return clinic


@click.command("token")
@click.argument("username")
@click.option("--clinic", "clinic_name", default=None)
@with_appcontext
@refusing
def token(username: str, clinic_name: str | None) -> None:
    """Print a new API token of USERNAME; it works in one clinic and is shown once."""
    startup.check()
    user = users.by_name(username)
    if user is None:
        raise Invalid("There is no active user %(name)s.", name=username)
    query = select(Membership.clinic_id).where(Membership.user_id == user.id).order_by(Membership.clinic_id)
    here = db.session.scalars(query).all()
    clinic = clinic_named(clinic_name) if clinic_name else db.session.get(Clinic, here[0]) if here else None
    if clinic is None or clinic.id not in here:
        raise Invalid("%(name)s has no role in this clinic.", name=username)
    secret = access.new_token()
    perform(system(clinic), users.add_token, user.id, access.hashed(secret))
    click.echo(secret)


@click.command("verify")
@with_appcontext
@refusing
def verify_all() -> None:
    """Recompute ledger sums, audit chains and states; exit 1 names what is wrong."""
    startup.check()
    found = list(verify.findings())
    for line in found:
        click.echo(line, err=True)
    if found:
        sys.exit(1)
    click.echo("Ledger, audit chain, queue numbers and states are in order.")


ABOUT_ROUTES = """\
# Who may open what

Made by `flask --app reception routes-table`; a route that names no permission does not start. Everything that has an id
is looked for inside the clinic of the sign-in or token: another clinic's answers like a missing one (tests/test_access.py).
"""


@click.command("routes-table")
@with_appcontext
def routes_table() -> None:
    """Print who may open what (docs/access.md)."""
    click.echo(ABOUT_ROUTES)
    click.echo("| rule | method | permission | roles |\n| --- | --- | --- | --- |")
    for row in access.table(current_app):
        click.echo(f"| `{row[0]}` | {' | '.join(row[1:])} |")


COMMANDS = (create_admin, token, verify_all, routes_table)
