"""`make bench`: run every part, print its table, keep the figures in bench/results/."""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import platform  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from bench import calendar, desk, duplicates, history, icd, ledger, push, registry, search, writes  # noqa: E402

PARTS = {"push": push.measure, "writes": writes.measure, "desk": desk.measure, "calendar": calendar.measure,
         "search": search.measure, "registry": registry.measure, "duplicates": duplicates.measure, "ledger": ledger.measure, "lists": duplicates.lists, "icd": icd.measure, "history": history.measure}  # fmt: skip
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}; all of them by default")
    parser.add_argument("--backend", choices=["sqlite", "postgresql", "both"], default="both")
    wish = parser.parse_args()
    if strange := [part for part in wish.parts if part not in PARTS]:
        parser.error(f"no such part: {', '.join(strange)}")
    backends = ["sqlite", "postgresql"] if wish.backend == "both" else [wish.backend]
    RESULTS.mkdir(exist_ok=True)
    for part in wish.parts or list(PARTS):
        for backend in backends:
            rows = PARTS[part](backend)
            print(f"\n## {part}, {backend}\n\n{table(rows)}", flush=True)
            found = {"part": part, "backend": backend, "rows": rows, "python": platform.python_version(),
                     "cores": os.cpu_count()}  # fmt: skip
            (RESULTS / f"{part}-{backend}.json").write_text(json.dumps(found, indent=1) + "\n")


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    heads = list(rows[0])
    lines = [
        heads,
        ["---"] * len(heads),
        *[[f"{row[h]:,}" if isinstance(row[h], int) else str(row[h]) for h in heads] for row in rows],
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    main()
