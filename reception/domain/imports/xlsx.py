"""Excel workbooks (.xlsx), row by row: the first sheet that is shown, its cells as text.

Read with the standard library's own parser and our own eyes on it: bytes are counted as they are unpacked, a document
type is refused before it can declare anything, a cell's place is checked before room is made for it. Shared texts wait in
a temporary file. Memory so stays the same however long the sheet is, which none of the usual readers promise.
"""

from __future__ import annotations

import posixpath
import re
import tempfile
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from xml.parsers import expat

from reception.domain.imports.files import MOST_COLUMNS, MOST_ROWS, Unreadable, check_width
from reception.domain.imports.zips import MAGIC, Archive, broken
from reception.words import N_

OLD = b"\xd0\xcf\x11\xe0"
LONGEST_CELL = 32_767
"""Excel's own limit."""
LONGEST_TOKEN = 1 << 20
"""Bytes in which at least one tag or text must begin: an endless tag would be kept in memory as a whole."""
MOST_STYLES = 100_000
MOST_TEXTS = 20_000_000
DATES = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
"""Numbers of the built-in formats that show a date or time."""
NOT_SHOWN = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')


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
            self.about = _said_rows(archive, self.sheet)
        finally:
            archive.close()

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """(row of the sheet, its cells) for every row that is not blank. Raises Unreadable."""
        archive = Archive(self.path)
        try:
            with _Texts(archive, self.texts, self.breathe) as texts:
                dates = _date_styles(archive, self.styles)
                reader = _Rows(texts, dates, self.is_1904)
                count = 0
                for _ in _parsed(archive, self.sheet, reader):
                    self.breathe()
                    while reader.ready:
                        count += 1
                        if count > MOST_ROWS + 1:
                            raise Unreadable(N_("The file has more than %(most)s rows. Split it."), most=MOST_ROWS)
                        yield reader.ready.popleft()
        finally:
            archive.close()

    def _find_sheet(self, archive: Archive) -> None:
        root = _links(archive, "")
        book = next((target for kind, target in root.values() if kind == "officeDocument"), "xl/workbook.xml")
        links = _links(archive, book)
        found = _Sheets()
        _whole(archive, book, found)
        self.is_1904 = found.is_1904
        shown = [link for link, is_shown in found.sheets if is_shown and links.get(link, ("", ""))[0] == "worksheet"]
        if not shown:
            raise Unreadable(N_("The workbook has no sheet with a table."))
        self.sheet = links[shown[0]][1]
        self.texts = next((target for kind, target in links.values() if kind == "sharedStrings"), "")
        self.styles = next((target for kind, target in links.values() if kind == "styles"), "")


# ---------------------------------------------------------------------------------------------------------- parsing


class _Reader:
    """What a part is read with: told of tags (without their namespace) and of text."""

    seen = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None: ...

    def end(self, tag: str) -> None: ...

    def text(self, text: str) -> None: ...


def _parsed(archive: Archive, name: str, reader: _Reader) -> Iterator[None]:
    """Feed the part to `reader`, a piece at a time."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = False

    def start(tag: str, attributes: dict[str, str]) -> None:
        reader.seen += 1
        reader.start(tag.rpartition(" ")[2], attributes)

    def end(tag: str) -> None:
        reader.end(tag.rpartition(" ")[2])

    def text(content: str) -> None:
        reader.seen += 1
        reader.text(content)

    def refuse(*_: Any) -> None:
        raise Unreadable(N_("The workbook declares a document type. Nothing of it is read."))

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    parser.StartDoctypeDeclHandler = refuse
    silent, before = 0, 0
    try:
        for chunk in archive.chunks(name):
            parser.Parse(chunk, False)
            silent = 0 if reader.seen != before else silent + len(chunk)
            before = reader.seen
            if silent > LONGEST_TOKEN:
                raise broken()
            yield
        parser.Parse(b"", True)
        yield
    except expat.ExpatError:
        raise broken() from None


def _whole(archive: Archive, name: str, reader: _Reader) -> None:
    deque(_parsed(archive, name, reader), maxlen=0)


def _links(archive: Archive, part: str) -> dict[str, tuple[str, str]]:
    """The relations of a part: id -> (kind, the part it points at)."""
    folder, _, name = part.rpartition("/")
    place = posixpath.join(folder, "_rels", f"{name}.rels")
    reader = _Links(folder)
    if place in archive:
        _whole(archive, place, reader)
    return reader.found


class _Links(_Reader):
    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.found: dict[str, tuple[str, str]] = {}

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "Relationship" and len(self.found) < MOST_STYLES and attributes.get("TargetMode") != "External":
            target = attributes.get("Target", "")
            path = target[1:] if target.startswith("/") else posixpath.normpath(posixpath.join(self.folder, target))
            kind = attributes.get("Type", "").rpartition("/")[2]
            self.found[attributes.get("Id", "")] = kind, path


class _Sheets(_Reader):
    def __init__(self) -> None:
        self.sheets: list[tuple[str, bool]] = []
        self.is_1904 = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "workbookPr":
            self.is_1904 = attributes.get("date1904") in ("1", "true")
        elif tag == "sheet" and len(self.sheets) < MOST_STYLES:
            link = next((value for name, value in attributes.items() if name.rpartition(" ")[2] == "id"), "")
            self.sheets.append((link, attributes.get("state", "visible") == "visible"))


def _said_rows(archive: Archive, sheet: str) -> int:
    """The last row by the sheet's own word in its head; 0 where it gives none."""
    if sheet not in archive:
        raise broken()
    head = next(archive.chunks(sheet), b"")[:4096]
    said = re.search(rb'<(?:\w+:)?dimension ref="[A-Z]+\d+:[A-Z]+(\d{1,7})"', head)
    return int(said[1]) if said else 0


# ------------------------------------------------------------------------------------------------- styles and texts


class _Styles(_Reader):
    """Which of the cell styles show a date or time."""

    def __init__(self) -> None:
        self.formats: set[int] = set()
        self.is_date: list[bool] = []
        self._inside = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag in ("cellXfs", "cellStyleXfs", "dxfs"):
            self._inside = tag
        elif tag == "numFmt" and len(self.formats) < MOST_STYLES:
            shown = NOT_SHOWN.sub("", attributes.get("formatCode", "")[:255]).lower()
            if re.search("[dmyhs]", shown) and "general" not in shown and "numFmtId" in attributes:
                self.formats.add(_number(attributes["numFmtId"]))
        elif tag == "xf" and self._inside == "cellXfs" and len(self.is_date) < MOST_STYLES:
            number = _number(attributes.get("numFmtId", "0"))
            self.is_date.append(number in DATES or number in self.formats)


def _date_styles(archive: Archive, name: str) -> list[bool]:
    reader = _Styles()
    if name and name in archive:
        _whole(archive, name, reader)
    return reader.is_date


class _Texts(_Reader):
    """The shared texts of a workbook, in a temporary file: text number n from `starts[n]` to `starts[n + 1]`."""

    def __init__(self, archive: Archive, name: str, breathe: Callable[[], None]) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  closed by __exit__
        self._starts = array("Q", [0])
        self._parts: list[str] = []
        self._length = 0
        self._depth = 0
        self._is_text = False
        self._archive, self._name, self._breathe = archive, name, breathe

    def __enter__(self) -> _Texts:
        try:
            if self._name and self._name in self._archive:
                for _ in _parsed(self._archive, self._name, self):
                    self._breathe()
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "rPh":  # how it is pronounced
            self._depth += 1
        self._is_text = tag == "t" and not self._depth

    def end(self, tag: str) -> None:
        self._is_text = False
        if tag == "rPh":
            self._depth -= 1
        elif tag == "si":
            if len(self._starts) > MOST_TEXTS:
                raise broken()
            written = self._file.write("".join(self._parts).encode("utf-8", "surrogatepass"))
            self._starts.append(self._starts[-1] + written)
            self._parts.clear()
            self._length = 0

    def text(self, text: str) -> None:
        if self._is_text:
            self._length = _longer(self._length, text)
            self._parts.append(text)

    def __getitem__(self, number: int) -> str:
        if not 0 <= number < len(self._starts) - 1:
            raise broken()
        self._file.seek(self._starts[number])
        return self._file.read(self._starts[number + 1] - self._starts[number]).decode("utf-8", "replace")


# ------------------------------------------------------------------------------------------------------------- rows


@dataclass
class _Rows(_Reader):
    """The rows of a sheet as they are read, in `ready`."""

    texts: _Texts
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
            self.row = _number(attributes["r"]) if "r" in attributes else self.row + 1
            self.cells, self.column = [], 0
        elif tag == "rPh":
            self.depth += 1
        self.is_text = tag in ("v", "t") and not self.depth

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        place = attributes.get("r", "")
        self.column = _column(place) if place else self.column + 1
        check_width(self.column)
        self.kind = attributes.get("t", "n")
        self.style = _number(attributes.get("s", "0"))
        self.parts.clear()
        self.length = 0

    def text(self, text: str) -> None:
        if self.is_text:
            self.length = _longer(self.length, text)
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
            return self.texts[_number(raw)]
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


def _longer(length: int, text: str) -> int:
    length += len(text)
    if length > LONGEST_CELL:
        raise Unreadable(N_("A cell is longer than %(most)s characters."), most=LONGEST_CELL)
    return length


def _number(text: str) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise broken()
    return int(text)


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
