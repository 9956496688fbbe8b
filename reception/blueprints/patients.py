"""The registry: search, registration, the card with its history, and who looked at it."""

from __future__ import annotations

import logging
import re
from typing import Any

from flask import Blueprint, Response, g, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response as AnyResponse

from reception import labels, live
from reception.access import Permission, may, requires
from reception.blueprints import answers, patient_form
from reception.blueprints.dialogs import dialog, new_key, same_key, wants_part
from reception.blueprints.patient_form import CardForm, QuickForm
from reception.domain import cards, patients, search
from reception.domain.errors import Busy, Invalid, NotAllowed, NotFound, NotPossible, Refusal
from reception.errors import field_sentences, is_htmx
from reception.extensions import db
from reception.models import Patient
from reception.transaction import Trace, perform, run
from reception.words import N_

bp = Blueprint("patients", __name__, url_prefix="/patients")
log = logging.getLogger(__name__)

PAGE = 50
MOST_FOUND = 500
TABS: dict[str, tuple[str, tuple[Permission, ...]]] = {
    "visits": (N_("Visits"), (Permission.PATIENTS,)),
    "bills": (N_("Bills"), (Permission.BILLS,)),
    "changes": (N_("Changes"), (Permission.REGISTER, Permission.AUDIT)),
    "access": (N_("Access"), (Permission.REGISTER, Permission.AUDIT)),
}
"""Name -> words, and the permissions of which one is needed."""
LOOKED: dict[str, str] = {
    **{name: words for name, (words, _) in TABS.items()},
    "edit": N_("Opened to change"),
    "visit": N_("Today's visit"),
}
"""What of the card was opened."""


# ---------------------------------------------------------------------------------------------------- list, search


@bp.get("")
@requires(Permission.PATIENTS)
def index() -> str:
    """The registry by name, or what is still in the search field after a reload: nothing."""
    after, closed = request.args.get("after", type=int), "closed" in request.args
    rows = search.listed(g.actor.clinic_id, after=after, limit=PAGE + 1, closed=closed)
    following = rows[PAGE - 1].id if len(rows) > PAGE else None
    return _list(rows[:PAGE], q="", closed=closed, after=after, following=following)


@bp.post("/search")
@requires(Permission.PATIENTS, reads=True)
def find() -> str:
    """Cards that match `q`. A POST, so that no name is in an address."""
    q, closed = request.form.get("q", "").strip()[:100], bool(request.form.get("closed"))
    skip = min(max(request.form.get("skip", 0, type=int), 0), MOST_FOUND)
    if not q:
        rows = search.listed(g.actor.clinic_id, limit=PAGE + 1, closed=closed)
        following = rows[PAGE - 1].id if len(rows) > PAGE else None
        return _list(rows[:PAGE], q="", closed=closed, after=None, following=following)
    rows = search.find_patients(g.actor.clinic_id, q, limit=skip + PAGE + 1, closed=closed)[skip:]
    more = skip + PAGE if len(rows) > PAGE and skip + PAGE <= MOST_FOUND else None
    return _list(rows[:PAGE], q=q, closed=closed, skip=skip, more=more)


def _list(rows: list[Patient], **context: Any) -> str:
    template = "patients/_list.html" if wants_part() else "patients/index.html"
    return render_template(template, patients=rows, viewer=g.actor, may_register=_may_register(), **context)


def _may_register() -> bool:
    return may(g.actor, Permission.REGISTER)


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
    """Who is registered already under the name that is being typed."""
    name = f"{request.form.get('last_name', '')} {request.form.get('first_name', '')}".strip()
    found = search.find_patients(g.actor.clinic_id, name, limit=4, exact_layout=True) if len(name) > 2 else []
    return render_template("patients/_known.html", found=found, viewer=g.actor)


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


def opened(patient_id: int, how: str) -> Patient:
    """The card, once it is written down who looks at it and how. Raises NotFound; Busy where it cannot be written."""
    trace = Trace(g.actor.login_id, g.actor.address, g.get("request_id", ""))
    try:
        found = perform(g.actor, patients.note_access, patient_id, how, trace=trace, request_id=trace.request_id)
        assert isinstance(found, Patient)
        return found
    except NotFound:
        perform(g.actor, patients.note_refused, patient_id, trace=trace)
        raise
    except (Refusal, SQLAlchemyError) as error:
        db.session.rollback()
        log.error("access to patient %s could not be noted: %s", patient_id, type(error).__name__)
        raise Busy(
            N_("This card stays closed: it could not be written down who opens it. Please try again."),
            code="access-not-noted",
        ) from None


def _of_tab(tab: str, patient: Patient, before: int | None) -> dict[str, Any]:
    viewer = g.actor
    context: dict[str, Any] = {"today": cards.today(viewer, patient), "may_see_bills": may(viewer, Permission.BILLS)}
    if tab == "bills":
        context["bills"], context["more"] = cards.bills(viewer, patient, before)
    elif tab == "changes":
        context["changes"], context["more"] = cards.changes(viewer, patient, before)
        context |= {"said": patient_form.said, "did": labels.action_words, "field_words": labels.field_words}
    elif tab == "access":
        context["looks"], context["more"] = cards.accesses(viewer, patient, before)
        context["looked"] = LOOKED
    else:
        context["visits"], context["more"] = cards.visits(viewer, patient, before)
        context["coming"] = [] if before else cards.coming(viewer, patient)
    return context


# ----------------------------------------------------------------------------------------------------------- change


@bp.get("/<int:patient_id>/edit")
@requires(Permission.REGISTER)
def edit(patient_id: int) -> Response:
    """Everything of the card that the desk may change."""
    patient = opened(patient_id, "edit")
    return _edit(patient, CardForm.of(patient), new_key(), patient.version)


@bp.post("/<int:patient_id>")
@requires(Permission.REGISTER)
def change(patient_id: int) -> AnyResponse:
    """Save the card."""
    form, version = CardForm(request.form), request.form.get("version", 0, type=int)
    patient = patients.find(patient_id, g.actor)
    if not form.validate():
        return _edit(patient, form, same_key(), version, status=422)
    try:
        run(patients.change, patient_id, version=version, about=("patient", patient_id), **form.values)
    except (Invalid, NotPossible) as refusal:
        form.blame(field_sentences(refusal))
        return _edit(patients.find(patient_id, g.actor), form, same_key(refusal), version, refusal)
    return _changed(patient_id, gettext("Saved."))


def _edit(
    patient: Patient, form: CardForm, key: str, version: int, refusal: Refusal | None = None, status: int = 200
) -> Response:
    context = {"patient": patient, "form": form, "key": key, "version": version}
    return dialog("patients/_edit.html", N_("Edit"), refusal=refusal, status=status, **context)


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
