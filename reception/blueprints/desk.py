"""The desk: who is expected, the lines, who has to pay; the one search; the walk-in in one form."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, Response, g, redirect, render_template, request, session, url_for
from flask_babel import gettext

from reception import live, live_sockets
from reception.access import Permission, may, requires
from reception.blueprints import shell
from reception.blueprints.accesses import opened
from reception.blueprints.dialogs import dialog, new_key, same_key
from reception.blueprints.duplicates import suggestions
from reception.blueprints.queue import drawn_lines
from reception.blueprints.visits import moved
from reception.blueprints.walk_in_form import WalkInForm
from reception.domain import boards, finder, notices, patients, refunds_asked
from reception.domain.calendar import waitlist
from reception.domain.errors import Invalid, NotPossible, Refusal
from reception.domain.finder import Hit
from reception.domain.visits import walkin
from reception.models import Patient, Visit
from reception.transaction import run
from reception.words import N_

bp = Blueprint("desk", __name__)


@bp.get("/")
@requires(Permission.SIGNED_IN)
def index() -> Any:
    """The desk; who has no desk is sent to where the own work is."""
    if not may(g.actor, Permission.DESK):
        return redirect(shell.home_of(g.actor))
    viewer = live_sockets.viewer_of(g.actor)
    takes_money = may(viewer, Permission.TILL)
    books = may(viewer, Permission.BOOK)
    approves = may(viewer, Permission.APPROVE)
    named = [*(["offers"] if books else []), *(["refunds"] if approves else [])]
    versions = live.versions(viewer.clinic_id, ["arrivals", "notices", "payable", *named])
    context = (
        boards.arrivals(viewer)
        | notices.notices(viewer)
        | (boards.payable(viewer) if takes_money else {"payable": None})
        | ({"offers": waitlist.open_offers(viewer)} if books else {})
        | (refunds_asked.asked(viewer) if approves else {})
    )
    return render_template(
        "desk/index.html",
        viewer=viewer,
        versions=versions,
        regions=drawn_lines(viewer),
        figures=boards.figures(viewer),
        **context,
    )


# ----------------------------------------------------------------------------------------------------------- search


@bp.post("/desk/search")
@requires(Permission.PATIENTS, reads=True)
def search() -> str:
    """What the desk knows of `q`, each with the one act that fits now. A POST, so that no name is in an address."""
    text = request.form.get("q", "")
    hits, more = finder.find(text, g.actor)
    return render_template(
        "desk/_search.html",
        q=text.strip()[:100],
        found=[{"patient": hit.patient, "visit": hit.visit, "booked_at": hit.booked_at} | _act(hit) for hit in hits],
        more=more,
        viewer=g.actor,
        can_register=may(g.actor, Permission.CHECK_IN),
    )


def _act(hit: Hit) -> dict[str, Any]:
    """The act of a result: its label and what it posts or opens; nothing that the actor may not do."""
    visit, name = hit.visit, hit.act
    if name == "check-in" and visit and may(g.actor, Permission.CHECK_IN):
        wish = {"key": f"{visit.ref}.check-in.{visit.version}", "version": visit.version}
        url = url_for("queue.move", visit_id=visit.id, name="check-in")
        return {"label": gettext("Check in"), "post": {"url": url, **wish}}
    if name == "pay" and visit and visit.payment and shell.may_open(g.actor, "finance.pay"):
        return {"label": gettext("Take payment"), "dialog": url_for("finance.pay", payment_id=visit.payment.id)}
    if name != "walk-in" and visit and may(g.actor, Permission.QUEUE):
        return {"label": gettext("Open visit"), "dialog": url_for("queue.visit", visit_id=visit.id)}
    if may(g.actor, Permission.CHECK_IN):
        return {"label": gettext("Walk-in"), "dialog": url_for("desk.walk_in", patient=hit.patient.id)}
    if shell.may_open(g.actor, "patients.card"):
        return {"label": gettext("Open card"), "page": url_for("patients.card", patient_id=hit.patient.id)}
    return {"label": "", "page": ""}


# ---------------------------------------------------------------------------------------------------------- walk-in


@bp.get("/desk/walk-in")
@requires(Permission.CHECK_IN)
def walk_in() -> Response:
    """The form, empty or for the known patient `patient`."""
    patient_id = request.args.get("patient", type=int)
    patient = opened(patient_id, "walk-in") if patient_id else None
    form = WalkInForm.offering(g.actor, **{**session.get("walk_in", {}), **request.args.to_dict()})
    return _form(form, patient, new_key())


@bp.post("/desk/walk-in/new")
@requires(Permission.CHECK_IN, reads=True)
def new_patient() -> Response:
    """The form for somebody whom the search did not find: what was typed stands in it already."""
    text = request.form.get("q", "").strip()[:100]
    typed = {"phone": text} if re.fullmatch(r"[\d\s()+./-]{4,}", text) else _names(text)
    form = WalkInForm.offering(g.actor, **{**session.get("walk_in", {}), **typed})
    return _form(form, None, new_key())


def _names(text: str) -> dict[str, str]:
    return dict(zip(("last_name", "first_name"), text.replace(",", " ").split(maxsplit=1), strict=False))


@bp.post("/desk/walk-in/known")
@requires(Permission.CHECK_IN, reads=True)
def known() -> str:
    """Who is registered already and may be the one that is being typed."""
    return render_template("desk/_known.html", found=suggestions(request.form), viewer=g.actor)


@bp.post("/desk/walk-in")
@requires(Permission.CHECK_IN)
def give_ticket() -> Response:
    """Find or register, and give the ticket."""
    form = WalkInForm.offering(g.actor, request.form)
    patient = patients.find(form.patient_id, g.actor) if form.patient_id else None
    if patient is not None:
        del form.last_name
    if not form.validate():
        return _form(form, patient, same_key(), status=422)
    try:
        if patient is not None:
            visit = run(walkin.walk_in, patient.id, **form.visit)
        else:
            visit = run(walkin.walk_in_new, form.person, **form.visit)
    except (Invalid, NotPossible) as refusal:
        patient = patients.find(form.patient_id, g.actor) if form.patient_id else None
        return _form(form, patient, same_key(refusal), refusal)
    _remember(form)
    return moved(visit, "walk-in")


@bp.post("/desk/ticket")
@requires(Permission.CHECK_IN)
def guest_ticket() -> Response:
    """A ticket without a name, to where the last walk-in of this sign-in went."""
    form = WalkInForm.offering(g.actor, **session.get("walk_in", {}))
    visit: Visit = run(walkin.walk_in_guest, **form.visit)
    return moved(visit, "walk-in", more=render_template("desk/_guest.html"))


def _remember(form: WalkInForm) -> None:
    session["walk_in"] = {"where": form.where.data, "service": form.service.data}


def _form(
    form: WalkInForm, patient: Patient | None, key: str, refusal: Refusal | None = None, status: int = 200
) -> Response:
    if refusal is not None:
        form.blame(refusal)
    return dialog(
        "desk/_walk_in.html", N_("Walk-in"), refusal=refusal, status=status, form=form, patient=patient, key=key
    )
