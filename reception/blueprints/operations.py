"""The operations: what went through the cashboxes, found by filters, summed, printed, and as a table for a spreadsheet."""

from __future__ import annotations

import itertools
from datetime import date, time
from typing import Any

from flask import Response, g, make_response, render_template, request
from flask_babel import get_locale, gettext

from reception import clock, exports, formats, live
from reception.access import Permission, may, requires
from reception.aside import aside
from reception.blueprints.finance import bp
from reception.blueprints.money_filters import MoneyFilters
from reception.domain import operations, search
from reception.errors import is_htmx, sentence

MOST_FOUND = 8


@bp.get("")
@requires(Permission.FINANCE)
def index() -> Response:
    """Operations, today's unless asked otherwise, with what is in the cashboxes and who still owes."""
    version = live.versions(g.actor.clinic_id, ["finance"])["finance"]
    filters, error = MoneyFilters.read(request.args, g.actor)
    template = "finance/_operations.html" if is_htmx() else "finance/index.html"
    return make_response(
        render_template(
            template,
            v=version,
            filters=filters,
            error=sentence(error) if error else "",
            page=operations.page(g.actor, filters.asked, before=filters.before),
            sums=operations.sums(g.actor, filters.asked),
            boxes=operations.balances(g.actor),
            owing=operations.owing(g.actor),
            viewer=g.actor,
            may_take=may(g.actor, Permission.TILL),
        ),
        error.status if error else 200,
    )


@bp.post("/people")
@requires(Permission.FINANCE, reads=True)
def people() -> str:
    """Whom the typed text may mean, as options of the filter."""
    text = request.form.get("q-patient", "").strip()[:100]
    found = search.find_patients(g.actor.clinic_id, text, limit=MOST_FOUND) if text else []
    return render_template("finance/_people.html", found=found, q=text)


@bp.post("/person")
@requires(Permission.FINANCE, reads=True)
def person() -> str:
    """The filter of the patient anew: with somebody in it, or with the field to type in. The list follows it."""
    return render_template(
        "finance/_person.html", patient=MoneyFilters.person(request.form.get("patient", ""), g.actor), is_new=True
    )


# ----------------------------------------------------------------------------------------------------------- tables


@bp.get("/export/csv")
@requires(Permission.FINANCE)
def export() -> Response:
    """The operations that are filtered, all pages of them, as CSV."""
    filters, heads, name = _asked("csv")
    currency = g.actor.clinic.currency

    def plain(cell: Any) -> Any:
        return f"{cell:%H:%M:%S}" if isinstance(cell, time) else cell

    rows = ([plain(cell) for cell in _cells(row, currency)] for row in operations.every(g.actor, filters.asked))
    return exports.csv_stream(name, itertools.chain([heads], rows))


@bp.get("/export/xlsx")
@requires(Permission.FINANCE)
def export_xlsx() -> Response:
    """The same as an Excel workbook: days as days, amounts as numbers, numbers of papers as text."""
    filters, heads, name = _asked("xlsx")
    currency = g.actor.clinic.currency
    rows = [_cells(row, currency) for row in operations.every(g.actor, filters.asked)]
    is_rtl = get_locale().text_direction == "rtl"
    return exports.xlsx_file(name, heads, rows, aside, is_rtl=is_rtl)


def _asked(kind: str) -> tuple[MoneyFilters, list[str], str]:
    """The filters, the heads of the table and its name. Raises Invalid."""
    filters, error = MoneyFilters.read(request.args, g.actor)
    if error:
        raise error
    heads = [
        gettext("Date"), gettext("Time"), gettext("Receipt"), gettext("Kind"), gettext("Ticket"), gettext("Card"),
        gettext("Patient"), gettext("For"), gettext("Method"), gettext("Cashbox"), gettext("Cashier"), gettext("In"),
        gettext("Out"), gettext("Currency"),
    ]  # fmt: skip
    return filters, heads, f"operations-{filters.asked.first}-{filters.asked.last}.{kind}"


def _cells(row: operations.Row, currency: str) -> list[Any]:
    at = clock.local(row.at, g.actor.clinic).replace(tzinfo=None, microsecond=0)
    when: tuple[date, time] = at.date(), at.time()
    return [
        *when,
        row.receipt_no,
        str(formats.word(row.kind)),
        row.ticket,
        row.card_no,
        formats.list_name(row.patient) if row.patient else "",
        ": ".join(filter(None, (row.category, row.note))),
        str(formats.word(row.method)) if row.method else "",
        row.cashbox,
        row.cashier,
        formats.major(row.money_in, currency) if row.money_in else None,
        formats.major(row.money_out, currency) if row.money_out else None,
        currency,
    ]
