"""Taking the person out of a card, for good: asked for with the card's number, a reason and one's own password."""

from __future__ import annotations

from flask import Blueprint, Response, g, redirect, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired

from reception.access import Permission, requires
from reception.aside import aside
from reception.blueprints.accesses import opened
from reception.blueprints.auth import may_try_password
from reception.blueprints.dialogs import dialog, new_key, same_key
from reception.blueprints.fields import NEEDED, Choice, HouseForm
from reception.domain import anonymising, users
from reception.domain.closing import owed_amount
from reception.domain.errors import Refusal, invalid_field
from reception.domain.merging_ids import ids_of
from reception.errors import is_htmx
from reception.extensions import db
from reception.models import Patient, User
from reception.transaction import run
from reception.words import N_

bp = Blueprint("anonymise", __name__, url_prefix="/patients")


class AnonymiseForm(HouseForm):
    """What it takes."""

    reason = Choice(_l("Why"), [InputRequired(NEEDED)])
    card_no = StringField(_l("Card number"), [InputRequired(NEEDED)])
    password = PasswordField(_l("Your password"), [InputRequired(NEEDED)])

    def offer(self) -> None:
        self.reason.offer([(code, gettext(words)) for code, words in anonymising.REASONS.items()], nothing="")


@bp.get("/<int:patient_id>/anonymise")
@requires(Permission.ANONYMISE)
def ask(patient_id: int) -> Response:
    """What goes, what stays, and what is needed for it."""
    patient = opened(patient_id, "anonymise")
    form = AnonymiseForm()
    form.offer()
    return _ask(patient, form, new_key(), anonymising.why_not(patient))


@bp.post("/<int:patient_id>/anonymise")
@requires(Permission.ANONYMISE)
def anonymise(patient_id: int) -> AnyResponse:
    """Do it, at once."""
    form = AnonymiseForm(request.form)
    form.offer()
    patient = opened(patient_id, "anonymise")
    if not form.validate():
        return _ask(patient, form, same_key(), status=422)
    try:
        _check_password(form.password.data or "")
        run(
            anonymising.anonymise, patient_id, form.card_no.data, form.reason.data, about=("patient", patient_id)
        )  # fmt: skip
    except Refusal as refusal:
        form.blame(refusal)
        return _ask(patient, form, same_key(refusal), refusal)
    target = url_for("patients.card", patient_id=patient_id)
    return Response(status=200, headers={"HX-Redirect": target}) if is_htmx() else redirect(target, 303)


def _check_password(password: str) -> None:
    """Raises Invalid for a wrong password, and after too many tries."""
    user = db.session.scalars(select(User).where(User.id == g.actor.user_id)).one()
    if not may_try_password(user.username):
        raise invalid_field("password", N_("Too many tries. Please wait a quarter of an hour."))
    if not aside(users.matches, user.password_hash, password):
        raise invalid_field("password", N_("This is not your password."))


def _ask(
    patient: Patient, form: AnonymiseForm, key: str, refusal: Refusal | None = None, status: int = 200
) -> Response:  # fmt: skip
    owed = owed_amount(list(db.session.scalars(ids_of(patient))))
    context = {"patient": patient, "form": form, "key": key, "owed": owed, "currency": g.actor.clinic.currency}
    return dialog("anonymise/_ask.html", N_("Make anonymous"), refusal=refusal, status=status, **context)
