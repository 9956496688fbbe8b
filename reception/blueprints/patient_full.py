"""The whole card as one page to fill in: registration in full, and changes. Saving is one act, consents included."""

from __future__ import annotations

from typing import Any

from flask import Response, g, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from reception.access import Permission, requires
from reception.blueprints import patient_words
from reception.blueprints.dialogs import new_key, same_key, twin_of, wants_part
from reception.blueprints.patient_form import CardForm
from reception.blueprints.patients import bp, opened
from reception.domain import consents, patients, registration, search
from reception.domain.consents import ConsentKind
from reception.domain.errors import Invalid, NotPossible, Refusal
from reception.domain.registry import LINKS
from reception.errors import field_sentences, is_htmx, sentence
from reception.models import Patient
from reception.transaction import run

MOST_FOUND = 6


# ----------------------------------------------------------------------------------------------------- registration


@bp.get("/full")
@requires(Permission.REGISTER)
def full() -> Response:
    """Registration with everything that a card holds."""
    form = CardForm()
    guardian = request.args.get("guardian", type=int)
    if guardian:
        form.guardian_id.data = patients.find(guardian, g.actor).id
    return _page(form, None, new_key())


@bp.post("/full")
@requires(Permission.REGISTER)
def register_full() -> AnyResponse:
    """A new card with everything, its consents in the same act."""
    form = CardForm(request.form)
    if not form.validate():
        return _page(form, None, same_key(), status=422)
    try:
        patient = run(registration.register, form.values, said_of_consents())
    except (Invalid, NotPossible) as refusal:
        form.blame(field_sentences(refusal))
        return _page(form, None, same_key(refusal), refusal)
    return _to_card(patient.id)


def said_of_consents() -> dict[str, bool]:
    """Kind of consent -> whether it was given, for those that the form says something about."""
    found = {kind.value: request.form.get(f"consent-{kind}", "") for kind in ConsentKind}
    return {kind: answer == "yes" for kind, answer in found.items() if answer in ("yes", "no")}


# ----------------------------------------------------------------------------------------------------------- change


@bp.get("/<int:patient_id>/edit")
@requires(Permission.REGISTER)
def edit(patient_id: int) -> AnyResponse:
    """Everything of the card that people may change."""
    patient = opened(patient_id, "edit")
    if patient.id != patient_id:
        return redirect(url_for("patients.edit", patient_id=patient.id))
    return _page(CardForm.of(patient), patient, new_key(), version=patient.version)


@bp.post("/<int:patient_id>")
@requires(Permission.REGISTER)
def change(patient_id: int) -> AnyResponse:
    """Save the card."""
    form, version = CardForm(request.form), request.form.get("version", 0, type=int)
    patient = patients.find(patient_id, g.actor)
    if not form.validate():
        return _page(form, patient, same_key(), version=version, status=422)
    about = ("patient", patient_id)
    try:
        run(registration.change, patient_id, form.values, said_of_consents(), version=version, about=about)
    except (Invalid, NotPossible) as refusal:
        form.blame(field_sentences(refusal))
        return _page(form, patients.find(patient_id, g.actor), same_key(refusal), refusal, version=version)
    return _to_card(patient_id)


def _to_card(patient_id: int) -> AnyResponse:
    target = url_for("patients.card", patient_id=patient_id)
    return Response(status=200, headers={"HX-Redirect": target}) if is_htmx() else redirect(target)


def _page(
    form: CardForm, patient: Patient | None, key: str, refusal: Refusal | None = None, version: int = 0,
    status: int = 200,
) -> Response:  # fmt: skip
    standing = {s.kind: s for s in consents.standing(patient)} if patient else {}
    context: dict[str, Any] = {
        "form": form,
        "patient": patient,
        "key": key,
        "version": version,
        "refusal": refusal,
        "error": sentence(refusal) if refusal and not form.has_errors else "",
        "twin": twin_of(refusal),
        "chosen": {name: _chosen(form[name].data) for name in LINKS},
        "consents": [(kind, patient_words.words_of(ConsentKind, kind), standing.get(kind)) for kind in ConsentKind],
        "said": said_of_consents(),
        "asked": consents.ASKED,
        "viewer": g.actor,
        "back": url_for("patients.card", patient_id=patient.id) if patient else url_for("patients.index"),
    }
    template = "patients/_full.html" if wants_part() else "patients/full.html"
    return make_response(render_template(template, **context), refusal.status if refusal else status)


def _chosen(ident: int | None) -> Patient | None:
    """The card that a link of the form points at; none where there is none such here."""
    try:
        return patients.find(ident, g.actor) if ident else None
    except Refusal:
        return None


# ------------------------------------------------------------------------------------------------- places and people


@bp.post("/places")
@requires(Permission.REGISTER, reads=True)
def places() -> str:
    """Country, region, district and settlement as they fit together by now."""
    form = CardForm(request.form)
    form.offer_places(clear=True)
    return render_template("patients/_places.html", form=form, viewer=g.actor)


@bp.post("/people")
@requires(Permission.REGISTER, reads=True)
def people() -> str:
    """Whom the typed text may mean, as options for a guardian or a referrer."""
    name = _link(request.form.get("field", ""))
    text = request.form.get(f"q-{name}", "").strip()[:100]
    found = search.find_patients(g.actor.clinic_id, text, limit=MOST_FOUND) if text else []
    own = request.form.get("own", type=int)
    return render_template("patients/_people.html", found=[p for p in found if p.id != own], q=text, name=name)


@bp.post("/picked")
@requires(Permission.REGISTER, reads=True)
def picked() -> str:
    """The chosen card in its place, or the field to look for another one."""
    name, ident = _link(request.form.get("field", "")), request.form.get("patient_id", type=int)
    patient = patients.find(ident, g.actor) if ident else None
    form = CardForm(data={name: patient.id if patient else None})
    own = request.form.get("own", type=int)
    return render_template("patients/_pick.html", f=form[name], patient=patient, own=own, is_new=True)


def _link(name: str) -> str:
    return name if name in LINKS else LINKS[0]
