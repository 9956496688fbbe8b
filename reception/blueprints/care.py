"""What doctors and nurses do together at a visit: vitals, and the treatments that the doctor ordered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, g, make_response, redirect, render_template, request, url_for
from flask_babel import format_decimal
from werkzeug.wrappers import Response as AnyResponse

from reception.access import Permission, requires
from reception.blueprints.accesses import opened
from reception.blueprints.dialogs import new_key, wants_part
from reception.domain import offers
from reception.domain.actors import Actor
from reception.domain.errors import Invalid, NotFound, NotPossible, Refusal, invalid_field
from reception.domain.locks import load
from reception.domain.records import treatments, vitals, writing
from reception.errors import field_sentences, sentence
from reception.models import Treatment, Visit, Vital, VitalKind
from reception.transaction import run
from reception.words import N_

bp = Blueprint("care", __name__, url_prefix="/queue/visits/<int:visit_id>/care")
WIDTH, HEIGHT, EDGE = 240, 64, 6


@dataclass(frozen=True, slots=True)
class Chart:
    """A kind of vital over time, drawn in a box of WIDTH by HEIGHT: x runs with the time, y is upside down."""

    kind: VitalKind
    dots: list[tuple[float, float, Vital]]
    low: float
    high: float
    """Where the plausible begins and ends."""

    @property
    def line(self) -> str:
        return " ".join(f"{x},{y}" for x, y, _ in self.dots)


def charts(found: dict[VitalKind, list[Vital]]) -> list[Chart]:
    """A chart of each kind that was measured twice at least."""
    drawn = []
    for kind, rows in found.items():
        if len(rows) < 2:
            continue
        can = vitals.RANGES[kind]
        values = [row.value / 100 for row in rows]
        least, most = min(values), max(values)
        room = (most - least) * 0.1 or float(can.high - can.low) * 0.05
        least, most = least - room, most + room
        first, last = rows[0].at, rows[-1].at
        span = (last - first).total_seconds()

        def down(value: float, least: float = least, most: float = most) -> float:
            return round(min(max(HEIGHT - EDGE - (value - least) / (most - least) * (HEIGHT - 2 * EDGE), 0), HEIGHT), 1)

        def along(row: Vital, number: int, first: Any = first, span: float = span, count: int = len(rows)) -> float:
            share = (row.at - first).total_seconds() / span if span else number / (count - 1)
            return round(EDGE + share * (WIDTH - 2 * EDGE), 1)

        dots = [(along(row, number), down(row.value / 100), row) for number, row in enumerate(rows)]
        drawn.append(Chart(kind, dots, down(float(can.low)), down(float(can.high))))
    return drawn


def context(visit: Visit, viewer: Actor) -> dict[str, Any]:
    """What `records/_care.html` shows."""
    return {
        "measured": vitals.of_visit(visit),
        "charts": charts(vitals.over_time(visit.patient)),
        "asked": vitals.ASKED,
        "ranges": vitals.RANGES,
        "treatments": treatments.of_visit(visit),
        "services": offers.services(viewer) if writing.is_own(visit, viewer) else [],
        "may_measure": visit.status not in writing.NOT_HERE,
        "may_order": writing.is_own(visit, viewer) and visit.status not in writing.NOT_HERE,
        "care_key": new_key(),
        "care_errors": {},
        "care_error": "",
        "care_typed": {},
        "is_unlikely": False,
    }


@bp.app_template_filter("measure")
def measure_words(row: Vital) -> str:
    """A value as people read it, with its unit."""
    return f"{format_decimal(row.value / 100)} {row.unit}"


@bp.get("")
@requires(Permission.CARE)
def show(visit_id: int) -> str:
    """Vitals and treatments on a page of their own, for the nurse."""
    visit, _ = writing.of_visit(visit_id, g.actor)
    opened(visit.patient_id, "care")
    visit, _ = writing.of_visit(visit_id, g.actor)
    return render_template(
        "records/care.html", visit=visit, patient=visit.patient, viewer=g.actor, **context(visit, g.actor)
    )


@bp.post("/vitals")
@requires(Permission.CARE)
def measure(visit_id: int) -> AnyResponse:
    """Write down what was measured; what is unusual is asked for again."""
    typed = {name: request.form.get(name, "") for name in vitals.ASKED}
    try:
        run(vitals.measure, visit_id, typed, sure=bool(request.form.get("sure")), about=("visit", visit_id))
    except (Invalid, NotPossible) as refusal:
        return _part(visit_id, refusal, typed)
    return _part(visit_id)


@bp.post("/vitals/<int:vital_id>/take-back")
@requires(Permission.CARE)
def take_back(visit_id: int, vital_id: int) -> AnyResponse:
    """It was written by mistake."""
    try:
        run(vitals.take_back, visit_id, vital_id, about=("visit", visit_id))
    except (Invalid, NotPossible) as refusal:
        return _part(visit_id, refusal)
    return _part(visit_id)


@bp.post("/treatments")
@requires(Permission.RECORD)
def order(visit_id: int) -> AnyResponse:
    """Order a service: a line of the bill at the price of the day."""
    writing.of_visit(visit_id, g.actor)
    try:
        service_id = request.form.get("service", type=int)
        if service_id is None:
            raise invalid_field("service", N_("Choose one of the list."))
        run(treatments.order, visit_id, service_id)
    except (Invalid, NotPossible) as refusal:
        return _part(visit_id, refusal)
    return _part(visit_id)


@bp.post("/treatments/<int:treatment_id>/<any('done','open','withdraw'):act>")
@requires(Permission.CARE)
def treat(visit_id: int, treatment_id: int, act: str) -> AnyResponse:
    """Done, not done, or not wanted after all."""
    if load(Treatment, treatment_id, g.actor.clinic_id).visit_id != visit_id:
        raise NotFound
    try:
        if act == "withdraw":
            run(treatments.withdraw, treatment_id, about=("visit", visit_id))
        else:
            version, about = request.form.get("version", type=int), ("treatment", treatment_id)
            run(treatments.tick, treatment_id, act == "done", version=version, about=about)
    except (Invalid, NotPossible) as refusal:
        return _part(visit_id, refusal)
    return _part(visit_id)


def _part(visit_id: int, refusal: Refusal | None = None, typed: dict[str, str] | None = None) -> AnyResponse:
    if not wants_part() and refusal is None:
        return redirect(url_for("care.show", visit_id=visit_id), 303)
    visit, _ = writing.of_visit(visit_id, g.actor)
    shown = context(visit, g.actor)
    if refusal is not None:
        errors = field_sentences(refusal)
        shown |= {
            "care_errors": errors, "care_typed": typed or {}, "is_unlikely": isinstance(refusal, vitals.Unlikely),
            "care_error": sentence(refusal) if isinstance(refusal, vitals.Unlikely) or not errors else "",
        }  # fmt: skip
    template = "records/_care.html" if wants_part() else "records/care.html"
    html = render_template(template, visit=visit, patient=visit.patient, viewer=g.actor, **shown)
    return make_response(html, refusal.status if refusal else 200)
