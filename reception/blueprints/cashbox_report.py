"""The report of the cashboxes: any time, one cashbox or all, by kind and by day; printed, or as a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import Response, g, make_response, render_template, request
from flask_babel import get_locale, gettext

from reception import clock, exports, formats, live
from reception.access import Permission, requires
from reception.blueprints.finance import bp
from reception.blueprints.money_filters import MOST_DAYS, day_of
from reception.domain import cashbox_report, operations
from reception.domain.cashbox_report import BoxReport
from reception.domain.errors import Invalid, invalid_field
from reception.errors import is_htmx, sentence
from reception.models import Cashbox, LedgerKind
from reception.words import N_


@dataclass(frozen=True, slots=True)
class Asked:
    """The days `first` to `last`, both included; `box`: one cashbox, None: all."""

    first: date
    last: date
    box: Cashbox | None
    boxes: list[Cashbox]

    @classmethod
    def read(cls) -> tuple[Asked, Invalid | None]:
        """What the address asks for, and what is wrong with it; a wrong time falls back to today."""
        args, today = request.args, clock.today(g.actor.clinic)
        boxes = operations.cashboxes(g.actor)
        one = args.get("date", "")
        first, error = day_of(args.get("from", one), today)
        last, other = day_of(args.get("to", one), max(first, today) if "from" in args else today)
        error = error or other
        if not error and last < first:
            error = invalid_field("to", N_("The last day is before the first. Please change one of them."))
        if not error and last - first > timedelta(days=MOST_DAYS):
            error = invalid_field("to", N_("That is too long a time. Please choose at most a year."))
        if error:
            first = last = today
        chosen = next((box for box in boxes if str(box.id) == args.get("cashbox", "")), None)
        return cls(first, last, chosen, boxes), error

    def query(self, days: int = 0) -> dict[str, Any]:
        """The same in an address, `days` later."""
        by = timedelta(days=days)
        return {
            "from": (self.first + by).isoformat(),
            "to": (self.last + by).isoformat(),
            "cashbox": self.box.id if self.box else None,
        }

    @property
    def length(self) -> int:
        return (self.last - self.first).days + 1

    def reports(self) -> list[BoxReport]:
        return cashbox_report.read(g.actor, self.first, self.last, self.box.id if self.box else None)


@bp.get("/report/cashbox")
@requires(Permission.FINANCE)
def cashbox_report_page() -> Response:
    """What each cashbox began and ended a time with, and what went through it between."""
    version = live.versions(g.actor.clinic_id, ["finance"])["finance"]
    asked, error = Asked.read()
    return make_response(
        render_template(
            "finance/_cashboxes.html" if is_htmx() else "finance/cashboxes.html",
            v=version,
            asked=asked,
            today=clock.today(g.actor.clinic),
            reports=asked.reports(),
            error=sentence(error) if error else "",
            viewer=g.actor,
        ),
        error.status if error else 200,
    )


@bp.get("/report/cashbox/<any(days, kinds):table>.<any(csv, xlsx):form>")
@requires(Permission.FINANCE)
def cashbox_report_table(table: str, form: str) -> Response:
    """The same as a table for a spreadsheet, by day or by kind."""
    asked, error = Asked.read()
    if error:
        raise error
    heads, rows = (_days if table == "days" else _kinds)(asked)
    name = f"cashboxes-{table}-{asked.first}-{asked.last}.{form}"
    if form == "csv":
        return exports.csv_file(name, [heads, *rows])
    return exports.xlsx_file(name, heads, rows, is_rtl=get_locale().text_direction == "rtl")


def _days(asked: Asked) -> tuple[list[str], Iterator[tuple[object, ...]]]:
    currency = g.actor.clinic.currency
    heads = [
        gettext("Cashbox"), gettext("Day"), gettext("At the beginning"), gettext("In"), gettext("Out"),
        gettext("At the end"), gettext("Currency"),
    ]  # fmt: skip

    def rows() -> Iterator[tuple[object, ...]]:
        for report in asked.reports():
            for day in report.days or [cashbox_report.Day(asked.first, report.opening, 0, 0)]:
                sums = (day.opening, day.money_in, day.money_out, day.closing)
                yield report.cashbox.name, day.day, *(formats.major(amount, currency) for amount in sums), currency

    return heads, rows()


def _kinds(asked: Asked) -> tuple[list[str], Iterator[tuple[object, ...]]]:
    currency = g.actor.clinic.currency
    heads = [
        gettext("Cashbox"), gettext("Kind"), gettext("Method"), gettext("In"), gettext("Out"), gettext("Currency"),
    ]  # fmt: skip

    def rows() -> Iterator[tuple[object, ...]]:
        for report in asked.reports():
            for part in report.parts:
                sums = (formats.major(part.money_in, currency), formats.major(part.money_out, currency))
                yield report.cashbox.name, _what(part), formats.word(part.method) or "", *sums, currency

    return heads, rows()


def _what(part: cashbox_report.Part) -> str:
    if part.is_difference:
        return gettext("Counted difference")
    return gettext("Other income") if part.kind == LedgerKind.ADJUSTMENT else str(formats.word(part.kind))
