"""The checklist of a visit: consents that nobody has asked for yet, special needs, and how the patient is."""

from __future__ import annotations

from typing import Any

from flask import Response, g, request, url_for
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from wtforms import BooleanField, TextAreaField

from reception import formats
from reception.access import Permission, may, requires
from reception.blueprints import answers
from reception.blueprints.dialogs import dialog, new_key, same_key
from reception.blueprints.fields import HouseForm, text
from reception.blueprints.patient_words import words_of
from reception.blueprints.patients import opened
from reception.blueprints.queue import bp
from reception.domain import checklists, consents
from reception.domain.consents import ConsentKind
from reception.domain.errors import Invalid, NotPossible, Refusal
from reception.domain.locks import load
from reception.models import Role, Visit
from reception.transaction import run
from reception.words import N_


class ChecklistForm(HouseForm):
    """`agree-TREATMENT` ("yes", "no" or nothing) are read beside it."""

    identity_verified = BooleanField(_l("Identity verified"))
    rules_explained = BooleanField(_l("Rules explained"))
    alerts = text(_l("Allergies and alerts"), render_kw={"maxlength": 2000, "dir": "auto"})
    special_needs = text(_l("Special needs"), render_kw={"maxlength": 2000, "dir": "auto"})
    temperature = text(_l("Temperature, °C"), render_kw={"inputmode": "decimal", "maxlength": 16, "dir": "ltr"})
    blood_pressure = text(_l("Blood pressure"), render_kw={"maxlength": 16, "dir": "ltr"})
    complaints = TextAreaField(_l("Complaints"), filters=[lambda typed: typed or ""])


@bp.get("/visits/<int:visit_id>/checklist")
@requires(Permission.CALL)
def checklist(visit_id: int) -> Response:
    """What is asked at check-in, as far as it is answered."""
    opened(load(Visit, visit_id, g.actor.clinic_id).patient_id, "visit")
    visit = load(Visit, visit_id, g.actor.clinic_id)
    reads = g.actor.has(Role.DOCTOR, Role.NURSE)
    vitals = ("temperature", "blood_pressure", "complaints") if reads else ()
    known: dict[str, Any] = {name: getattr(visit, name) for name in (*checklists.TICKS, *vitals)}
    known |= {name: getattr(visit.patient, name) for name in ("alerts", "special_needs")}
    return _ask(visit, ChecklistForm(data=known), new_key())


@bp.post("/visits/<int:visit_id>/checklist")
@requires(Permission.CALL)
def fill_in(visit_id: int) -> Response:
    """Write it down."""
    form = ChecklistForm(request.form)
    visit = load(Visit, visit_id, g.actor.clinic_id)
    if not form.validate():
        return _ask(visit, form, same_key(), status=422)
    wish = {name: form[name].data for name in ("temperature", "blood_pressure", "complaints")}
    try:
        visit = run(
            checklists.fill_in,
            visit_id,
            about=("visit", visit_id),
            ticks={name: bool(form[name].data) for name in checklists.TICKS},
            agreed=_agreed(),
            card={name: form[name].data for name in ("alerts", "special_needs") if name in request.form},
            **wish,
        )
    except (Invalid, NotPossible) as refusal:
        form.blame(refusal)
        return _ask(load(Visit, visit_id, g.actor.clinic_id), form, same_key(refusal), refusal)
    text = gettext("Checklist of %(name)s filled in", name=formats.list_name(visit.patient))
    return answers.done(text, ticket=visit.ticket, visit=visit)


def _agreed() -> dict[str, bool]:
    found = {kind: request.form.get(f"agree-{kind}") for kind in ConsentKind}
    return {kind.value: said == "yes" for kind, said in found.items() if said in ("yes", "no")}


def _ask(visit: Visit, form: ChecklistForm, key: str, refusal: Refusal | None = None, status: int = 200) -> Response:
    return dialog(
        "queue/_checklist.html",
        N_("Checklist"),
        visit=visit,
        form=form,
        key=key,
        asked=[(one, words_of(ConsentKind, one.kind)) for one in consents.standing(visit.patient)],
        said=request.form,
        is_measured=bool(visit.temperature or visit.blood_pressure or visit.complaints),
        refusal=refusal,
        status=status,
    )


def reminder(visit: Visit, text: str) -> str | Markup:
    """The words of a check-in, with the way to the consents that nobody has asked this patient for yet."""
    may_ask = may(g.actor, Permission.CALL) and not visit.patient.is_anonymous
    count = len(consents.to_ask(visit.patient)) if may_ask else 0
    if not count:
        return text
    link = Markup(
        '<button type="button" class="rx-toast-link" hx-get="{}" hx-target="#dialog" hx-swap="innerHTML">{}</button>'
    )
    words = ngettext("Ask for %(num)s consent", "Ask for %(num)s consents", count)
    return Markup("{} {}").format(text, link.format(url_for("queue.checklist", visit_id=visit.id), words))
