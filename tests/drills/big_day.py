"""The largest day of the real no-show set, run through a real server by twenty clients at once.

    python -m tests.drills.big_day [--count N] [--only sqlite|postgresql] [--whole-file]

Needs TEST_DATA (and TEST_POSTGRES_URL for PostgreSQL). The clinic is empty but for what `import appointments` brings in
`--as-of` that day. Desk clients check in who came and mark who did not; doctors' clients call, start and finish; tills
take the money. Who has several appointments is checked in for the next when the one before is finished.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import os
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from sqlalchemy import func, select

from reception import clock, create_app, live
from reception.domain import verify
from reception.domain.imports import appointments, people, store
from reception.extensions import db, limiter
from reception.models import (
    Account,
    AccountKind,
    Appointment,
    AuditEntry,
    LedgerEntry,
    LedgerKind,
    Operation,
    Payment,
    Role,
    Visit,
    VisitEvent,
)
from tests.conftest import admin, migrated, postgres_url, settings
from tests.factories import House
from tests.servers import Client, Server, serving

DAY = date(2016, 5, 16)
REAL = "noshow-2016/appointments_2016-04-29_to_05-25.csv.gz"
DESKS, DOCTORS, TILLS = 5, 11, 4
"""Twenty clients, each with its own line to the server."""
PATIENCE = 300
"""Seconds without any answer after which the drill gives up."""


def part_of_the_day(data: Path, folder: Path, count: int | None) -> Path:
    """A file with rows of DAY: all of them, or about `count`, those of people with several appointments first."""
    with gzip.open(data / REAL, "rt", encoding="utf-8", newline="") as source:
        reader = csv.DictReader(source)
        rows = [row for row in reader if row["AppointmentDay"].startswith(str(DAY))]
    of = Counter(row["PatientId"] for row in rows)
    if count is not None:
        chosen: set[str] = set()
        wanted = sorted(of, key=lambda who: (of[who] < 3, who))
        while sum(of[who] for who in chosen) < count and wanted:
            chosen.add(wanted.pop(0))
        rows = [row for row in rows if row["PatientId"] in chosen]
    with (folder / "day.csv").open("w", encoding="utf-8", newline="") as target:
        writer = csv.DictWriter(target, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return folder / "day.csv"


@contextmanager
def house_of_2016(folder: Path, url: str) -> Iterator[House]:
    """A clinic whose clock stands in the morning of DAY, on the migrated database `url`."""
    app = create_app(settings(folder, url, RECEPTION_NOW=f"{DAY}T10:30:00Z"))
    live.hub = live.Hub()
    limiter.reset()
    with app.app_context():
        yield House.open(app, "Vila", "America/Sao_Paulo")
        db.session.remove()
        db.engine.dispose()
    clock.start_at(None)


@dataclass
class Drill:
    """The work of the day, handed from desk to doctor to till. `came`: appointment id -> did they come?"""

    came: dict[int, bool]
    cashboxes: list[int]
    statuses: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    answered: dict[int, int] = field(default_factory=dict)
    """Visit -> the number that the check-in answered."""
    arrivals: SimpleQueue[dict[str, Any] | None] = field(default_factory=SimpleQueue)
    lines: list[SimpleQueue[int | None]] = field(default_factory=lambda: [SimpleQueue() for _ in range(DOCTORS)])
    bills: SimpleQueue[int | None] = field(default_factory=SimpleQueue)
    later: dict[int, deque[dict[str, Any]]] = field(default_factory=lambda: defaultdict(deque))
    lock: threading.Lock = field(default_factory=threading.Lock)
    done: int = 0

    def run(self, server: Server, tokens: list[dict[str, str]], say: Callable[[str], None]) -> float:
        """Everybody works until the day is over. Seconds it took."""
        clients = [server.client(tokens[n % len(tokens)]) for n in range(DESKS + DOCTORS + TILLS)]
        today = list(self._today(clients[0]))
        assert {row["id"] for row in today} == set(self.came)
        for row in today:
            self.later[row["patient_id"]].append(row)
        for line in list(self.later.values()):
            self.arrivals.put(line.popleft())
        jobs: list[tuple[Callable[..., None], tuple[Any, ...]]] = [(self._desk, ())] * DESKS
        jobs += [(self._doctors, (n,)) for n in range(DOCTORS)]
        jobs += [(self._till, (n,)) for n in range(TILLS)]
        began = time.monotonic()
        threads = [
            threading.Thread(target=self._guarded, args=(job, client, *more), daemon=True)
            for (job, more), client in zip(jobs, clients, strict=True)
        ]
        for thread in threads:
            thread.start()
        seen, since = -1, began
        while any(thread.is_alive() for thread in threads):
            threads[-1].join(5)
            if self.done != seen:
                seen, since = self.done, time.monotonic()
                say(f"{self.done:,} of {len(self.came):,} appointments are over")
            assert time.monotonic() - since < PATIENCE, f"the day came to a halt: {self.wrong[:3]}"
        return time.monotonic() - began

    def _today(self, client: Client) -> Iterator[dict[str, Any]]:
        cursor = ""
        while True:
            found = client.get(f"/api/v1/appointments?date={DAY}&limit=500{cursor}").json
            yield from found["items"]
            if not found["next"]:
                return
            cursor = f"&cursor={found['next']}"

    def _guarded(self, job: Callable[..., None], client: Client, *more: Any) -> None:
        try:
            job(client, *more)
        except BaseException as error:
            self.wrong.append(f"{job.__name__}: {error!r}")
            self._close()
        finally:
            client.close()

    def _close(self) -> None:
        for _ in range(DESKS):
            self.arrivals.put(None)
        for line in self.lines:
            line.put(None)
        for _ in range(TILLS):
            self.bills.put(None)

    def _post(self, client: Client, path: str, body: Any = None) -> Any:
        """The JSON of an act that must succeed."""
        found = client.post(f"/api/v1{path}", {} if body is None else body)
        with self.lock:
            self.statuses[f"{path.rsplit('/', 1)[1]} {found.status}"] += 1
            if found.status != 200:
                self.wrong.append(f"{path}: {found.status} {found.text[:200]}")
        if found.status != 200:
            raise RuntimeError("refused")
        return found.json

    # ------------------------------------------------------------------------------------------ who does what

    def _desk(self, client: Client) -> None:
        """Check in who came; who did not is said not to have come, and the person's next appointment is due."""
        while (row := self.arrivals.get()) is not None:
            if not self.came[row["id"]]:
                self._post(client, f"/appointments/{row['id']}/no-show")
                self._over(row["patient_id"])
                self._one_less()
                continue
            visit = self._post(client, f"/appointments/{row['id']}/check-in")["visit"]
            with self.lock:
                self.answered[visit["id"]] = visit["queue_number"]
            self.lines[row["doctor_id"] % DOCTORS].put(row["doctor_id"])

    def _doctors(self, client: Client, number: int) -> None:
        """A share of the doctors: each check-in into one's line is one call."""
        while (doctor_id := self.lines[number].get()) is not None:
            visit = self._post(client, f"/doctors/{doctor_id}/call-next")
            self._post(client, f"/visits/{visit['id']}/start")
            done = self._post(client, f"/visits/{visit['id']}/finish")
            self._over(done["patient_id"])
            self.bills.put(done["payment_id"])

    def _till(self, client: Client, number: int) -> None:
        """Every fifth bill is paid in two parts."""
        while (bill_id := self.bills.get()) is not None:
            bill = client.get(f"/api/v1/payments/{bill_id}").json
            amounts = ["50.00", "70.00"] if bill_id % 5 == 0 else [bill["due_amount"]]
            kinds = zip(("CASH", "CARD"), self.cashboxes, amounts, strict=False)
            parts = [{"method": kind, "cashbox_id": box, "amount": amount} for kind, box, amount in kinds]
            paid = self._post(client, f"/payments/{bill_id}/pay", {"parts": parts, "version": bill["version"]})
            assert paid["status"] == "PAID"
            self._one_less()

    def _over(self, patient_id: int) -> None:
        with self.lock:
            following = self.later[patient_id].popleft() if self.later[patient_id] else None
        if following is not None:
            self.arrivals.put(following)

    def _one_less(self) -> None:
        with self.lock:
            self.done += 1
            last = self.done == len(self.came)
        if last:
            self._close()


@dataclass(frozen=True, slots=True)
class Result:
    """What the day was, for who reads the drill's words."""

    booked: int
    came: int
    seconds: float
    statuses: Counter[str]

    def __str__(self) -> str:
        acts = sum(self.statuses.values())
        return (
            f"{self.booked:,} appointments, {self.came:,} came: {acts:,} acts in {self.seconds:.0f} s,"
            f" {acts / self.seconds:.0f} a second; answers: {dict(self.statuses)}"
        )


def drill(house: House, file: Path, say: Callable[[str], None] = lambda _: None) -> Result:
    """Import, serve, run, and look at every number. Raises AssertionError."""
    reading = appointments.read(file)
    came_by_key = {store.SOURCE + b.key: b.came for b in reading.days[DAY]}
    house.run(store.store, reading, DAY, 12_000, people.built_in())
    say(f"{reading.count:,} appointments are imported")
    here = select(Appointment.source_key, Appointment.id).where(Appointment.day == DAY)
    came = {ident: came_by_key[key] for key, ident in db.session.execute(here) if key}
    assert len(came) == len(came_by_key)
    day = Drill(came, [house.cash.id, house.card.id])
    tokens = [house.token(Role.RECEPTIONIST, Role.CASHIER, Role.ADMIN) for _ in range(3)]
    with serving(house) as server:
        seconds = day.run(server, tokens, say)
        assert "Traceback" not in server.output()
    assert day.wrong == []
    check(day)
    return Result(len(came), sum(came.values()), seconds, day.statuses)


def check(day: Drill) -> None:
    """Every number of the day, from the database."""
    db.session.rollback()
    attended = sum(day.came.values())
    rows = db.session.execute(
        select(Appointment.id, Appointment.status, Visit.id, Visit.status, Visit.queue_number, Payment.status)
        .join(Visit, Visit.appointment_id == Appointment.id)
        .join(Payment, Payment.visit_id == Visit.id)
        .where(Appointment.day == DAY)
    ).all()
    for ident, appointment, visit_id, visit, number, bill in rows:
        expected = ("COMPLETED", "COMPLETED", "PAID") if day.came[ident] else ("NO_SHOW", "NO_SHOW", "CANCELLED")
        assert (appointment, visit, bill) == expected
        assert number == (day.answered[visit_id] if day.came[ident] else None)
    assert sorted(day.answered.values()) == list(range(1, attended + 1)), "a number is missing or there twice"
    boxes = select(func.sum(Account.balance)).where(Account.kind == AccountKind.CASHBOX)
    assert db.session.scalar(boxes) == attended * 12_000
    entries = select(func.count(), func.sum(LedgerEntry.amount)).where(LedgerEntry.kind == LedgerKind.PAYMENT)
    in_two = db.session.scalar(select(func.count()).where(Payment.id % 5 == 0, Payment.status == "PAID",
                                                          Payment.total_amount > 0)) or 0  # fmt: skip
    assert tuple(db.session.execute(entries).one()) == (attended + in_two, attended * 12_000)
    receipts = db.session.scalars(select(Operation.receipt_no).order_by(Operation.receipt_no)).all()
    assert receipts == [f"2016-{n:06d}" for n in range(1, attended + 1)]
    invoices = db.session.scalars(select(Payment.invoice_no).where(Payment.invoice_no.is_not(None))).all()
    assert sorted(invoices) == [f"2016-{n:05d}" for n in range(1, attended + 1)]
    for move in ("check-in", "call", "start", "finish", "settle"):
        made = select(func.count()).where(VisitEvent.move == move)
        assert db.session.scalar(made) == attended, move
        acts = select(func.count()).where(AuditEntry.action == f"visit.{move}")
        assert db.session.scalar(acts) == attended, move
    owed = select(func.sum(Account.balance)).where(Account.kind == AccountKind.PATIENT_DEBT)
    later = select(func.coalesce(func.sum(Payment.total_amount), 0)).where(Payment.status == "PENDING")
    assert db.session.scalar(owed) == db.session.scalar(later), "somebody of the day still owes"
    wrong = list(verify.findings())
    assert wrong == [], wrong[:10]


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """Address of a new migrated database, thrown away afterwards."""
    if kind == "sqlite":
        url = f"sqlite:///{folder / 'drill.db'}"
        migrated(folder, url)
        yield url
        return
    name = f"reception_drill_{uuid.uuid4().hex[:12]}"
    admin(f"CREATE DATABASE {name}")
    try:
        migrated(folder, postgres_url(name))
        yield postgres_url(name)
    finally:
        admin(f"DROP DATABASE {name} WITH (FORCE)")


def main() -> None:
    """The full drill from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, help="about so many appointments instead of all")
    parser.add_argument("--only", choices=["sqlite", "postgresql"], help="one database instead of both")
    parser.add_argument("--whole-file", action="store_true", help="import the other 18 days too")
    options = parser.parse_args()
    if not os.environ.get("TEST_DATA"):
        sys.exit("Say where the public data sets are: TEST_DATA=…")
    data = Path(os.environ["TEST_DATA"])
    for kind in [options.only] if options.only else ["sqlite", "postgresql"]:
        with tempfile.TemporaryDirectory() as name, database(kind, Path(name)) as url:
            file = data / REAL if options.whole_file else part_of_the_day(data, Path(name), options.count)
            with house_of_2016(Path(name), url) as house:
                result = drill(house, file, lambda line, kind=kind: print(f"{kind}: {line}", flush=True))  # type: ignore[misc]
            print(f"{kind}: {result}", flush=True)


if __name__ == "__main__":
    main()
