"""Tables that leave the house as CSV: each cell quoted, nothing in it a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from flask import Response

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0", "\n")
"""What a spreadsheet takes for the beginning of a formula, or swallows before one."""


def safe(cell: object) -> str:
    """`cell` as text that every spreadsheet shows as it is."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(FORMULA) else text


def lines(rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """CSV (RFC 4180), a line at a time, with the mark by which spreadsheets know UTF-8."""
    yield "\ufeff"
    for row in rows:
        line = io.StringIO()
        csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow([safe(cell) for cell in row])
        yield line.getvalue()


def csv_file(name: str, rows: Iterable[Iterable[object]]) -> Response:
    """The rows as a download called `name`, which is ours and never somebody's text."""
    answer = Response("".join(lines(rows)), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
