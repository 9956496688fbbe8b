"""How a bill's total is shared out: pure arithmetic in smallest units, nothing divided twice.

The rules of rounding, each with the owner of the remainder:
- a discount over several lines, and an insurer's part of several lines: shared in proportion, cumulatively, so that the
  parts add up exactly; what rounding leaves goes to the later lines;
- a discount in percent: rounded down, the remainder stays in the price;
- an insurer's percent of a total: rounded down, the remainder is the patient's;
- a doctor's percent of a line: rounded down, the remainder is the centre's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from reception.models import CoverageKind, LineKind


class Line(Protocol):
    """What a line must say: as a BillLine does."""

    id: int
    kind: LineKind
    amount: int
    doctor_percent: int
    discounts_id: int | None
    percent: int | None


class Payer(Protocol):
    """What an insurer's part must say: as a BillPayer does."""

    id: int
    coverage: CoverageKind
    value: int


@dataclass(slots=True)
class Figure:
    """A service's line after its discounts. `net` = `self_pay` + the sum of `insured` ({payer id: amount})."""

    line_id: int
    net: int
    doctor_share: int
    self_pay: int = 0
    insured: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Figures:
    """A bill: `total` = `self_pay` + `insurance` = `doctor_share` + `center_share`."""

    lines: list[Figure]
    payers: dict[int, int]

    @property
    def total(self) -> int:
        return sum(line.net for line in self.lines)

    @property
    def insurance(self) -> int:
        return sum(self.payers.values())

    @property
    def self_pay(self) -> int:
        return self.total - self.insurance

    @property
    def doctor_share(self) -> int:
        return sum(line.doctor_share for line in self.lines)

    @property
    def center_share(self) -> int:
        return self.total - self.doctor_share


def percent_of(amount: int, percent: int) -> int:
    """`percent` of a non-negative `amount`, rounded down."""
    return amount * percent // 100


def split(total: int, percent: int) -> tuple[int, int]:
    """(doctor's, centre's) part of `total`: the doctor's is rounded down, the remainder is the centre's."""
    doctor = percent_of(total, percent)
    return doctor, total - doctor


def allocate(amount: int, weights: Sequence[int]) -> list[int]:
    """`amount` (0 or more) in parts in proportion to `weights` (0 or more), which add up exactly. No weight: no part."""
    whole, parts, seen, given = sum(weights), [], 0, 0
    for weight in weights:
        seen += weight
        upto = amount * seen // whole if whole else 0
        parts.append(upto - given)
        given = upto
    return parts


def discounted(lines: Iterable[Line]) -> dict[int, int]:
    """{line id: amount} of the discounts in percent: of their line, or of what the discounts of lines left."""
    lines = list(lines)
    found = {
        line.id: -percent_of(service.amount, line.percent)
        for line in lines
        for service in lines
        if line.kind == LineKind.DISCOUNT and line.percent is not None and line.discounts_id == service.id
    }
    left = sum(
        found.get(line.id, line.amount)
        for line in lines
        if line.kind == LineKind.SERVICE or line.discounts_id is not None
    )
    for line in lines:
        if line.kind == LineKind.DISCOUNT and line.percent is not None and line.discounts_id is None:
            found[line.id] = -percent_of(max(0, left), line.percent)
    return found


def beyond(lines: Iterable[Line]) -> bool:
    """Whether the discounts are more than what they are given on."""
    lines = list(lines)
    left = {line.id: line.amount for line in lines if line.kind == LineKind.SERVICE}
    for line in lines:
        if line.kind == LineKind.DISCOUNT and line.discounts_id is not None:
            left[line.discounts_id] = left.get(line.discounts_id, 0) + line.amount
    return any(rest < 0 for rest in left.values()) or sum(line.amount for line in lines) < 0


def figures(lines: Iterable[Line], payers: Iterable[Payer] = ()) -> Figures:
    """What each service's line and each insurer comes to. Discounts beyond a line's amount stop at zero.

    `payers` in the order in which they take their part; each takes of what those before it left.
    """
    lines = list(lines)
    services = [line for line in lines if line.kind == LineKind.SERVICE]
    net = {line.id: line.amount for line in services}
    for line in lines:
        if line.kind == LineKind.DISCOUNT and line.discounts_id is not None and line.discounts_id in net:
            net[line.discounts_id] = max(0, net[line.discounts_id] + line.amount)
    over_all = -sum(line.amount for line in lines if line.kind == LineKind.DISCOUNT and line.discounts_id is None)
    over_all = min(over_all, sum(net.values()))
    for line, part in zip(services, allocate(over_all, [net[line.id] for line in services]), strict=True):
        net[line.id] -= part
    rows = [Figure(line.id, net[line.id], percent_of(net[line.id], line.doctor_percent)) for line in services]
    found = Figures(rows, {})
    left = total = found.total
    for payer in payers:
        wanted = percent_of(total, payer.value) if payer.coverage == CoverageKind.PERCENT else payer.value
        found.payers[payer.id] = min(wanted, left)
        left -= found.payers[payer.id]
    _share_out(found)
    return found


def _share_out(found: Figures) -> None:
    """Each insurer's part over the lines: of what those before it left on each."""
    for line in found.lines:
        line.self_pay = line.net
    for payer_id, amount in found.payers.items():
        for line, part in zip(found.lines, allocate(amount, [line.self_pay for line in found.lines]), strict=True):
            line.insured[payer_id] = part
            line.self_pay -= part


def earned(share: int, net: int, *, received: int, total: int, returned: int) -> int:
    """What of a line's `share` is due: in proportion to what of the line was not given back (`returned` of `net`), and
    to the money that came and stayed (`received`) for what the bill still asks (`total`). Rounded down once, at the end."""
    if not (share and net and total > 0):
        return 0
    return share * min(received, total) * (net - returned) // (total * net)
