"""The parts of an Excel workbook around its rows: how one part points at others, its sheets, styles and shared texts.

Read with the standard library's own parser and our own eyes on it: bytes are counted as they are unpacked, a document
type is refused before it can declare anything. Shared texts wait in a temporary file.
"""

from __future__ import annotations

import posixpath
import re
import tempfile
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any
from xml.parsers import expat

from reception.domain.imports.files import Unreadable
from reception.domain.imports.zips import Archive, broken
from reception.words import N_

LONGEST_CELL = 32_767
"""Excel's own limit."""
LONGEST_TOKEN = 1 << 20
"""Bytes in which at least one tag or text must begin: an endless tag would be kept in memory as a whole."""
MOST_STYLES = 100_000
MOST_TEXTS = 20_000_000
DATES = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
"""Numbers of the built-in formats that show a date or time."""
NOT_SHOWN = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')


class Reader:
    """What a part is read with: told of tags (without their namespace) and of text."""

    seen = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None: ...

    def end(self, tag: str) -> None: ...

    def text(self, text: str) -> None: ...


def parsed(archive: Archive, name: str, reader: Reader) -> Iterator[None]:
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


def whole(archive: Archive, name: str, reader: Reader) -> None:
    deque(parsed(archive, name, reader), maxlen=0)


def links_of(archive: Archive, part: str) -> dict[str, tuple[str, str]]:
    """The relations of a part: id -> (kind, the part it points at)."""
    folder, _, name = part.rpartition("/")
    place = posixpath.join(folder, "_rels", f"{name}.rels")
    reader = _Links(folder)
    if place in archive:
        whole(archive, place, reader)
    return reader.found


class _Links(Reader):
    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.found: dict[str, tuple[str, str]] = {}

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "Relationship" and len(self.found) < MOST_STYLES and attributes.get("TargetMode") != "External":
            target = attributes.get("Target", "")
            path = target[1:] if target.startswith("/") else posixpath.normpath(posixpath.join(self.folder, target))
            kind = attributes.get("Type", "").rpartition("/")[2]
            self.found[attributes.get("Id", "")] = kind, path


class Sheets(Reader):
    def __init__(self) -> None:
        self.sheets: list[tuple[str, bool]] = []
        self.is_1904 = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "workbookPr":
            self.is_1904 = attributes.get("date1904") in ("1", "true")
        elif tag == "sheet" and len(self.sheets) < MOST_STYLES:
            link = next((value for name, value in attributes.items() if name.rpartition(" ")[2] == "id"), "")
            self.sheets.append((link, attributes.get("state", "visible") == "visible"))


def said_rows(archive: Archive, sheet: str) -> int:
    """The last row by the sheet's own word in its head; 0 where it gives none."""
    if sheet not in archive:
        raise broken()
    head = next(archive.chunks(sheet), b"")[:4096]
    said = re.search(rb'<(?:\w+:)?dimension ref="[A-Z]+\d+:[A-Z]+(\d{1,7})"', head)
    return int(said[1]) if said else 0


class _Styles(Reader):
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
                self.formats.add(whole_number(attributes["numFmtId"]))
        elif tag == "xf" and self._inside == "cellXfs" and len(self.is_date) < MOST_STYLES:
            number = whole_number(attributes.get("numFmtId", "0"))
            self.is_date.append(number in DATES or number in self.formats)


def date_styles(archive: Archive, name: str) -> list[bool]:
    reader = _Styles()
    if name and name in archive:
        whole(archive, name, reader)
    return reader.is_date


class Texts(Reader):
    """The shared texts of a workbook, in a temporary file: text number n from `starts[n]` to `starts[n + 1]`."""

    def __init__(self, archive: Archive, name: str, breathe: Callable[[], None]) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  closed by __exit__
        self._starts = array("Q", [0])
        self._parts: list[str] = []
        self._length = 0
        self._depth = 0
        self._is_text = False
        self._archive, self._name, self._breathe = archive, name, breathe

    def __enter__(self) -> Texts:
        try:
            if self._name and self._name in self._archive:
                for _ in parsed(self._archive, self._name, self):
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
            self._length = longer(self._length, text)
            self._parts.append(text)

    def __getitem__(self, number: int) -> str:
        if not 0 <= number < len(self._starts) - 1:
            raise broken()
        self._file.seek(self._starts[number])
        return self._file.read(self._starts[number + 1] - self._starts[number]).decode("utf-8", "replace")


def longer(length: int, text: str) -> int:
    length += len(text)
    if length > LONGEST_CELL:
        raise Unreadable(N_("A cell is longer than %(most)s characters."), most=LONGEST_CELL)
    return length


def whole_number(text: str) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise broken()
    return int(text)
