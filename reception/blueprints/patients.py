"""The registry: search, registration, the card with its history, and who looked at it."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, Response, g, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from reception import labels, live
from reception.access import Permission, may, requires
from reception.blueprints import answers, patient_details, patient_words
from reception.blueprints.accesses import LOOKED
from reception.blueprints.accesses import opened as opened
from reception.blueprints.dialogs import dialog, new_key, same_key, wants_part
from reception.blueprints.duplicates import suggestions
from reception.blueprints.patient_form import QuickForm
from reception.domain import cards, debts, merging_preview, patients, registry_links
from reception.domain.errors import Invalid, NotAllowed, NotFound, NotPossible, Refusal
from reception.domain.finance import dues
from reception.errors import field_sentences, is_htmx
from reception.models import Patient
from reception.transaction import run
from reception.words import N_

bp = Blueprint("patients", __name__, url_prefix="/patients")

TABS: dict[str, tuple[str, tuple[Permission, ...]]] = {
    "visits": (N_("Visits"), (Permission.PATIENTS,)),
    "details": (N_("Details"), (Permission.PATIENTS,)),
    "bookings": (N_("Bookings"), (Permission.CALENDAR,)),
    "bills": (N_("Bills"), (Permission.BILLS,)),
    "purse": (N_("Bonus and deposit"), (Permission.BILLS,)),
    "changes": (N_("Changes"), (Permission.REGISTER, Permission.AUDIT)),
    "access": (N_("Access"), (Permission.REGISTER, Permission.AUDIT)),
}
"""Name -> words, and the permissions of which one is needed."""


# ----------------------------------------------------------------------------------------------------- registration


@bp.get("/new")
@requires(Permission.REGISTER)
def new() -> Response:
    """The quick registration."""
    return _new(QuickForm(), new_key())


@bp.post("/new")
@requires(Permission.REGISTER, reads=True)
def new_named() -> Response:
    """The same with what was searched for in its fields."""
    return _new(QuickForm(data=typed(request.form.get("q", ""))), new_key())


def typed(text: str) -> dict[str, str]:
    """What somebody searched for, as fields: digits are a phone, else the family name comes first."""
    text = text.replace(",", " ").strip()[:100]
    if re.fullmatch(r"[\d\s()+./-]{4,}", text):
        return {"phone": text}
    last, _, first = text.partition(" ")
    return {"last_name": last, "first_name": first.strip()}


@bp.post("/known")
@requires(Permission.REGISTER, reads=True)
def known() -> str:
    """Who is registered already and may be the one that is being typed."""
    return render_template("patients/_known.html", found=suggestions(request.form), viewer=g.actor)


@bp.post("")
@requires(Permission.REGISTER)
def register() -> AnyResponse:
    """A new card."""
    form = QuickForm(request.form)
    if not form.validate():
        return _new(form, same_key(), status=422)
    try:
        patient = run(patients.register, **form.values)
    except (Invalid, NotPossible) as refusal:
        form.blame(field_sentences(refusal))
        return _new(form, same_key(refusal), refusal)
    return _go_to(patient.id)


def _new(form: QuickForm, key: str, refusal: Refusal | None = None, status: int = 200) -> Response:
    return dialog("patients/_new.html", N_("New patient"), form=form, key=key, refusal=refusal, status=status)


def _go_to(patient_id: int) -> AnyResponse:
    target = url_for("patients.card", patient_id=patient_id)
    return Response(status=200, headers={"HX-Redirect": target}) if is_htmx() else redirect(target)


# ------------------------------------------------------------------------------------------------------------- card


@bp.get("/<int:patient_id>")
@requires(Permission.PATIENTS)
def card(patient_id: int) -> AnyResponse:
    """The card, one tab of it. That it was opened is written down before it is shown."""
    tab = request.args.get("tab", "visits")
    if tab not in TABS:
        raise NotFound(N_("There is no such page."))
    if tab not in tabs():
        raise NotAllowed(N_("Your role cannot do this."))
    name = f"patient-{patient_id}"
    version = live.versions(g.actor.clinic_id, [name])[name]
    patient = opened(patient_id, cards.REDRAWN if "redraw" in request.args and wants_part() else tab)
    if patient.id != patient_id:
        return redirect(url_for("patients.card", patient_id=patient.id, tab=tab))
    before = request.args.get("before", type=int)
    context = {"v": version, "patient": patient, "tab": tab, "tabs": tabs(), "viewer": g.actor, "before": before}
    template = "patients/_card.html" if wants_part() else "patients/card.html"
    return make_response(render_template(template, **context, **_of_tab(tab, patient, before)))


def tabs() -> dict[str, str]:
    """The tabs that the actor may open, and their words."""
    return {name: gettext(words) for name, (words, needed) in TABS.items() if any(may(g.actor, one) for one in needed)}


def _of_tab(tab: str, patient: Patient, before: int | None) -> dict[str, Any]:
    viewer = g.actor
    context: dict[str, Any] = {"today": cards.today(viewer, patient), "may_see_bills": may(viewer, Permission.BILLS)}
    context["guardian"] = registry_links.guardians([patient]).get(patient.guardian_id or 0)
    if tab == "details":
        context |= patient_details.of(viewer, patient)
    elif tab == "bookings":
        context["bookings"], context["more"] = cards.bookings(viewer, patient, before)
    elif tab == "bills":
        context["bills"], context["more"] = cards.bills(viewer, patient, before)
    elif tab == "purse":
        context["purse"], context["referrer"] = debts.purse(patient), dues.standing(patient.referred_by_id)
        context["bonus_rows"], context["more"] = debts.bonus_history(viewer, patient, before)
    elif tab == "changes":
        context["changes"], context["more"] = cards.changes(viewer, patient, before)
        context["merges"] = [] if before else merging_preview.merges(viewer, patient)
        context |= {"said": patient_words.said, "did": labels.action_words, "field_words": labels.field_words}
    elif tab == "access":
        context["looks"], context["more"] = cards.accesses(viewer, patient, before)
        context["looked"] = LOOKED
    else:
        context["visits"], context["more"] = cards.visits(viewer, patient, before)
        context["coming"] = [] if before else cards.coming(viewer, patient)
    return context


# ----------------------------------------------------------------------------------------------------------- change


@bp.post("/<int:patient_id>/close")
@requires(Permission.REGISTER)
def close(patient_id: int) -> AnyResponse:
    """Nobody is booked with this card any more."""
    return _set_active(patient_id, False, gettext("Card closed"))


@bp.post("/<int:patient_id>/open", endpoint="open")
@requires(Permission.REGISTER)
def open_again(patient_id: int) -> AnyResponse:
    """The card is in use again."""
    return _set_active(patient_id, True, gettext("Card opened again"))


def _set_active(patient_id: int, is_active: bool, text: str) -> AnyResponse:
    version = request.form.get("version", type=int)
    row = run(patients.set_active, patient_id, is_active, version=version, about=("patient", patient_id))
    back = "close" if is_active else "open"
    undo: dict[str, object] = {
        "url": url_for(f"patients.{back}", patient_id=row.id),
        "key": f"{row.ref}.{back}.{row.version}",
        "version": row.version,
    }
    return _changed(patient_id, text, undo)


def _changed(patient_id: int, text: str, undo: dict[str, object] | None = None) -> AnyResponse:
    """The toast; the open card asks for itself again."""
    if not is_htmx():
        return redirect(url_for("patients.card", patient_id=patient_id))
    answer = answers.done(text, undo=undo)
    answer.headers["HX-Trigger"] = "rx:close-dialog, rx:patient"
    return answer
