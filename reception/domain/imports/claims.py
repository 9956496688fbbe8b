"""Reading claims of other programs: what was charged, for whom, who paid what of it. Amounts are read as decimals.

Two layouts are known, by the files in the folder: Synthea's own (`claims_transactions.csv`, `claims.csv`, `payers.csv`,
`patients.csv`) and claims flattened from FHIR (`claims.csv` with a total and a currency, `patients.ndjson`).
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from babel.numbers import get_currency_precision

from reception.domain.errors import Invalid, invalid_field
from reception.models import Gender, Method
from reception.words import N_

PATIENT = ""
"""The payer that is no insurer."""
WAYS = {
    "CASH": Method.CASH, "COPAY": Method.CASH, "CC": Method.CARD, "CHECK": Method.BANK_TRANSFER,
    "ECHECK": Method.INSURANCE,
}  # fmt: skip
"""Synthea's way of paying -> ours. An electronic cheque is the insurer's, all others are the patient's."""
SYNTHEA_CURRENCY = "USD"
UNINSURED = frozenset({"", "0", "no_insurance", "NO_INSURANCE"})
GENDERS = {"M": Gender.MALE, "F": Gender.FEMALE, "male": Gender.MALE, "female": Gender.FEMALE}
LARGEST = 10**15


@dataclass(frozen=True, slots=True)
class Person:
    last_name: str
    first_name: str
    date_of_birth: date | None
    gender: Gender


@dataclass(slots=True)
class Charge:
    """A line of a claim, and whom it was last asked of."""

    code: str
    title: str
    amount: int
    owner: str = PATIENT


@dataclass(frozen=True, slots=True)
class Paid:
    """One payment: by whom (an insurer's id or PATIENT), how, how much."""

    payer: str
    method: Method
    amount: int


@dataclass(slots=True)
class ClaimRead:
    """One claim as the files tell it."""

    key: str
    patient: str
    day: date
    charges: list[Charge] = field(default_factory=list)
    payments: list[Paid] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(charge.amount for charge in self.charges)

    @property
    def taken(self) -> list[Paid]:
        """The payments in their order as far as the claim asks for them."""
        left, found = self.total, []
        for paid in self.payments:
            amount = min(paid.amount, left)
            left -= amount
            if amount:
                found.append(Paid(paid.payer, paid.method, amount))
        return found

    @property
    def beyond(self) -> list[Paid]:
        """What was paid beyond what the claim asks: reported, never booked."""
        left, found = self.total, []
        for paid in self.payments:
            more = paid.amount - min(paid.amount, left)
            left -= paid.amount - more
            if more:
                found.append(Paid(paid.payer, paid.method, more))
        return found

    @property
    def shares(self) -> dict[str, int]:
        """{payer: his part}: what he paid, and what is still open of the charges that were last asked of him."""
        found: dict[str, int] = {}
        for paid in self.taken:
            found[paid.payer] = found.get(paid.payer, 0) + paid.amount
        left = self.total - sum(found.values())
        for charge in reversed(self.charges):
            part = min(charge.amount, left)
            if part:
                found[charge.owner] = found.get(charge.owner, 0) + part
            left -= part
        return found


@dataclass(slots=True)
class Reading:
    """A folder of claims. `rounded`: amounts finer than the currency; `strange`: rows that cannot be, with why."""

    currency: str
    claims: list[ClaimRead]
    people: dict[str, Person]
    insurers: dict[str, str]
    rounded: int = 0
    strange: list[str] = field(default_factory=list)

    def charged(self) -> int:
        return sum(claim.total for claim in self.claims)

    def paid(self) -> dict[str, int]:
        """{payer: all that the files say he paid}."""
        found: dict[str, int] = {}
        for claim in self.claims:
            for paid in claim.payments:
                found[paid.payer] = found.get(paid.payer, 0) + paid.amount
        return found

    def unequal(self) -> list[tuple[ClaimRead, int]]:
        """Claims whose payments are not what was charged, with the difference."""
        pairs = ((claim, sum(paid.amount for paid in claim.payments) - claim.total) for claim in self.claims)
        return [(claim, difference) for claim, difference in pairs if difference]


def read(folder: Path, currency: str) -> Reading:
    """The claims of a folder, for a clinic of `currency`. Raises Invalid: no claims there, another currency."""
    if _has(folder, "claims_transactions.csv"):
        if currency != SYNTHEA_CURRENCY:
            raise _other_currency({SYNTHEA_CURRENCY}, currency)
        return _synthea(folder, Reading(currency, [], {}, {}))
    if _has(folder, "claims.csv"):
        return _flat(folder, Reading(currency, [], {}, {}))
    raise Invalid(N_("There are no claims in %(folder)s."), folder=folder.name)


def units(text: str, currency: str) -> tuple[int, bool]:
    """(smallest units, whether it had to be rounded): half a unit goes up, each amount by itself, never a float."""
    try:
        exact = Decimal(text.strip() or "0").scaleb(get_currency_precision(currency))
    except InvalidOperation:
        exact = Decimal("NaN")
    if not exact.is_finite() or not 0 <= exact <= LARGEST:
        raise invalid_field("amount", N_("“%(text)s” is no amount."), text=text[:40])
    whole = exact.quantize(Decimal(1), ROUND_HALF_UP)
    return int(whole), whole != exact


# ---------------------------------------------------------------------------------------------------- the two layouts


def _synthea(folder: Path, reading: Reading) -> Reading:
    claims = {row["Id"]: row for row in _rows(folder, "claims.csv")}
    reading.insurers = {row["Id"]: row["NAME"] for row in _rows(folder, "payers.csv") if row["NAME"] not in UNINSURED}
    reading.people = {
        row["Id"]: Person(row["LAST"], row["FIRST"], _day(row["BIRTHDATE"]), GENDERS.get(row["GENDER"], Gender.UNKNOWN))
        for row in _rows(folder, "patients.csv")
    }
    steps: dict[str, list[dict[str, str]]] = {}
    for row in _rows(folder, "claims_transactions.csv"):
        steps.setdefault(row["CLAIMID"], []).append(row)
    for key, rows in steps.items():
        claim = claims.get(key)
        if claim is None or claim["PATIENTID"] not in reading.people:
            reading.strange.append(f"claim {key[:40]}: its claim or its patient is not in the folder")
            continue
        reading.claims.append(_chain(claim, sorted(rows, key=lambda row: int(row["CHARGEID"])), reading))
    return reading


def _chain(claim: dict[str, str], rows: list[dict[str, str]], reading: Reading) -> ClaimRead:
    """Charges, transfers to the next payer, and payments, in their order."""
    payers = {"1": claim["PRIMARYPATIENTINSURANCEID"], "2": claim["SECONDARYPATIENTINSURANCEID"], "p": PATIENT}
    payers = {place: PATIENT if ident in UNINSURED else ident for place, ident in payers.items()}
    found = ClaimRead(claim["Id"], claim["PATIENTID"], _day(claim["SERVICEDATE"]) or date(2000, 1, 1))
    owner = PATIENT
    for row in rows:
        if row["TYPE"] == "CHARGE":
            owner = payers.get(row["TRANSFERTYPE"], PATIENT)
            amount = _units(row["AMOUNT"], reading)
            found.charges.append(Charge(row["PROCEDURECODE"], row["NOTES"], amount, owner))
        elif row["TYPE"] == "TRANSFERIN":
            owner = payers.get(row["TRANSFERTYPE"], PATIENT)
            if found.charges:
                found.charges[-1].owner = owner
        elif row["TYPE"] == "PAYMENT":
            method = WAYS.get(row["METHOD"], Method.CASH)
            by = PATIENT if method != Method.INSURANCE else (owner or payers["1"])
            if by == PATIENT and method == Method.INSURANCE:
                method = Method.BANK_TRANSFER
            found.payments.append(Paid(by, method, _units(row["PAYMENTS"], reading)))
    return found


def _flat(folder: Path, reading: Reading) -> Reading:
    rows = list(_rows(folder, "claims.csv"))
    if currencies := {row.get("currency", "") for row in rows} - {reading.currency}:
        raise _other_currency(currencies, reading.currency)
    reading.people = dict(_fhir_people(folder))
    for row in rows:
        if row["patient"] not in reading.people:
            reading.strange.append(f"claim {row['id'][:40]}: its patient is not in the folder")
            continue
        coverage = PATIENT if row["coverage"] in UNINSURED else row["coverage"]
        if coverage:
            reading.insurers[coverage] = coverage.replace("_", " ").capitalize()
        title = f"{row['type'].capitalize()} care"
        charge = Charge(row["type"], title, _units(row["total"], reading), coverage)
        reading.claims.append(ClaimRead(row["id"], row["patient"], _day(row["start"]) or date(2000, 1, 1), [charge]))
    return reading


def _fhir_people(folder: Path) -> Iterator[tuple[str, Person]]:
    for line in _open(folder, "patients.ndjson"):
        card: dict[str, Any] = json.loads(line)
        name: dict[str, Any] = next((n for n in card.get("name", ()) if n.get("use") == "official"), {})
        gender = GENDERS.get(card.get("gender", ""), Gender.UNKNOWN)
        first = " ".join(name.get("given", ()))
        yield (
            card["id"],
            Person(name.get("family", "") or card["id"][:8], first, _day(card.get("birthDate", "")), gender),
        )


def _units(text: str, reading: Reading) -> int:
    amount, was_rounded = units(text, reading.currency)
    reading.rounded += was_rounded
    return amount


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def _other_currency(found: set[str], currency: str) -> Invalid:
    return Invalid(
        N_("These claims are in %(found)s, the clinic reckons in %(currency)s. Nothing was stored."),
        found=", ".join(sorted(code or "?" for code in found))[:60], currency=currency, code="currency",
    )  # fmt: skip


def _has(folder: Path, name: str) -> bool:
    return (folder / name).is_file() or (folder / f"{name}.gz").is_file()


def _rows(folder: Path, name: str) -> Iterator[dict[str, str]]:
    yield from csv.DictReader(_open(folder, name))


def _open(folder: Path, name: str) -> io.TextIOBase:
    path = folder / name
    if path.is_file():
        return io.StringIO(path.read_text(encoding="utf-8-sig"))
    packed = folder / f"{name}.gz"
    if not packed.is_file():
        raise Invalid(N_("%(name)s is missing in %(folder)s."), name=name, folder=folder.name)
    return io.StringIO(gzip.decompress(packed.read_bytes()).decode("utf-8-sig"))
