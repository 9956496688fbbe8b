"""A ZIP archive from outside: nothing of it is unpacked before its sizes are known, nor beyond what they may be."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from zipfile import BadZipFile, ZipFile, ZipInfo

from reception.domain.imports.files import MOST_BYTES, Unreadable
from reception.words import N_

MAGIC = b"PK\x03\x04"
END = b"PK\x05\x06"
MOST_ENTRIES = 500
LONGEST_LIST = 256 * 1024
"""Bytes of an archive's list of contents: it is read as a whole before anything else can be asked."""
CHUNK = 64 * 1024


class Archive:
    """An archive whose list of contents and declared sizes are within bounds."""

    def __init__(self, path: Path, most: int = MOST_BYTES) -> None:
        _check_list(path)
        try:
            self._zip = ZipFile(path)
        except (BadZipFile, OSError, ValueError, NotImplementedError):
            raise broken() from None
        self.left = most
        """Bytes that may still be unpacked, whatever the archive declares."""
        entries = self._zip.infolist()
        if len(entries) > MOST_ENTRIES:
            raise Unreadable(N_("The archive holds more than %(most)s files."), most=MOST_ENTRIES)
        if sum(entry.file_size for entry in entries) > most:
            raise _too_large(most)
        if any(entry.flag_bits & 1 for entry in entries):
            raise Unreadable(N_("The file is locked with a password."))
        self.most = most
        self.entries: dict[str, ZipInfo] = {entry.filename.lower(): entry for entry in entries}

    def __contains__(self, name: str) -> bool:
        return name.lower() in self.entries

    def chunks(self, name: str) -> Iterator[bytes]:
        """The unpacked bytes of an entry, counted as they come. Raises Unreadable."""
        entry = self.entries.get(name.lower())
        if entry is None:
            raise broken()
        try:
            with self._zip.open(entry) as stream:
                while chunk := stream.read(CHUNK):
                    self.left -= len(chunk)
                    if self.left < 0:
                        raise _too_large(self.most)
                    yield chunk
        except (BadZipFile, EOFError, OSError, zlib.error, NotImplementedError, RuntimeError, ValueError):
            raise broken() from None

    def close(self) -> None:
        self._zip.close()


def broken() -> Unreadable:
    return Unreadable(N_("The workbook breaks off or is damaged. Get it whole, or save it anew."))


def _too_large(most: int) -> Unreadable:
    return Unreadable(N_("The file is too large: at most %(most)s MB unpacked."), most=most >> 20)


def _check_list(path: Path) -> None:
    """Refuse before the list of contents is read: a long one fills the memory by itself."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - 66_000))
            tail = file.read()
    except OSError:
        raise broken() from None
    at = tail.rfind(END)
    if at < 0 or len(tail) < at + 22:
        raise broken()
    count, length = struct.unpack("<HI", tail[at + 10 : at + 16])
    if count > MOST_ENTRIES or length > LONGEST_LIST:
        raise Unreadable(N_("The archive holds more than %(most)s files."), most=MOST_ENTRIES)
