"""The waitlist: who waits for a freed place, what was offered, and the answers."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse
from wtforms import SelectField, StringField
from wtforms.validators import InputRequired

from reception import clock, formats, live
from reception.access import Permission, requires
from reception.blueprints import answers
from reception.blueprints.accesses import opened
from reception.blueprints.appointments import said_when
from reception.blueprints.booking import MOST_FOUND, patient_of
from reception.blueprints.booking_form import PART_WORDS, whose
from reception.blueprints.calendar_forms import Blamed, number_of
from reception.blueprints.dialogs import dialog, new_key, same_key, wants_part
from reception.blueprints.patient_form import NEEDED, Day
from reception.domain import offers as choices
from reception.domain import search
from reception.domain.calendar import waitlist
from reception.domain.calendar.offers import PARTS
from reception.domain.errors import Invalid, NotFound, NotPossible, Refusal, invalid_field
from reception.domain.locks import load
from reception.errors import field_sentences, is_htmx
from reception.extensions import db
from reception.models import Appointment, Patient, Priority, WaitlistEntry, WaitlistOffer
from reception.transaction import run
from reception.words import N_

bp = Blueprint("waitlist", __name__, url_prefix="/waitlist")


class WaitForm(Blamed):
    """Whom and when somebody waits for, the patient aside."""

    BLAME = {"doctor_id": "doctor", "department_id": "doctor", "service_id": "service", "not_after": "part"}

    service = SelectField(_l("Service"), validate_choice=False)
    doctor = SelectField(_l("Doctor"), validate_choice=False)
    first_day = Day(_l("From"), [InputRequired(NEEDED)])
    last_day = Day(_l("Until"), [InputRequired(NEEDED)])
    part = SelectField(_l("Time of day"), validate_choice=False)
    priority = SelectField(_l("Priority"), validate_choice=False, default=Priority.NORMAL.value)
    note = StringField(_l("Note"))

    @classmethod
    def offering(cls, posted: MultiDict[str, str] | None = None, **values: Any) -> WaitForm:
        """The form with this clinic's doctors and services; four weeks where nothing else is said."""
        today = clock.today(g.actor.clinic)
        form = cls(posted, data={"first_day": today, "last_day": today + 4 * waitlist.WEEK} | values)
        form.service.choices = [(str(row.id), row.name) for row in choices.services(g.actor)]
        form.doctor.choices = whose(g.actor, specializations=False)
        form.part.choices = [("", gettext("Any time")), *((key, gettext(text)) for key, text in PART_WORDS.items())]
        form.priority.choices = [(state.value, formats.word(state)) for state in Priority]
        return form

    @property
    def values(self) -> dict[str, Any]:
        """As `waitlist.add` takes them. Raises Invalid."""
        kind, _, ident = (self.doctor.data or "").rpartition("-")
        if self.priority.data not in list(Priority) or kind not in ("", "department"):
            raise invalid_field("priority", N_("Choose one of the list."))
        begins, ends = PARTS.get(self.part.data or "", (None, None))
        return {
            "doctor_id": None if kind else number_of(ident),
            "department_id": number_of(ident) if kind else None,
            "not_before": begins,
            "not_after": ends,
            "priority": Priority(self.priority.data),
            "note": self.note.data or "",
        }


@bp.get("")
@requires(Permission.BOOK)
def index() -> str:
    """Who waits, and what is offered; `settled`: who waited."""
    names = ["waitlist", "offers"]
    settled = request.args.get("settled") == "1"
    found = live.versions(g.actor.clinic_id, names)
    return render_template(
        "waitlist/_list.html" if wants_part() else "waitlist/index.html",
        v=found["waitlist"],
        offers_v=found["offers"],
        entries=waitlist.entries(g.actor, settled=settled),
        offers=waitlist.open_offers(g.actor),
        settled=settled,
        viewer=g.actor,
    )


@bp.get("/new")
@requires(Permission.BOOK)
def ask() -> Response:
    """The dialog that puts somebody on the list."""
    patient = patient_of(request.args)
    if patient is not None:
        patient = opened(patient.id, "booking")
    return _ask(WaitForm.offering(), patient, new_key())


@bp.post("/new")
@requires(Permission.BOOK, reads=True)
def redraw() -> Response:
    """The same with what is known already: from the booking dialog, or with a chosen patient."""
    values: dict[str, Any] = {}
    if "first_day" in request.form:
        form = WaitForm.offering(request.form)
    else:
        doctor = request.form.get("doctor", "")
        values["doctor"] = "" if doctor.startswith("specialization") else doctor
        values["service"], values["part"] = request.form.get("service"), request.form.get("part")
        form = WaitForm.offering(**values)
    return _ask(form, patient_of(request.form), same_key() if "first_day" in request.form else new_key())


@bp.post("/people")
@requires(Permission.BOOK, reads=True)
def people() -> str:
    """Whom the typed text may mean, as options."""
    text = request.form.get("q", "").strip()[:100]
    found = search.find_patients(g.actor.clinic_id, text, limit=MOST_FOUND) if text else []
    return render_template(
        "booking/_people.html", found=found, q=text, viewer=g.actor, may_register=False, to=url_for("waitlist.redraw")
    )


@bp.post("")
@requires(Permission.BOOK)
def add() -> AnyResponse:
    """Put somebody on the list."""
    form, patient = WaitForm.offering(request.form), patient_of(request.form)
    if not form.validate():
        return _ask(form, patient, same_key(), status=422)
    try:
        if patient is None:
            raise invalid_field("patient_id", N_("Choose a patient first."))
        days = (form.first_day.data, form.last_day.data)
        row = run(waitlist.add, patient.id, number_of(form.service.data) or 0, *days, **form.values)
    except (Invalid, NotPossible) as refusal:
        db.session.rollback()
        form.blame(field_sentences(refusal))
        return _ask(form, patient_of(request.form), same_key(refusal), refusal)
    if not is_htmx():
        return redirect(url_for("waitlist.index"))
    return _told(gettext("On the waitlist: %(name)s", name=formats.list_name(row.patient)), _undo(row, "leave"))


def _ask(
    form: WaitForm, patient: Patient | None, key: str, refusal: Refusal | None = None, status: int = 200
) -> Response:
    return dialog(
        "waitlist/_new.html", N_("Put on the waitlist"), form=form, key=key, patient=patient, refusal=refusal,
        today=clock.today(g.actor.clinic), status=status,
    )  # fmt: skip


@bp.post("/<int:entry_id>/<any(leave, stay):name>")
@requires(Permission.BOOK)
def change(entry_id: int, name: str) -> AnyResponse:
    """Take an entry off the list, or take that back."""
    try:
        row = run(getattr(waitlist, name), entry_id, about=("waitlist_entry", entry_id))
    except (Invalid, NotPossible) as refusal:
        return answers.refused(refusal)
    if not is_htmx():
        return redirect(url_for("waitlist.index"))
    who = formats.list_name(row.patient)
    if name == "stay":
        return _told(gettext("On the waitlist: %(name)s", name=who), None)
    return _told(gettext("Taken off the waitlist: %(name)s", name=who), _undo(row, "stay"))


@bp.post("/offers/<int:offer_id>/<any(accept, decline):name>")
@requires(Permission.BOOK)
def answer(offer_id: int, name: str) -> AnyResponse:
    """What the patient said to an offer."""
    load(WaitlistOffer, offer_id, g.actor.clinic_id)
    about = ("waitlist_offer", offer_id)
    try:
        row = run(getattr(waitlist, name), offer_id, about=about)
    except (Invalid, NotPossible) as refusal:
        return answers.refused(refusal)
    if not is_htmx():
        return redirect(url_for("waitlist.index"))
    entry = _entry(offer_id)
    who = formats.list_name(entry.patient)
    if name == "decline":
        return _told(gettext("Declined: %(name)s. The next one is asked.", name=who), None)
    appointment = row if isinstance(row, Appointment) else db.session.get_one(Appointment, entry.appointment_id)
    text = gettext(
        "Booked: %(name)s %(when)s, %(booking)s", name=who, when=said_when(appointment),
        booking=f"\u2066{appointment.booking_id}\u2069",
    )  # fmt: skip
    undo: dict[str, object] = {
        "url": url_for("waitlist.take_back", offer_id=offer_id), "key": f"offer-{offer_id}.undo", "version": "",
    }  # fmt: skip
    return _told(text, undo)


@bp.post("/offers/<int:offer_id>/undo")
@requires(Permission.BOOK)
def take_back(offer_id: int) -> AnyResponse:
    """Take an accepting back: the booking is undone, the entry waits again."""
    load(WaitlistOffer, offer_id, g.actor.clinic_id)
    try:
        row = run(waitlist.take_back, offer_id, about=("waitlist_offer", offer_id))
    except NotPossible as refusal:
        return answers.refused(refusal)
    if not is_htmx():
        return redirect(url_for("waitlist.index"))
    entry = row if isinstance(row, WaitlistEntry) else _entry(offer_id)
    return _told(gettext("Taken back: %(name)s", name=formats.list_name(entry.patient)), None)


def _entry(offer_id: int) -> WaitlistEntry:
    offer = db.session.get(WaitlistOffer, offer_id)
    if offer is None:
        raise NotFound
    return offer.entry


def _undo(row: WaitlistEntry, name: str) -> dict[str, object]:
    return {
        "url": url_for("waitlist.change", entry_id=row.id, name=name),
        "key": f"{row.ref}.{name}.{row.version}", "version": "",
    }  # fmt: skip


def _told(text: str, undo: dict[str, object] | None) -> Response:
    found = answers.done(text, undo=undo)
    found.headers["HX-Trigger"] = "rx:close-dialog, rx:calendar, rx:waitlist"
    return found
