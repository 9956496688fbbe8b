"""Whatever people do with money, in whatever order: after each step everything adds up, and what is refused changes nothing.

A state machine of hypothesis plays a day in a clinic of its own: bills with amounts of 0, 1, odd thirds and very large
ones, lines, discounts, insurers, payments in parts, refunds, bonus, deposits, shifts, transfers, merged cards. After every
step `verify` reads everything back. In CI a short walk that is always the same; MONEY_STEPS=200 MONEY_DAYS=50 walk far.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import random
from collections import defaultdict
from collections.abc import Callable
from typing import Any, ClassVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from sqlalchemy import func, select

from reception import clock
from reception.domain import directory, finance, merging, patients, verify
from reception.domain.actors import Actor
from reception.domain.errors import Refusal
from reception.domain.finance import Part, lines, payers
from reception.domain.finance.several import Seen
from reception.domain.visits import moves, walkin
from reception.domain.visits import undo as steps_back
from reception.extensions import Base, db
from reception.models import (
    Account,
    AccountKind,
    BillLine,
    BonusEntry,
    Cashbox,
    CashboxShift,
    CashTransfer,
    CategoryKind,
    CoverageKind,
    Method,
    Operation,
    Patient,
    PatientMerge,
    Payment,
    PaymentStatus,
    RefundRequest,
    Role,
    Visit,
)
from tests.conftest import NOW
from tests.factories import House

DAYS = int(os.environ.get("MONEY_DAYS", "4"))
STEPS = int(os.environ.get("MONEY_STEPS", "25"))
UNWATCHED = frozenset({"access_entry"})
PRICES = (0, 1, 100, 3_333, 12_000, 10**12)
AMOUNTS = st.one_of(
    st.sampled_from([0, 1, 2, 3, 33, 333, 1_111, 4_000, 12_000, 10**12, 10**15, 10**15 + 1, 10**18, 2**63, -1]),
    st.integers(1, 13_000),
)
SHARES = st.one_of(st.sampled_from(["all", "all", "half", "third", "one more"]), AMOUNTS)
"""An amount, or how much of what there is."""
PERCENTS = st.sampled_from([0, 1, 10, 33, 50, 67, 99, 100, 101, -5])
WHICH = st.integers(0, 30)
_clinics = itertools.count(1)


def of(share: str | int, whole: int) -> int:
    """The amount that `share` of `whole` is."""
    if isinstance(share, int):
        return share
    return {"all": whole, "half": whole // 2, "third": whole // 3, "one more": whole + 1}[share]


def dump() -> str:
    """A digest of every row of every table but the log of accesses."""
    db.session.rollback()
    found = hashlib.sha256()
    for table in Base.metadata.sorted_tables:
        if table.name not in UNWATCHED:
            found.update(table.name.encode())
            found.update("\n".join(sorted(repr(tuple(row)) for row in db.session.execute(select(table)))).encode())
    db.session.rollback()
    return found.hexdigest()


Act = tuple[int, dict[str, st.SearchStrategy[Any]], Callable[..., None]]
ACTS: list[Act] = []
"""(weight, what is drawn, the act). One rule draws among all of them: with a rule for each, hypothesis leaves out most of
them for a whole day, and there are few days."""


def may(weight: int, **drawn: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Something that may happen, as often as `weight` says."""

    def note(act: Callable[..., None]) -> Callable[..., None]:
        ACTS.append((weight, drawn, act))
        return act

    return note


class Money(RuleBasedStateMachine):
    """A day at the cashboxes."""

    app: ClassVar[Any]
    tried: ClassVar[dict[str, list[int]]]

    @initialize()
    def open_clinic(self) -> None:
        clock.start_at(NOW)
        self.house = House.open(self.app, f"Clinic {next(_clinics)}")
        house = self.house
        house.run(directory.change_doctor, house.doctor.id, share_percent=33)
        self.services = [house.run(directory.add_service, f"At {price}", price).id for price in PRICES]
        self.cashier, self.second = house.person(Role.CASHIER), house.person(Role.ADMIN)
        self.insurers = [house.run(payers.add_insurer, name).id for name in ("Third", "All")]
        self.income = house.run(finance.add_category, "Sales", CategoryKind.INCOME).id
        self.expense = house.run(finance.add_category, "Paper", CategoryKind.EXPENSE).id
        first = house.patient("Anna")
        second = house.patient("Bert", referred_by_id=first.id)
        third = house.patient("Cleo", referred_by_id=second.id)
        self.people = [first.id, second.id, third.id]
        self.stood, self.step = "", 0
        self.boxes = [house.cash.id, house.card.id, house.run(directory.add_cashbox, "Safe", "CASH").id]
        for person, service in zip(self.people, (3, 4, 5), strict=True):
            visit = self.act(
                walkin.walk_in, person, self.services[service], doctor_id=house.doctor.id, actor=self.second
            )
            for name in ("call", "start", "finish"):
                self.act(moves.move, visit.id, name, actor=self.second)
        self.act(finance.take_deposit, first.id, [self.part(Method.CASH, 5_000, 1)])
        bills = [self.some(Payment, number) for number in range(3)]
        self.act(lines.add_line, bills[1], self.services[3], quantity=2)
        self.act(lines.discount, bills[1], "a friend", percent=33, actor=self.second)
        self.act(finance.pay, bills[1], [self.part(Method.CASH, 7_000, 1), self.part(Method.CARD, 1_001)])
        self.act(finance.refund, bills[1], "too much", amount=334)
        self.act(finance.start_shift, self.boxes[1], amount=667, reason="counted")

    @rule(data=st.data())
    def something(self, data: st.DataObject) -> None:
        """One of the acts below."""
        self.step += 1
        # Of what is drawn, small numbers come again and again: which act it is must not hang on that.
        dice = random.Random(data.draw(st.integers(0, 2**32), label="dice") * 1000 + self.step)
        [(_, drawn, act)] = dice.choices(ACTS, [weight for weight, _, _ in ACTS])
        act(self, **{name: data.draw(strategy, label=f"{act.__name__} {name}") for name, strategy in drawn.items()})

    # ------------------------------------------------------------------------------------------------------- acting

    def act(self, verb: Any, *values: Any, actor: Actor | None = None, **more: Any) -> Any:
        """Run the verb; what it refuses changes nothing, what it does adds up."""
        counts = self.tried[verb.__name__]
        try:
            done = self.house.run(verb, *values, actor=actor or self.cashier, **more)
        except Refusal:
            counts[1] += 1
            assert dump() == self.stood, f"{verb.__name__} was refused and left something behind"
            return None
        counts[0] += 1
        self.stood = dump()
        self.check()
        return done

    def check(self) -> None:
        assert list(verify.findings()) == []
        clinic_id = self.house.clinic.id
        held: dict[bool, int] = defaultdict(int)
        for kind, balance in db.session.execute(select(Account.kind, Account.balance).filter_by(clinic_id=clinic_id)):
            held[kind in finance.DEBIT_SIDE] += balance
        assert held[True] == held[False], "the accounts do not balance"
        for bill in db.session.scalars(select(Payment).filter_by(clinic_id=clinic_id)):
            assert bill.insurance_amount + bill.self_pay_amount == bill.total_amount
            assert 0 <= bill.refunded_amount <= bill.amount_paid <= bill.self_pay_amount
            assert bill.doctor_share + bill.center_share == bill.total_amount
            of_lines = select(func.coalesce(func.sum(BillLine.amount), 0)).filter_by(payment_id=bill.id)
            assert db.session.scalar(of_lines) == bill.total_amount
        self._check_bonus(clinic_id)
        db.session.rollback()

    def _check_bonus(self, clinic_id: int) -> None:
        """Each person's history of bonus adds up to what is owed less what is a debt; never both at once."""
        person = dict(db.session.execute(
            select(Patient.id, func.coalesce(Patient.merged_into_id, Patient.id)).filter_by(clinic_id=clinic_id)
        ).tuples().all())  # fmt: skip
        said: dict[int, int] = defaultdict(int)
        for ident, amount in db.session.execute(
            select(BonusEntry.patient_id, BonusEntry.amount).filter_by(clinic_id=clinic_id)
        ):
            said[person[ident]] += amount
        owed: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        kinds = (AccountKind.BONUS_OWED, AccountKind.BONUS_DEBT)
        for kind, ident, balance in db.session.execute(
            select(Account.kind, Account.patient_id, Account.balance).where(
                Account.clinic_id == clinic_id, Account.kind.in_(kinds)
            )
        ):
            assert balance >= 0
            owed[person[ident]][kind] += balance
        for ident in {*said, *owed}:
            found = owed[ident]
            assert said[ident] == found[AccountKind.BONUS_OWED] - found[AccountKind.BONUS_DEBT], f"bonus of {ident}"
            assert not (found[AccountKind.BONUS_OWED] and found[AccountKind.BONUS_DEBT])

    def some(self, kind: Any, which: int, **rules: Any) -> Any:
        """One of the clinic's rows, or None."""
        rows = db.session.scalars(select(kind.id).filter_by(clinic_id=self.house.clinic.id, **rules).order_by(kind.id))
        idents = rows.all()
        db.session.rollback()
        return idents[which % len(idents)] if idents else None

    def held(self, kind: AccountKind, patient_id: int) -> int:
        found = db.session.scalar(select(Account.balance).filter_by(kind=kind, patient_id=patient_id))
        return found or 0

    # -------------------------------------------------------------------------------------------------------- visits

    @may(3, which=WHICH, service=WHICH, done=st.booleans())
    def come(self, which: int, service: int, done: bool) -> None:
        visit = self.act(
            walkin.walk_in, self.people[which % len(self.people)], self.services[service % len(self.services)],
            doctor_id=self.house.doctor.id, actor=self.second,
        )  # fmt: skip
        if visit is not None and done:
            for name in ("call", "start", "finish"):
                self.act(moves.move, visit.id, name, actor=self.second)

    @may(1, which=WHICH, service=WHICH)
    def book(self, which: int, service: int) -> None:
        house = self.house
        try:
            row = house.booked(db.session.get_one(Patient, self.people[which % len(self.people)]), doctor=house.doctor)
        except Refusal:
            db.session.rollback()
        else:
            assert row is not None
        self.stood = dump()
        self.check()

    @may(2, which=WHICH, name=st.sampled_from(["cancel", "finish", "call", "start", "owe", "no-show"]))
    def move(self, which: int, name: str) -> None:
        if visit := self.some(Visit, which):
            self.act(moves.move, visit, name, actor=self.second)

    @may(1, which=WHICH)
    def step_back(self, which: int) -> None:
        if visit := self.some(Visit, which):
            self.act(steps_back.undo, visit, actor=self.second)

    # --------------------------------------------------------------------------------------------------------- bills

    @may(3, which=WHICH, service=WHICH, quantity=st.sampled_from([1, 1, 2, 3, 7, 10_000, 10_001, 0]))
    def add_line(self, which: int, service: int, quantity: int) -> None:
        if bill := self.some(Payment, which):
            self.act(lines.add_line, bill, self.services[service % len(self.services)], quantity=quantity)

    @may(1, which=WHICH, line=WHICH)
    def remove_line(self, which: int, line: int) -> None:
        if (bill := self.some(Payment, which)) and (ident := self.some(BillLine, line, payment_id=bill)):
            self.act(lines.remove_line, bill, ident)

    @may(2, which=WHICH, percent=PERCENTS, amount=AMOUNTS, line=WHICH, by_percent=st.booleans(), whole=st.booleans())
    def discount(self, which: int, percent: int, amount: int, line: int, by_percent: bool, whole: bool) -> None:
        if bill := self.some(Payment, which):
            off: dict[str, Any] = {"percent": percent} if by_percent else {"amount": amount}
            target = None if whole else self.some(BillLine, line, payment_id=bill)
            self.act(lines.discount, bill, "why not", line_id=target, actor=self.second, **off)

    @may(2, which=WHICH, insurer=WHICH, percent=PERCENTS, amount=AMOUNTS, by_percent=st.booleans())
    def insure(self, which: int, insurer: int, percent: int, amount: int, by_percent: bool) -> None:
        if bill := self.some(Payment, which):
            coverage = CoverageKind.PERCENT if by_percent else CoverageKind.AMOUNT
            value = percent if by_percent else amount
            self.act(payers.add_payer, bill, self.insurers[insurer % 2], coverage=coverage, value=value)

    # --------------------------------------------------------------------------------------------------------- money

    def part(self, way: Method, amount: int, box: int = 0) -> Part:
        boxes = {Method.CASH: self.boxes[0] if box % 4 else self.boxes[2], Method.CARD: self.boxes[1]}
        return Part(way, boxes.get(way), amount)

    WAYS = st.sampled_from([Method.CASH, Method.CASH, Method.CARD, Method.BONUS, Method.DEPOSIT])

    @may(6, which=WHICH, way=WAYS, other=WAYS, share=SHARES, again=SHARES, box=WHICH, split=st.booleans())
    def pay(
        self, which: int, way: Method, other: Method, share: str | int, again: str | int, box: int, split: bool
    ) -> None:  # fmt: skip
        if bill := self.some(Payment, which):
            due = db.session.get_one(Payment, bill).due_amount
            parts = [self.part(way, of(share, due), box)]
            if split:
                parts.append(self.part(other, of(again, due - parts[0].amount), box))
            self.act(finance.pay, bill, parts)

    @may(2, share=SHARES, way=st.sampled_from([Method.CASH, Method.CARD]), count=st.integers(1, 3), who=WHICH)
    def pay_several(self, share: str | int, way: Method, count: int, who: int) -> None:
        clinic_id, standing = self.house.clinic.id, (PaymentStatus.PENDING, PaymentStatus.PARTIALLY_PAID)
        query = select(Payment).where(Payment.clinic_id == clinic_id, Payment.status.in_(standing))
        bills = db.session.scalars(query.order_by(Payment.id).limit(count)).all()
        due = sum(bill.due_amount for bill in bills)
        seen = [Seen(bill.id, bill.version, bill.due_amount) for bill in bills]
        self.act(finance.pay_several, self.people[who % 3], seen, [self.part(way, of(share, due), 1)])

    @may(4, which=WHICH, share=SHARES)
    def refund(self, which: int, share: str | int) -> None:
        if bill := self.some(Payment, which):
            row = db.session.get_one(Payment, bill)
            left = row.amount_paid - row.refunded_amount
            self.act(finance.refund, bill, "asked for", amount=None if share == "all" else of(share, left))

    @may(3, which=WHICH, line=WHICH, share=SHARES)
    def refund_a_line(self, which: int, line: int, share: str | int) -> None:
        if (bill := self.some(Payment, which)) and (ident := self.some(BillLine, line, payment_id=bill)):
            amount = of(share, db.session.get_one(BillLine, ident).amount)
            self.act(finance.refund, bill, "of a line", lines=[finance.Asked(ident, amount)])

    @may(2, which=WHICH, yes=st.booleans())
    def answer_refund(self, which: int, yes: bool) -> None:
        if request := self.some(RefundRequest, which):
            self.act(finance.approve if yes else finance.refuse, request, actor=self.second)

    @may(2, which=WHICH, amount=AMOUNTS)
    def add_bonus(self, which: int, amount: int) -> None:
        self.act(finance.add_bonus, self.people[which % len(self.people)], amount, "a gift", actor=self.second)

    @may(2, which=WHICH, share=SHARES, in_cash=st.booleans())
    def withdraw_bonus(self, which: int, share: str | int, in_cash: bool) -> None:
        box = self.boxes[0] if in_cash else None
        amount = of(share, self.held(AccountKind.BONUS_OWED, self.people[which % 3]))
        self.act(finance.withdraw_bonus, self.people[which % 3], amount, "asked", cashbox_id=box, actor=self.second)

    @may(3, which=WHICH, share=SHARES, way=st.sampled_from([Method.CASH, Method.CARD]), back=st.booleans())
    def deposit(self, which: int, share: str | int, way: Method, back: bool) -> None:
        person = self.people[which % len(self.people)]
        part = self.part(way, of(share, self.held(AccountKind.DEPOSIT_HELD, person) or 700), 1)
        if back:
            self.act(finance.give_back_deposit, person, part, "asked for", actor=self.second)
        else:
            self.act(finance.take_deposit, person, [part])

    @may(1, amount=AMOUNTS, box=WHICH, comes=st.booleans())
    def other_money(self, amount: int, box: int, comes: bool) -> None:
        verb, category = (finance.take_in, self.income) if comes else (finance.pay_out, self.expense)
        self.act(verb, self.boxes[box % 3], category, amount)

    @may(1, which=WHICH)
    def reverse(self, which: int) -> None:
        if operation := self.some(Operation, which):
            self.act(finance.undo_cash, operation)

    # ------------------------------------------------------------------------------------------------- shifts, cards

    @may(3, box=WHICH, off=st.sampled_from([0, 0, 1, -1, 333]), reason=st.sampled_from(["", "counted twice"]))
    def shift(self, box: int, off: int, reason: str) -> None:
        ident = self.boxes[box % 3]
        row = db.session.get_one(Cashbox, ident)
        counted = finance.balance_of(row) + off
        standing = db.session.scalar(select(CashboxShift.id).filter_by(cashbox_id=ident, closed_at=None))
        db.session.rollback()
        if standing is None:
            self.act(finance.start_shift, ident, amount=counted, reason=reason)
        else:
            self.act(finance.close_shift, standing, amount=counted, reason=reason)

    @may(2, source=WHICH, into=WHICH, share=SHARES)
    def send(self, source: int, into: int, share: str | int) -> None:
        amount = of(share, finance.balance_of(db.session.get_one(Cashbox, self.boxes[source % 3])))
        self.act(finance.ask_transfer, self.boxes[source % 3], self.boxes[into % 3], amount)

    @may(2, which=WHICH, answer=st.sampled_from(["accept_transfer", "refuse_transfer", "withdraw_transfer"]))
    def answer(self, which: int, answer: str) -> None:
        if transfer := self.some(CashTransfer, which):
            self.act(getattr(finance, answer), transfer, actor=self.second)

    @may(1, one=WHICH, other=WHICH)
    def merge(self, one: int, other: int) -> None:
        if (kept := self.people[one % 3]) != (gone := self.people[other % 3]):
            self.act(merging.merge, kept, gone, {}, actor=self.second)

    @may(1, which=WHICH)
    def take_apart(self, which: int) -> None:
        if row := self.some(PatientMerge, which):
            self.act(merging.undo, row, actor=self.second)

    @may(1, which=WHICH, referrer=WHICH)
    def refer(self, which: int, referrer: int) -> None:
        self.act(
            patients.change, self.people[which % 3], referred_by_id=self.people[referrer % 3], actor=self.second
        )  # fmt: skip

    @may(1, minutes=st.sampled_from([1, 20, 300]))
    def wait(self, minutes: int) -> None:
        self.house.later(minutes=minutes)


def test_whatever_is_done_with_money_adds_up(house: House) -> None:
    Money.app, Money.tried = house.app, defaultdict(lambda: [0, 0])
    far = "MONEY_DAYS" in os.environ
    run_state_machine_as_test(
        Money,
        settings=settings(
            max_examples=DAYS,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=not far,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink] if far else [Phase.generate],
        ),
    )
    done = {name for name, (count, _) in Money.tried.items() if count}
    print("\n" + "\n".join(f"{name}: {a} done, {b} refused" for name, (a, b) in sorted(Money.tried.items())))
    assert {"walk_in", "pay", "refund", "take_deposit", "start_shift", "discount", "add_line"} <= done
    assert len(Money.tried) > 15
    assert sum(count for _, count in Money.tried.values()) > DAYS, "nothing was refused"
