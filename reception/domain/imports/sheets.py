"""A table as people keep it: CSV in any usual encoding and separator, or an Excel workbook. Read row by row.

What the file does not say of itself is recognised where it is certain, shown before the run, and can be chosen. Letters
that could be two things are not guessed: Cyrillic in Windows-1251 shows itself by its commonest letters, others do not.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from reception.domain.imports import xlsx
from reception.domain.imports.files import (
    MOST_BYTES,
    Lines,
    Unreadable,
    csv_rows,
    opened,
    refuse_twins,
)
from reception.words import N_

ENCODINGS = (
    "utf-8", "utf-16-le", "utf-16-be", "windows-1251", "windows-1252", "windows-1254", "windows-1256", "cp866",
    "koi8-r",
)  # fmt: skip
SEPARATORS = (",", ";", "\t", "|")
CHUNK = 1 << 20
COMMON = re.compile(rb"[\xe0\xe5\xe8\xee\xf2]")
"""а, е, и, о, т in Windows-1251: a third of any Russian text, hardly any of an Arabic or French one."""
HIGH = re.compile(rb"[\x80-\xff]")
PAIRS = re.compile(rb"[\xa8\xb8\xc0-\xff]{2,}")


@dataclass(frozen=True, slots=True)
class Line:
    """One row: `number` counts from 1 under the header, `line` is where it stands in the file or sheet."""

    number: int
    line: int
    cells: list[str]
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table with a header. `about`: how many rows it seems to have; `form`: csv or xlsx."""

    path: Path
    form: str
    header: list[str]
    about: int
    encoding: str = ""
    separator: str = ""

    def rows(self, breathe: Callable[[], None] = lambda: None) -> Iterator[Line]:
        """Every row, read as it is asked for. Raises Unreadable.

        `breathe` is called now and then, so that others get their turn while nothing comes out yet.
        """
        return _xlsx_rows(self, breathe) if self.form == "xlsx" else _csv_lines(self)

    def first(self, count: int) -> list[Line]:
        """The first rows. Raises Unreadable."""
        rows = self.rows()
        try:
            return list(islice(rows, count))
        finally:
            rows.close()  # type: ignore[attr-defined]


def open_sheet(
    path: Path, encoding: str = "", separator: str = "", breathe: Callable[[], None] = lambda: None
) -> Sheet:
    """The table in the file, looked at but not read yet. `encoding`, `separator`: where they are not to be recognised.

    Raises Unreadable.
    """
    if encoding and encoding not in ENCODINGS:
        raise Unreadable(N_("The encoding %(name)s is not among those that are read."), name=encoding[:40])
    if separator and separator not in SEPARATORS:
        raise Unreadable(N_("Columns are separated by a comma, a semicolon, a tabulator or a bar."))
    with opened(path) as (stream, _):
        mark = stream.peek(8)[:8]
    if xlsx.is_workbook(path, mark):
        book = xlsx.Book(path, breathe)
        header = _tidy(next(book.rows(), (0, []))[1])
        _check(header)
        return Sheet(path, "xlsx", header, max(0, book.about - 1))
    found, lines = _recognised(path, encoding, breathe)
    first = _first_line(path, found)
    separator = separator or _separator_of(first)
    sheet = Sheet(path, "csv", [], max(0, lines - 1), found, separator)
    with opened(path) as (stream, _):
        header = _tidy(next(csv_rows(Lines(stream, found), separator)))
    _check(header)
    return Sheet(path, "csv", header, sheet.about, found, separator)


def _csv_lines(sheet: Sheet) -> Iterator[Line]:
    with opened(sheet.path) as (stream, _):
        lines = Lines(stream, sheet.encoding)
        rows = csv_rows(lines, sheet.separator)
        next(rows)
        for number, cells in enumerate(rows, 1):
            yield Line(number, lines.number, cells, lines.is_cut)


def _xlsx_rows(sheet: Sheet, breathe: Callable[[], None]) -> Iterator[Line]:
    rows = xlsx.Book(sheet.path, breathe).rows()
    next(rows, None)
    width = len(sheet.header)
    for number, (line, cells) in enumerate(rows, 1):
        if len(cells) > width and any(cells[width:]):
            raise Unreadable(N_("Row %(line)s has cells beyond the last column that has a name."), line=line)
        yield Line(number, line, [*cells, *[""] * (width - len(cells))][:width])


def _tidy(header: list[str]) -> list[str]:
    """Names of columns without what editors put around them."""
    return [" ".join(name.replace("\ufeff", "").split()) for name in header]


def _check(header: list[str]) -> None:
    if not any(header):
        raise Unreadable(N_("The first row has no names of columns."))
    refuse_twins(header)


def _first_line(path: Path, encoding: str) -> str:
    with opened(path) as (stream, _):
        for line in Lines(stream, encoding):
            return line
    raise Unreadable(N_("The file is empty."))


def _separator_of(line: str) -> str:
    """The separator that makes the most columns of the header."""

    def columns(separator: str) -> int:
        try:
            return len(next(csv.reader([line], delimiter=separator), []))
        except csv.Error:
            return 0

    return max(SEPARATORS, key=columns)  # the first of equals: the comma


def _recognised(path: Path, chosen: str, breathe: Callable[[], None]) -> tuple[str, int]:
    """(encoding, number of lines) by a look at the whole file."""
    size = lines = high = paired = common = 0
    is_utf8, decoder = True, codecs.getincrementaldecoder("utf-8")()
    with opened(path) as (stream, marked):
        head = stream.peek(512)[:512]
        wide = marked if marked != "utf-8" else _wide(head)
        while chunk := _read(stream):
            size += len(chunk)
            if size > MOST_BYTES:
                raise Unreadable(N_("The file is too large: at most %(most)s MB unpacked."), most=MOST_BYTES >> 20)
            lines += chunk.count(b"\n")
            if is_utf8 and not wide:
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError:
                    is_utf8 = False
            high += len(HIGH.findall(chunk))
            paired += sum(map(len, PAIRS.findall(chunk)))
            common += len(COMMON.findall(chunk))
            breathe()
    if wide:
        return wide, lines
    if chosen:
        return chosen, lines
    is_cyrillic = not is_utf8 and paired > 0.8 * high and common > 0.15 * high
    return "windows-1251" if is_cyrillic else "utf-8", lines


def _read(stream: io.BufferedReader) -> bytes:
    try:
        return stream.read(CHUNK)
    except (EOFError, OSError, zlib.error):
        return b""  # a broken archive: the reading of its rows says at which line


def _wide(head: bytes) -> str:
    """UTF-16 without its mark: every second byte of a Latin header is zero."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    if len(head) >= 8 and max(even, odd) > len(head) // 4 > 4 * min(even, odd):
        return "utf-16-be" if even > odd else "utf-16-le"
    return ""
