"""Seven thousand real bills, replayed: which of their orders of events can our bill make, and why not the others?

The data (TEST_DATA/billing-log: 34,576 events of 7,000 bills of a hospital) knows no amounts and no people. Each event
is one act here:

  NEW          somebody walks in: a visit with its bill, which an insurer pays; another NEW is another bill of the same way
  FIN          the doctor calls, sees and finishes: the bill has its number
  RELEASE, CODE OK, CODE NOK, CODE ERROR, SET STATUS, MANUAL, CHANGE END, CHANGE DIAGN
               a mark in the bill's history: what the billing office does with it, or that the diagnosis is another one
  BILLED       the bill goes out: it keeps the number that it has, or gets a new one after a void one; an insurer who
               refused before is asked again
  STORNO       the number is void
  REJECT       the insurer does not pay: its part becomes the patient's
  REOPEN       back to be worked on: a number that stands is void; a bill without one is open as it is
  JOIN-PAT     the patient's card becomes part of another card, and the bill goes along
  DELETE       the visit is cancelled, and its bill with it

Where a way has several bills, an event goes to the first of them that it can be done to, and the same event again to the
next. What our rules refuse is named with their sentence; the rest of that way is not tried.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask_migrate import upgrade

from bench.product import database
from reception import create_app
from reception.domain import merging, patients, verify
from reception.domain.actors import Actor
from reception.domain.errors import NotPossible, Refusal
from reception.domain.finance import invoices, payers
from reception.domain.finance.charges import payers_of
from reception.domain.visits import moves, walkin
from reception.extensions import db
from reception.models import CoverageKind, Payment, Visit, VisitStatus
from reception.transaction import perform
from tests.conftest import settings
from tests.factories import House

MARKS = frozenset(
    {"RELEASE", "CODE OK", "CODE NOK", "CODE ERROR", "SET STATUS", "MANUAL", "CHANGE END", "CHANGE DIAGN"}
)
PART = 80
"""Percent that the insurer pays."""
Order = tuple[str, ...]


def orders(folder: Path) -> Counter[Order]:
    """Every order of events with how many bills took it, the most frequent first."""
    events: dict[str, list[str]] = {}
    path = folder / "billing-log" / "billing_events_first70pct.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            events.setdefault(row["case_id"], []).append(row["activity"])
    return Counter(dict(Counter(map(tuple, events.values())).most_common()))


def data() -> Path:
    """The folder of the public data, TEST_DATA."""
    folder = os.environ.get("TEST_DATA")
    if not folder:
        raise SystemExit("This part needs the public data: set TEST_DATA.")
    return Path(folder)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How far a way came: `why` and `at` where it ended before its end; `idle`: acts that had nothing to do."""

    why: str = ""
    at: int = 0
    idle: frozenset[str] = frozenset()


@dataclass(slots=True)
class Clinic:
    """Where the ways are gone: who does it, what for, and who pays."""

    actor: Actor
    doctor_id: int
    service_id: int
    insurer_id: int


@dataclass(slots=True)
class Way:
    """One bill's way, or several bills' that share it."""

    clinic: Clinic
    bills: list[int] = field(default_factory=list)
    idle: set[str] = field(default_factory=set)

    def go(self, order: Order) -> Outcome:
        """Do each event; the first that is refused ends it."""
        turn, before = 0, ""
        for number, event in enumerate(order, 1):
            turn = turn + 1 if event == before else 0
            before = event
            try:
                self._one(event, turn)
            except Refusal as refusal:
                return Outcome(f"{event}: {refusal}", number, frozenset(self.idle))
        return Outcome(idle=frozenset(self.idle))

    def _one(self, event: str, turn: int) -> None:
        if event == "NEW":
            self._new()
            return
        start = turn % len(self.bills)
        refusals: list[Refusal] = []
        for bill in (*self.bills[start:], *self.bills[:start]):
            try:
                self._act(event, bill)
            except Refusal as refusal:
                refusals.append(refusal)
            else:
                return
        raise refusals[0]

    def _run(self, verb: Any, *values: Any, **more: Any) -> Any:
        return perform(self.clinic.actor, verb, *values, **more)

    def _new(self) -> None:
        patient = self._run(patients.register, last_name="Way", first_name=f"No. {len(self.bills) + 1}")
        visit = self._run(walkin.walk_in, patient.id, self.clinic.service_id, doctor_id=self.clinic.doctor_id)
        bill = db.session.query(Payment.id).filter_by(visit_id=visit.id).scalar()
        self._run(payers.add_payer, bill, self.clinic.insurer_id, value=PART)
        self.bills.append(bill)

    def _act(self, event: str, bill: int) -> None:
        if event in MARKS:
            self._run(invoices.mark, bill, event)
        elif event == "FIN":
            self._finish(bill)
        elif event == "BILLED":
            self._bill(bill)
        elif event == "STORNO":
            self._run(invoices.void, bill, "storno")
        elif event == "REOPEN":
            if _row(bill).invoice_no is None:
                self.idle.add("REOPEN of a bill without a number: it is open as it is")
            self._run(invoices.reopen, bill, "reopened")
        elif event == "REJECT":
            self._reject(bill)
        elif event == "JOIN-PAT":
            self._join(bill)
        elif event == "DELETE":
            self._run(moves.move, _visit(bill).id, "cancel", reason="deleted")
        else:
            raise AssertionError(event)

    def _finish(self, bill: int) -> None:
        visit, row = _visit(bill), _row(bill)
        if visit.status == VisitStatus.PENDING_PAYMENT and row.invoice_no is None:
            self._run(invoices.invoice, bill)  # it was reopened: done again, it has a number again
            return
        for move in ("call", "start", "finish"):
            self._run(moves.move, visit.id, move)

    def _bill(self, bill: int) -> None:
        payer = payers_of(_row(bill))[0]
        if payer.coverage == CoverageKind.AMOUNT and not payer.value:
            self._run(payers.change_payer, bill, payer.id, CoverageKind.PERCENT, PART)
        if _row(bill).invoice_no is None:
            self._run(invoices.invoice, bill)
        else:
            self.idle.add("BILLED where the finish gave the number: it goes out with that")
            self._run(invoices.mark, bill, "BILLED")

    def _reject(self, bill: int) -> None:
        payer = payers_of(_row(bill))[0]
        if not payer.amount:
            raise NotPossible("The insurer has refused its part already.")
        self._run(payers.refuse_part, bill, payer.id, "rejected")

    def _join(self, bill: int) -> None:
        kept = self._run(patients.register, last_name="Way", first_name="Known before")
        self._run(merging.merge, kept.id, _row(bill).patient_id, {})


def _row(bill: int) -> Payment:
    return db.session.get_one(Payment, bill, populate_existing=True)


def _visit(bill: int) -> Visit:
    return db.session.get_one(Visit, _row(bill).visit_id, populate_existing=True)


def report(found: dict[Order, Outcome], counts: Counter[Order]) -> Iterator[str]:
    """In words: how many of the orders and bills, what had nothing to do, and why not the others."""
    made = [order for order, outcome in found.items() if not outcome.why]
    yield f"{len(made)} of {len(found)} orders, {sum(counts[o] for o in made):,} of {sum(counts.values()):,} bills"
    idle = Counter(words for order in made for words in found[order].idle)
    for words, count in idle.most_common():
        yield f"  nothing to do in {count} of them: {words}"
    why: dict[str, list[Order]] = {}
    for order, outcome in found.items():
        if outcome.why:
            why.setdefault(outcome.why, []).append(order)
    for words, missed in sorted(why.items(), key=lambda pair: -len(pair[1])):
        yield f"  not {len(missed)} orders ({sum(counts[o] for o in missed)} bills): {words}"
        shortest = min(missed, key=len)
        yield f"      such as {' > '.join(shortest)}, which ends at event {found[shortest].at}"


def main() -> None:
    """Go all the ways of all the bills on a database that is thrown away, and look at everything afterwards."""
    parser = argparse.ArgumentParser(prog="python -m bench.journeys", description=__doc__.partition("\n\n")[0])
    parser.add_argument("--backend", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--first", type=int, help="only so many bills")
    wish = parser.parse_args()
    counts = orders(data())
    every = [order for order, count in counts.items() for _ in range(count)][: wish.first]
    with database(wish.backend) as (folder, url):
        app = create_app(settings(folder, url))
        with app.app_context():
            upgrade()
            house = House.open(app)
            insurer = house.run(payers.add_insurer, "Fund", coverage_percent=PART)
            clinic = Clinic(house.actor, house.doctor.id, house.service.id, insurer.id)
            found: dict[Order, Outcome] = {}
            for number, order in enumerate(every, 1):
                outcome = Way(clinic).go(order)
                assert found.setdefault(order, outcome) == outcome, f"{order} ended otherwise before"
                db.session.remove()
                if number % 500 == 0:
                    print(f"{number:,} of {len(every):,}", file=sys.stderr, flush=True)
            print("\n".join(report(found, Counter(every))))
            wrong = list(verify.findings())
            print("\n".join(wrong) or f"verify: nothing is wrong after {len(every):,} bills.")
            db.session.remove()
            db.engine.dispose()
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
