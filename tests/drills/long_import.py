"""A long file of patients, from its first row to the commit: how long it takes, how much memory, how long the desk waits.

    python -m tests.drills.long_import [--rows 50000] [--bad] [--database URL]

Prints one line of JSON: seconds of check and store, resident memory after the first tenth of the rows and the most
after that, and the longest time for which others had no turn.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from flask_migrate import upgrade

from reception import clock, create_app, importing
from reception.domain.actors import Actor
from reception.domain.errors import Refusal
from reception.domain.imports import columns
from reception.domain.imports.patients import Patients
from reception.domain.imports.runs import Mapped
from reception.domain.imports.sheets import open_sheet
from reception.extensions import db
from tests.conftest import settings
from tests.factories import House

HEADER = "Id;Last name;First name;Born;Sex;Phone;Address;E-mail\n"


def write(path: Path, rows: int, is_bad: bool) -> Path:
    """People who all differ; with `is_bad` the last one was born on an impossible day."""
    with path.open("w", encoding="utf-8") as file:
        file.write(HEADER)
        for n in range(1, rows + 1):
            born = "31.02.1999" if is_bad and n == rows else f"{n % 28 + 1:02}.{n % 12 + 1:02}.{1930 + n % 90}"
            file.write(f"{n};Family{n:06};Given{n % 977};{born};f;030{90_000_000 + n};Street {n};p{n}@example.org\n")
    return path


class Watch:
    """Notes memory and time at every piece."""

    def __init__(self, rows: int) -> None:
        self.process = psutil.Process()
        self.tenth = rows // 10
        self.early = self.most = 0
        self.steps: dict[str, float] = {}
        self.longest = 0.0
        self.last = time.monotonic()

    def __call__(self, step: str, done: int, total: int) -> None:
        now = time.monotonic()
        self.steps[step] = self.steps.get(step, 0.0) + now - self.last
        self.longest = max(self.longest, now - self.last)
        self.last = now
        if done % 200 and done != total:
            return
        resident = self.process.memory_info().rss
        if done <= self.tenth and step == "read":
            self.early = max(self.early, resident)
        self.most = max(self.most, resident)


def drill(rows: int, is_bad: bool, url: str = "") -> dict[str, Any]:
    """Bring the file in and say what it took."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        app = create_app(settings(folder, url or f"sqlite:///{folder / 'drill.db'}"))
        with app.app_context():
            upgrade()
            actor: Actor = House.open(app, f"Drill {time.monotonic_ns()}").actor
            db.session.commit()
            sheet = open_sheet(write(folder / "people.csv", rows, is_bad))
            watch = Watch(rows)
            mapped = Mapped(Patients, columns.matched(sheet.header, Patients.columns))
            try:
                report = importing.carry_out(sheet, mapped, actor, is_dry=False, tell=watch)
                refused = [fault.plain for fault in report.faults]
            except Refusal as refusal:
                refused = [{"message": str(refusal)}]
            db.session.remove()
            db.engine.dispose()
        clock.start_at(None)
    return {
        "rows": rows, "refused": refused, "seconds": {step: round(took, 1) for step, took in watch.steps.items()},
        "longest_turn_ms": round(watch.longest * 1000), "mb_after_a_tenth": round(watch.early / 2**20, 1),
        "mb_most": round(watch.most / 2**20, 1), "growth": round(watch.most / watch.early - 1, 4),
    }  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--bad", action="store_true")
    parser.add_argument("--database", default="")
    given = parser.parse_args()
    print(json.dumps(drill(given.rows, given.bad, given.database)))
