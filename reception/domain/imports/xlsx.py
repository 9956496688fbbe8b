"""Excel workbooks (.xlsx), row by row: the first sheet that is shown, its cells as text.

A cell's place is checked before room is made for it, and what stands around the rows is read by `xlsx_parts.py`. Memory
stays the same however long the sheet is, which none of the usual readers promise.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from reception.domain.imports.files import MOST_COLUMNS, MOST_ROWS, Unreadable, check_width
from reception.domain.imports.xlsx_parts import (
    Reader,
    Sheets,
    Texts,
    date_styles,
    links_of,
    longer,
    parsed,
    said_rows,
    whole,
    whole_number,
)
from reception.domain.imports.zips import MAGIC, Archive, broken
from reception.words import N_

OLD = b"\xd0\xcf\x11\xe0"


def is_workbook(path: Path, mark: bytes) -> bool:
    """Whether the file is an .xlsx workbook by its first bytes. Raises Unreadable for what looks like another one."""
    if mark.startswith(OLD):
        raise Unreadable(
            N_(
                "This is an old Excel file (.xls) or one locked with a password. Save it as .xlsx without one, or as CSV."
            )
        )
    if not mark.startswith(MAGIC):
        return False
    archive = Archive(path)
    try:
        if "[Content_Types].xml" not in archive:
            raise Unreadable(N_("This is a ZIP archive and not an Excel workbook. Unpack it first."))
    finally:
        archive.close()
    return True


class Book:
    """A workbook's first shown sheet. `about`: how many rows it says it has. Raises Unreadable."""

    def __init__(self, path: Path, breathe: Callable[[], None] = lambda: None) -> None:
        self.path, self.breathe = path, breathe
        archive = Archive(path)
        try:
            self._find_sheet(archive)
            self.about = said_rows(archive, self.sheet)
        finally:
            archive.close()

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """(row of the sheet, its cells) for every row that is not blank. Raises Unreadable."""
        archive = Archive(self.path)
        try:
            with Texts(archive, self.texts, self.breathe) as texts:
                dates = date_styles(archive, self.styles)
                reader = _Rows(texts, dates, self.is_1904)
                count = 0
                for _ in parsed(archive, self.sheet, reader):
                    self.breathe()
                    while reader.ready:
                        count += 1
                        if count > MOST_ROWS + 1:
                            raise Unreadable(N_("The file has more than %(most)s rows. Split it."), most=MOST_ROWS)
                        yield reader.ready.popleft()
        finally:
            archive.close()

    def _find_sheet(self, archive: Archive) -> None:
        root = links_of(archive, "")
        book = next((target for kind, target in root.values() if kind == "officeDocument"), "xl/workbook.xml")
        links = links_of(archive, book)
        found = Sheets()
        whole(archive, book, found)
        self.is_1904 = found.is_1904
        shown = [link for link, is_shown in found.sheets if is_shown and links.get(link, ("", ""))[0] == "worksheet"]
        if not shown:
            raise Unreadable(N_("The workbook has no sheet with a table."))
        self.sheet = links[shown[0]][1]
        self.texts = next((target for kind, target in links.values() if kind == "sharedStrings"), "")
        self.styles = next((target for kind, target in links.values() if kind == "styles"), "")


# ------------------------------------------------------------------------------------------------------------- rows


@dataclass
class _Rows(Reader):
    """The rows of a sheet as they are read, in `ready`."""

    texts: Texts
    dates: list[bool]
    is_1904: bool
    ready: deque[tuple[int, list[str]]] = field(default_factory=deque)
    row: int = 0
    cells: list[str] = field(default_factory=list)
    column: int = 0
    kind: str = "n"
    style: int = 0
    parts: list[str] = field(default_factory=list)
    length: int = 0
    is_text: bool = False
    depth: int = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "c":
            self._begin_cell(attributes)
        elif tag == "row":
            self.row = whole_number(attributes["r"]) if "r" in attributes else self.row + 1
            self.cells, self.column = [], 0
        elif tag == "rPh":
            self.depth += 1
        self.is_text = tag in ("v", "t") and not self.depth

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        place = attributes.get("r", "")
        self.column = _column(place) if place else self.column + 1
        check_width(self.column)
        self.kind = attributes.get("t", "n")
        self.style = whole_number(attributes.get("s", "0"))
        self.parts.clear()
        self.length = 0

    def text(self, text: str) -> None:
        if self.is_text:
            self.length = longer(self.length, text)
            self.parts.append(text)

    def end(self, tag: str) -> None:
        self.is_text = False
        if tag == "c":
            if self.parts:
                self.cells.extend([""] * (self.column - len(self.cells)))
                self.cells[self.column - 1] = self._value("".join(self.parts))
        elif tag == "row":
            if any(self.cells):
                self.ready.append((self.row, self.cells))
        elif tag == "rPh":
            self.depth -= 1

    def _value(self, raw: str) -> str:
        if self.kind == "s":
            return self.texts[whole_number(raw)]
        if self.kind == "b":
            return "1" if raw.strip() == "1" else "0"
        if self.kind == "e":
            raise Unreadable(
                N_("Row %(line)s holds a formula that has failed: %(error)s."), line=self.row, error=raw[:20]
            )
        if self.kind != "n":  # texts of their own, results of formulas, ISO dates
            return raw
        if self.style < len(self.dates) and self.dates[self.style]:
            return _moment(raw, self.is_1904)
        return _plain_number(raw)


def _column(place: str) -> int:
    """B7 -> 2."""
    letters = place.rstrip("0123456789")
    if not 1 <= len(letters) <= 3 or not letters.isascii() or not letters.isalpha():
        raise broken()
    column = 0
    for letter in letters.upper():
        column = column * 26 + ord(letter) - 64
    if column > MOST_COLUMNS:
        check_width(column)
    return column


def _plain_number(raw: str) -> str:
    """A number as Excel shows it: fifteen digits, no exponent where it is whole."""
    text = raw.strip()
    if re.fullmatch(r"-?\d+", text):
        return text
    try:
        shown = f"{float(text):.15g}"
        return str(int(float(shown))) if float(shown).is_integer() and abs(float(shown)) < 1e15 else shown
    except (ValueError, OverflowError):
        raise broken() from None


def _moment(raw: str, is_1904: bool) -> str:
    """A day (2026-05-16), a time (08:30:00), or both, from the count of days that Excel keeps."""
    try:
        days = float(raw)
        if not 0 <= days < 2_958_466:
            return raw
    except ValueError:
        raise broken() from None
    if days < 1 and not is_1904:
        return str((datetime(1900, 1, 1) + timedelta(seconds=round(days * 86_400))).time())  # noqa: DTZ001  a wall time
    base = datetime(1904, 1, 1) if is_1904 else datetime(1899, 12, 30 if days >= 60 else 31)  # noqa: DTZ001
    at = base + timedelta(seconds=round(days * 86_400))
    return at.date().isoformat() if not (at.hour or at.minute or at.second) else at.isoformat(" ")
