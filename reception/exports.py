"""Tables that leave the house as CSV or Excel: nothing in them is a formula, whoever wrote it."""

from __future__ import annotations

import csv
import io
import itertools
import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, time
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import IO, Any

import xlsxwriter
from flask import Response, send_file

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0", "\n")
"""What a spreadsheet takes for the beginning of a formula, or swallows before one."""
MOST_ROWS = 1_000_000
"""Of one sheet; the rest goes to the next."""
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
WIDEST = 44
PIECE = 100


def safe(cell: object) -> str:
    """`cell` as text that every spreadsheet shows as it is."""
    text = "" if cell is None else _text(cell)
    return f"'{text}" if text.startswith(FORMULA) and not isinstance(cell, int | Decimal) else text


def _text(cell: object) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, time):
        return f"{cell:%H:%M}"
    return str(cell)


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


def xlsx_file(
    name: str,
    heads: list[str],
    rows: Iterable[Iterable[object]],
    aside: Callable[..., object] | None = None,
    *,
    is_rtl: bool = False,
    breathe: Callable[[], None] = lambda: None,
) -> Response:
    """The rows as an Excel workbook to download. `aside`: where rows that are there already may be written."""
    file = tempfile.TemporaryFile()  # noqa: SIM115  closed with the answer
    table = itertools.chain([heads], rows)
    if aside is None:
        write_xlsx(file, table, is_rtl=is_rtl, breathe=breathe)
    else:
        aside(partial(write_xlsx, is_rtl=is_rtl), file, table)
    file.seek(0)
    return send_file(file, mimetype=XLSX, as_attachment=True, download_name=name, etag=False)


def csv_stream(name: str, rows: Iterable[Iterable[object]], breathe: Callable[[], None] = lambda: None) -> Response:
    """Many rows as a download; it is whole before the first byte goes out, and never in memory."""
    file = tempfile.TemporaryFile()  # noqa: SIM115  closed with the answer
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    _write_lines(text, rows, breathe)
    text.flush()
    text.detach()
    file.seek(0)
    return send_file(file, mimetype="text/csv", as_attachment=True, download_name=name, etag=False)


def write_csv(path: Path, rows: Iterable[Iterable[object]], breathe: Callable[[], None] = lambda: None) -> int:
    """Write the rows to `path`, one at a time; how many there were besides the heads."""
    with path.open("w", encoding="utf-8", newline="") as file:
        return _write_lines(file, rows, breathe)


def _write_lines(file: IO[str], rows: Iterable[Iterable[object]], breathe: Callable[[], None]) -> int:
    count = -2  # the mark and the heads
    for count, line in enumerate(lines(rows), -1):
        file.write(line)
        if count % PIECE == 0:
            breathe()
    return max(0, count)


def write_xlsx(
    target: Path | IO[bytes],
    rows: Iterable[Iterable[object]],
    *,
    is_rtl: bool = False,
    breathe: Callable[[], None] = lambda: None,
) -> int:
    """Write the rows to an Excel workbook, heads first, a row at a time; how many there were besides the heads.

    Text is written as text, whatever it looks like; days, times and numbers as what they are.
    """
    book = xlsxwriter.Workbook(
        target,
        {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False},
    )  # fmt: skip
    sheet = _Sheet(book, is_rtl)
    count = -1
    for count, row in enumerate(rows):
        sheet.write(row)
        if count % PIECE == 0:
            breathe()
    book.close()
    return max(0, count)


class _Sheet:
    """Where the next row goes."""

    def __init__(self, book: xlsxwriter.Workbook, is_rtl: bool) -> None:
        self._book, self._is_rtl = book, is_rtl
        self._heads: list[object] = []
        self._day = book.add_format({"num_format": "yyyy-mm-dd", "align": "left"})
        self._time = book.add_format({"num_format": "hh:mm", "align": "left"})
        self._moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss", "align": "left"})
        self._seconds = book.add_format({"num_format": "hh:mm:ss", "align": "left"})
        self._amounts: dict[int, Any] = {}
        self._bold = book.add_format({"bold": True, "bottom": 1})
        self._quoted = book.add_format({"quote_prefix": True})
        self._row = MOST_ROWS + 1

    def write(self, row: Iterable[object]) -> None:
        cells = list(row)
        if not self._heads:
            self._heads = cells
            self._next_sheet()
            return
        if self._row > MOST_ROWS:
            self._next_sheet()
        for column, cell in enumerate(cells):
            self._cell(column, cell)
        self._row += 1

    def _next_sheet(self) -> None:
        self._sheet = self._book.add_worksheet()
        if self._is_rtl:
            self._sheet.right_to_left()
        self._sheet.freeze_panes(1, 0)
        for column, head in enumerate(self._heads):
            self._sheet.set_column(column, column, min(WIDEST, max(12, len(str(head)) + 4)))
            self._sheet.write_string(0, column, str(head), self._bold)
        self._row = 1

    def _cell(self, column: int, cell: object) -> None:
        if cell is None or cell == "":
            return
        if isinstance(cell, bool):
            self._sheet.write_string(self._row, column, _text(cell))
        elif isinstance(cell, Decimal):
            self._sheet.write_number(self._row, column, float(cell), self._amount(cell))
        elif isinstance(cell, int):
            self._sheet.write_number(self._row, column, cell)
        elif isinstance(cell, datetime):
            self._sheet.write_datetime(self._row, column, cell.replace(tzinfo=None), self._moment)
        elif isinstance(cell, date):
            if cell.year >= 1900:
                self._sheet.write_datetime(self._row, column, cell, self._day)
            else:  # Excel knows no days before
                self._sheet.write_string(self._row, column, cell.isoformat())
        elif isinstance(cell, time):
            self._sheet.write_datetime(self._row, column, cell, self._seconds if cell.second else self._time)
        else:
            text = str(cell)
            is_formula = text.startswith(FORMULA)
            self._sheet.write_string(self._row, column, text, self._quoted if is_formula else None)

    def _amount(self, cell: Decimal) -> Any:
        """The format with as many digits after the point as the amount says: 0 of yen, 2 of euros, 3 of dinars."""
        exponent = cell.as_tuple().exponent
        places = -exponent if isinstance(exponent, int) and exponent < 0 else 0
        if places not in self._amounts:
            self._amounts[places] = self._book.add_format(
                {"num_format": "#,##0" + ("." + "0" * places if places else "")}
            )
        return self._amounts[places]
