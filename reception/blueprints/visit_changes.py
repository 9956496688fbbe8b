"""A visit put right after check-in: another service or doctor. And its ticket printed again."""

from __future__ import annotations

import segno
from flask import Response, g, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from wtforms import SelectField

from reception import clock, formats
from reception.access import Permission, requires
from reception.blueprints import answers
from reception.blueprints.dialogs import dialog
from reception.blueprints.fields import HouseForm
from reception.blueprints.papers import is_copy
from reception.blueprints.patients import opened
from reception.blueprints.queue import bp
from reception.blueprints.visits import moved, whole
from reception.blueprints.walk_in_form import places_of
from reception.domain import offers
from reception.domain.errors import Invalid, NotFound, NotPossible, Refusal
from reception.domain.locks import load
from reception.domain.visits import changes
from reception.errors import is_htmx
from reception.models import Visit
from reception.transaction import run
from reception.words import N_


class ChangeForm(HouseForm):
    """Where the visit goes and what for; both stand as they are until something else is chosen."""

    aliases = {"doctor_id": "where", "department_id": "where", "service_id": "service"}
    where = SelectField(_l("To"), choices=[])
    service = SelectField(_l("Service"), choices=[])

    @classmethod
    def of(cls, visit: Visit) -> ChangeForm:
        here = f"doctor-{visit.doctor_id}" if visit.doctor_id else f"department-{visit.department_id}"
        form = cls(request.form or None, data={"where": here, "service": str(visit.service_id)})
        choices, known = places_of(g.actor)
        if here not in known:
            name = formats.doctor_name(visit.doctor) if visit.doctor else gettext("Any doctor")
            choices = {visit.department.name: [(here, name)], **choices}
        form.where.choices = choices
        services = {str(row.id): row.name for row in offers.services(g.actor)}
        form.service.choices = list(({str(visit.service_id): visit.service.name} | services).items())
        if visit.status not in changes.IN_LINE:
            del form.where
        return form

    @property
    def wish(self) -> dict[str, int]:
        """As changes.change takes it."""
        found = {"service_id": int(self.service.data)}
        if "where" in self:
            kind, _, number = self.where.data.partition("-")
            found[f"{kind}_id"] = int(number)
        return found


@bp.get("/visits/<int:visit_id>/change")
@requires(Permission.CHECK_IN)
def ask_change(visit_id: int) -> Response:
    """The visit's service and doctor, to be chosen anew."""
    visit = load(Visit, visit_id, g.actor.clinic_id)
    return _ask(visit, ChangeForm.of(visit))


@bp.post("/visits/<int:visit_id>/change")
@requires(Permission.CHECK_IN)
def change(visit_id: int) -> Response:
    """Another service or doctor; the bill follows."""
    visit = load(Visit, visit_id, g.actor.clinic_id)
    form = ChangeForm.of(visit)
    if not form.validate():
        return _ask(visit, form, status=422)
    try:
        row = run(changes.change, visit_id, version=whole("version"), about=("visit", visit_id), **form.wish)
    except Invalid as refusal:
        visit = load(Visit, visit_id, g.actor.clinic_id)
        form = ChangeForm.of(visit)
        form.blame(refusal)
        return _ask(visit, form, refusal)
    except NotPossible as refusal:
        return answers.refused(refusal, load(Visit, visit_id, g.actor.clinic_id))
    return moved(row, changes.NAME)


def _ask(visit: Visit, form: ChangeForm, refusal: Refusal | None = None, status: int = 200) -> Response:
    return dialog(
        "queue/_change.html", N_("Change service or doctor"), visit=visit, form=form, refusal=refusal, status=status
    )


@bp.get("/visits/<int:visit_id>/ticket")
@requires(Permission.QUEUE)
def ticket(visit_id: int) -> str:
    """The ticket on paper, with the way to its own page."""
    opened(load(Visit, visit_id, g.actor.clinic_id).patient_id, "visit")
    visit = load(Visit, visit_id, g.actor.clinic_id)
    if visit.ticket is None or visit.check_in_time is None:
        raise NotFound
    url = url_for("ticket.show", token=visit.public_token, _external=True)
    return render_template(
        "papers/_ticket.html" if is_htmx() else "papers/ticket.html",
        visit=visit,
        viewer=g.actor,
        now=clock.now(),
        is_copy=is_copy(visit.check_in_time),
        code=Markup(segno.make(url, error="m").svg_inline(border=0, omitsize=True)),  # noqa: S704  drawn from our own address
    )
