"""A shift closes over HTTP while twenty desks pay into its cashbox: each payment is in it or refused in words."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from reception.domain import finance, verify
from reception.extensions import db
from reception.models import CashboxShift, LedgerEntry, Role, VisitStatus
from tests.drills.test_races import on_servers, served
from tests.factories import House
from tests.servers import Client, at_once

CLIENTS, EACH = 20, 3


@on_servers
def test_a_shift_closes_while_twenty_desks_pay(house: House, kind: str, workers: int) -> None:
    cashier = house.token(Role.CASHIER)
    box = house.cash.id
    ident = house.run(finance.start_shift, box, coins={}, actor=house.person(Role.CASHIER)).id
    bills = [house.visit(VisitStatus.PENDING_PAYMENT).payment.id for _ in range(CLIENTS * EACH)]
    part = {"method": "CASH", "cashbox_id": box, "amount": "120.00"}
    with served(house, kind, workers) as server:
        clients = [server.client(cashier) for _ in range(CLIENTS + 1)]
        for client in clients:
            assert client.get("/healthz").status == 200

        def pay(client: Client, mine: list[int]) -> list[tuple[int, Any]]:
            return [
                (answer.status, answer.json)
                for answer in (client.post(f"/api/v1/payments/{bill}/pay", {"parts": [part]}) for bill in mine)
            ]

        def close(client: Client) -> list[tuple[int, Any]]:
            answer = client.post(f"/api/v1/cashbox-shifts/{ident}/close", {"counted": "0", "reason": "a race"})
            return [(answer.status, answer.json)]

        acts: list[Any] = [
            lambda n=n: pay(clients[n], bills[n * EACH : (n + 1) * EACH]) for n in range(CLIENTS)
        ]  # fmt: skip
        *paid, closing = at_once([*acts, lambda: close(clients[-1])])
    told = [answer for some in paid for answer in some]
    assert closing[0][0] == 200, closing
    assert {status for status, _ in told} <= {200, 409}
    assert {found["code"] for status, found in told if status == 409} <= {"shift-closed"}
    db.session.rollback()
    taken = sum(status == 200 for status, _ in told)
    rule = (LedgerEntry.shift_id == ident, LedgerEntry.event_kind == "operation")
    count, amount = db.session.execute(
        select(func.count(), func.coalesce(func.sum(LedgerEntry.amount), 0)).where(*rule)
    ).one()
    assert count == taken
    shift = db.session.get_one(CashboxShift, ident)
    assert (shift.expected, shift.counted, shift.number) == (amount, 0, 1)
    assert list(verify.findings()) == []
