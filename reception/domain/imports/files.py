"""Text from outside: CSV, plain or gzip, line by line. Whatever is wrong with a file is said in a sentence.

Nothing is trusted: sizes are limited before the work, half a file is told from a whole one, and a file whose letters
cannot be read for certain is refused rather than guessed.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from reception.domain.errors import Invalid
from reception.words import N_

MOST_BYTES = 512 * 1024 * 1024
"""Unpacked: a small archive may hold an endless file."""
MOST_ROWS = 1_000_000
MOST_COLUMNS = 200
LONGEST_LINE = 100_000
GZIP = b"\x1f\x8b"


class Unreadable(Invalid):
    """The file as a whole cannot be taken; nothing was changed."""

    code = "unreadable-file"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: `number` counts from 1 under the header, `line` is where it stands in the file."""

    number: int
    line: int
    cells: dict[str, str]
    is_cut: bool
    """The last row of a file that does not end its last line: half of it may be missing."""


class Table:
    """A CSV file with a header; `columns` must be in it, `others` are there besides."""

    def __init__(self, path: Path, columns: tuple[str, ...]) -> None:
        self.path = path
        self.columns = columns
        self.others: list[str] = []

    def rows(self) -> Iterator[Row]:
        """Every row of the file, read as it is asked for. Raises Unreadable."""
        with opened(self.path) as (stream, encoding):
            lines = Lines(stream, encoding)
            rows = csv_rows(lines, ",")
            header = next(rows)
            self._check_header(header)
            for number, cells in enumerate(rows, 1):
                yield Row(number, lines.number, dict(zip(header, cells, strict=True)), lines.is_cut)

    def _check_header(self, header: list[str]) -> None:
        if missing := [name for name in self.columns if name not in header]:
            found = ", ".join(name[:30] for name in header[:20])
            raise Unreadable(
                N_("These columns are missing: %(missing)s. The file has: %(found)s."),
                missing=", ".join(missing), found=found,
            )  # fmt: skip
        refuse_twins(header)
        self.others = [name for name in header if name not in self.columns]


def refuse_twins(header: list[str]) -> None:
    """Raises Unreadable where two columns have one name."""
    if twice := sorted({name for name in header if name and header.count(name) > 1}):
        raise Unreadable(N_("The column %(name)s is there twice."), name=twice[0][:30])


def check_width(count: int) -> None:
    """Raises Unreadable where there are too many columns."""
    if count > MOST_COLUMNS:
        raise Unreadable(
            N_("The file has %(count)s columns; at most %(most)s are read."), count=count, most=MOST_COLUMNS
        )


def csv_rows(lines: Lines, separator: str) -> Iterator[list[str]]:
    """The header, then every row as wide as it; blank rows are left out. Raises Unreadable."""
    reader = csv.reader(lines, strict=True, delimiter=separator, skipinitialspace=True)
    try:
        header = next(reader, None)
        if header is None:
            raise Unreadable(N_("The file is empty."))
        check_width(len(header))
        yield header
        number = 0
        for cells in reader:
            if not any(cells):
                continue
            number += 1
            if number > MOST_ROWS:
                raise Unreadable(N_("The file has more than %(most)s rows. Split it."), most=MOST_ROWS)
            if len(cells) != len(header):
                _refuse_width(len(cells), len(header), number, lines)
            yield cells
    except csv.Error as error:
        if "unexpected end" in str(error):
            raise cut(lines.number) from None
        raise Unreadable(
            N_("Line %(line)s cannot be read as CSV. Check its quotation marks."), line=lines.number
        ) from None


def _refuse_width(found: int, wanted: int, number: int, lines: Lines) -> None:
    if lines.is_cut:
        raise cut(lines.number)
    raise Unreadable(
        N_("Row %(number)s (line %(line)s) has %(found)s columns instead of %(wanted)s."),
        number=number, line=lines.number, found=found, wanted=wanted,
    )  # fmt: skip


class Lines:
    """Decoded lines of a byte stream, checked one by one."""

    def __init__(self, stream: IO[bytes], encoding: str) -> None:
        self.number = 0
        self.is_cut = False
        self._bytes = 0
        self._stream = stream
        self._encoding = encoding
        self._text = io.TextIOWrapper(stream, encoding, newline="") if encoding.startswith("utf-16") else None

    def __iter__(self) -> Iterator[str]:
        while line := self._next():
            self.number += 1
            self.is_cut = not line.endswith(("\n", "\r"))
            if "\x00" in line:
                raise Unreadable(
                    N_("Line %(line)s contains NUL bytes. If this is UTF-16, save the file as UTF-8."),
                    line=self.number,
                )
            if len(line) > LONGEST_LINE:
                raise Unreadable(N_("Line %(line)s is too long."), line=self.number)
            self._bytes += len(line)
            if self._bytes > MOST_BYTES:
                raise Unreadable(N_("The file is too large: at most %(most)s MB unpacked."), most=MOST_BYTES >> 20)
            yield line

    def _next(self) -> str:
        try:
            if self._text is not None:
                return self._text.readline(LONGEST_LINE + 1)
            return self._stream.readline(4 * LONGEST_LINE).decode(self._encoding)
        except UnicodeDecodeError as error:
            if "truncated" in error.reason or ("unexpected end" in error.reason and self._text is not None):
                raise cut(self.number + 1) from None
            if self._encoding != "utf-8":
                raise Unreadable(
                    N_("Line %(line)s is not %(encoding)s. Choose another encoding, or save the file as UTF-8."),
                    line=self.number + 1, encoding=self._encoding,
                ) from None  # fmt: skip
            raise Unreadable(
                N_("Line %(line)s is not UTF-8. The file may be in an older encoding, such as Windows-1251:"
                   " save it as UTF-8."),
                line=self.number + 1,
            ) from None  # fmt: skip
        except (EOFError, gzip.BadGzipFile, zlib.error):
            raise cut(self.number + 1) from None


def cut(line: int) -> Unreadable:
    return Unreadable(N_("The file breaks off or is damaged at line %(line)s. Get it whole."), line=line)


@contextmanager
def opened(path: Path) -> Iterator[tuple[io.BufferedReader, str]]:
    """The file's bytes, unpacked, and the name of their encoding."""
    if path.is_dir():
        raise Unreadable(N_("%(name)s is a folder, not a file."), name=path.name)
    try:
        raw = path.open("rb")
    except OSError as error:
        raise Unreadable(
            N_("%(name)s cannot be read: %(why)s."), name=path.name, why=(error.strerror or "").lower()
        ) from None
    with raw:
        packed = raw.peek(2)[:2] == GZIP
        stream: io.BufferedReader = io.BufferedReader(gzip.GzipFile(fileobj=raw)) if packed else raw
        try:
            mark = stream.peek(3)[:3]
        except (EOFError, gzip.BadGzipFile, zlib.error):
            raise cut(1) from None
        if mark == b"\xef\xbb\xbf":
            stream.read(3)
        yield stream, "utf-16" if mark[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
