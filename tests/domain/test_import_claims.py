"""Claims of another program as bills and payments: totals per payer to the cent, nothing forced."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from reception.domain import clinic as settings
from reception.domain import verify
from reception.domain.actors import system
from reception.domain.audit import record
from reception.domain.errors import Invalid
from reception.domain.imports import claims, claims_store
from reception.extensions import db
from reception.models import (
    Account,
    AccountKind,
    BillPayer,
    Clinic,
    Insurer,
    LedgerEntry,
    LedgerKind,
    Method,
    Payment,
    ServicePrice,
)
from tests.factories import House

DATA = os.environ.get("TEST_DATA")
WITH_DATA = pytest.mark.skipif(not DATA, reason="the public data is not here: set TEST_DATA")
ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


def in_dollars(house: House) -> None:
    """The clinic reckons in dollars from the start: without prices nothing stands against it."""

    def change(*, actor: Any, at: Any) -> None:
        for price in db.session.scalars(select(ServicePrice)):
            price.price = 0
        db.session.flush()
        settings.change_clinic(actor=actor, at=at, currency="USD")
        record(actor, "service.price", house.service, at=at)

    house.run(change)
    house.actor = system(db.session.get_one(Clinic, house.clinic.id))


def paid_by(house: House) -> dict[str, int]:
    """{name of the insurer, "" for the patients: what they paid} by the ledger."""
    rows = db.session.execute(
        select(Insurer.name, func.sum(LedgerEntry.amount))
        .join(Account, Account.id == LedgerEntry.credit_id)
        .outerjoin(Insurer, Insurer.id == Account.insurer_id)
        .where(LedgerEntry.kind == LedgerKind.PAYMENT, LedgerEntry.clinic_id == house.clinic.id)
        .group_by(Insurer.name)
    )
    return {name or "": int(amount) for name, amount in rows}


def owed(kind: AccountKind) -> int:
    return int(db.session.scalar(select(func.sum(Account.balance)).where(Account.kind == kind)) or 0)


@WITH_DATA
def test_claims_of_synthea_come_in_to_the_cent(house: House) -> None:
    in_dollars(house)
    reading = claims.read(Path(DATA or "") / "synthea-csv", "USD")
    assert (len(reading.claims), reading.charged(), sum(reading.paid().values())) == (1_267, 109_240_273, 110_350_395)
    assert (len(reading.unequal()), reading.strange) == (190, [])
    assert claims_store.store(reading, house.run) == (1_267, 0)
    assert int(db.session.scalar(select(func.sum(Payment.total_amount))) or 0) == reading.charged()
    beyond: dict[str, int] = {}
    for claim in reading.claims:
        for paid in claim.beyond:
            name = reading.insurers.get(paid.payer, "")
            beyond[name] = beyond.get(name, 0) + paid.amount
    said = {reading.insurers.get(payer, ""): amount for payer, amount in reading.paid().items()}
    booked = paid_by(house)
    assert {name: booked.get(name, 0) + beyond.get(name, 0) for name in said} == said
    assert sum(beyond.values()) == sum(said.values()) - reading.charged()  # all that is unequal was paid too much
    assert owed(AccountKind.PATIENT_DEBT) + owed(AccountKind.INSURER_DEBT) == 0
    by_method = {
        method: int(amount)
        for method, amount in db.session.execute(
            select(LedgerEntry.method, func.sum(LedgerEntry.amount))
            .where(LedgerEntry.kind == LedgerKind.PAYMENT)
            .group_by(LedgerEntry.method)
        )
    }
    insured = sum(amount for name, amount in booked.items() if name)
    assert by_method[Method.INSURANCE] == insured
    assert list(verify.findings()) == []
    assert claims_store.store(reading, house.run) == (0, 1_267)
    assert paid_by(house) == booked


@WITH_DATA
def test_claims_flattened_from_fhir_stand_open_with_who_is_asked(house: House) -> None:
    """The first of them through our own verbs; of all of them the reading."""
    in_dollars(house)
    reading = claims.read(Path(DATA or "") / "synthea-fhir", "USD")
    assert (len(reading.claims), reading.charged(), reading.rounded) == (11_413, 3_990_226_807, 0)
    reading.claims = reading.claims[: int(os.environ.get("TEST_CLAIMS", "600"))]
    asked: dict[str, int] = {}
    for claim in reading.claims:
        for payer, amount in claim.shares.items():
            name = reading.insurers.get(payer, "")
            asked[name] = asked.get(name, 0) + amount
    claims_store.store(reading, house.run)
    rows = db.session.execute(
        select(Insurer.name, func.sum(BillPayer.amount))
        .join(BillPayer, BillPayer.insurer_id == Insurer.id)
        .group_by(Insurer.name)
    )
    found = {name: int(amount) for name, amount in rows}
    found[""] = int(db.session.scalar(select(func.sum(Payment.self_pay_amount))) or 0)
    assert {name: amount for name, amount in found.items() if amount} == {n: a for n, a in asked.items() if a}
    assert owed(AccountKind.INSURER_DEBT) == sum(found.values()) - found[""]
    assert owed(AccountKind.PATIENT_DEBT) == found[""]
    assert paid_by(house) == {}
    assert list(verify.findings()) == []


HEAD = "id,patient,type,start,end,encounter,coverage,total,currency,items\n"


def flat(folder: Path, *rows: str) -> Path:
    (folder / "claims.csv").write_text(HEAD + "\n".join(rows) + "\n")
    (folder / "patients.ndjson").write_text(
        '{"id": "p1", "gender": "female", "birthDate": "1980-02-03",'
        ' "name": [{"use": "official", "family": "Roe", "given": ["Ann"]}]}\n'
    )
    return folder


@ON_SQLITE
def test_mixed_currencies_and_what_is_no_amount_are_refused(house: House, tmp_path: Path) -> None:
    good = "c1,p1,pharmacy,2020-01-01,2020-01-01,e,private,12.5,{},1"
    folder = flat(tmp_path, good.format("EUR"), good.format("USD").replace("c1", "c2"))
    with pytest.raises(Invalid) as caught:
        claims.read(folder, "EUR")
    assert (caught.value.code, "USD" in str(caught.value)) == ("currency", True)
    with pytest.raises(Invalid):
        claims.read(flat(tmp_path, good.format("")), "EUR")
    for wrong in ("-1", "abc", "1e99", "NaN", "Infinity"):
        with pytest.raises(Invalid):
            claims.read(flat(tmp_path, good.format("EUR").replace("12.5", wrong)), "EUR")
    with pytest.raises(Invalid):
        claims.read(tmp_path / "nothing", "EUR")
    reading = claims.read(flat(tmp_path, good.format("EUR"), good.format("EUR").replace("c1,p1", "c2,p9")), "EUR")
    assert (len(reading.claims), len(reading.strange), reading.charged()) == (1, 1, 1_250)
    house.run(claims_store.furnish, reading)
    assert db.session.scalar(select(func.count(Payment.id))) == 0


def test_amounts_are_rounded_half_up_each_by_itself_and_never_floats() -> None:
    assert claims.units("49112.87100000001", "USD") == (4_911_287, True)
    assert claims.units("0.005", "EUR") == (1, True)
    assert claims.units("0.0049999", "EUR") == (0, True)
    assert claims.units("77.5", "JPY") == (78, True)
    assert claims.units("1.0005", "KWD") == (1_001, True)
    assert claims.units("9007199254740.99", "USD") == (900_719_925_474_099, False)
    assert claims.units("", "USD") == (0, False)


@WITH_DATA
@ON_SQLITE
def test_another_currency_of_the_clinic_is_refused(house: House) -> None:
    with pytest.raises(Invalid):
        claims.read(Path(DATA or "") / "synthea-csv", house.clinic.currency)


def test_what_was_paid_too_much_is_told_apart() -> None:
    claim = claims.ClaimRead("c", "p", None, [claims.Charge("1", "Care", 7_749, "a")])  # type: ignore[arg-type]
    claim.payments = [claims.Paid("", Method.CASH, 8_000), claims.Paid("a", Method.INSURANCE, 100)]
    assert claim.taken == [claims.Paid("", Method.CASH, 7_749)]
    assert claim.beyond == [claims.Paid("", Method.CASH, 251), claims.Paid("a", Method.INSURANCE, 100)]
    assert claim.shares == {"": 7_749}
    claim.payments = [claims.Paid("", Method.CASH, 1_000)]
    assert claim.shares == {"": 1_000, "a": 6_749}
