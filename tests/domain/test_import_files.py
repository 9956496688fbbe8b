"""Files as people send them: recognised where that is certain, refused in words where it is not, never trusted."""

from __future__ import annotations

import gzip
import tracemalloc
import zipfile
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook

from reception.domain.errors import Invalid
from reception.domain.imports import columns, sheets, values, xlsx, zips
from reception.domain.imports.files import Unreadable
from reception.domain.imports.patients import COLUMNS
from reception.domain.imports.sheets import Sheet, open_sheet
from reception.models import Gender

HEADER = "Фамилия;Имя;Дата рождения"
ROWS = ("Иванова;Мария;12.03.1985", "Öztürk;Ayşe;01.02.1990")
RUSSIAN = "Фамилия;Имя;Адрес\nИванова;Мария;улица Ленина\nПетров;Пётр;проспект Мира\n"


def text(*rows: str) -> str:
    return "\n".join(rows) + "\n"


def wrote(folder: Path, content: bytes, name: str = "people.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def opened(folder: Path, content: bytes, **how: str) -> Sheet:
    return open_sheet(wrote(folder, content), **how)


def cells(sheet: Sheet) -> list[list[str]]:
    return [line.cells for line in sheet.rows()]


# --------------------------------------------------------------------------------------------------------- recognised


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_an_encoding_that_shows_itself_is_read(tmp_path: Path, encoding: str) -> None:
    sheet = opened(tmp_path, text("Last name;First name", *("Öztürk;Мария", "王;小明")).encode(encoding))
    assert sheet.header == ["Last name", "First name"]
    assert cells(sheet) == [["Öztürk", "Мария"], ["王", "小明"]]


def test_cyrillic_of_old_programs_is_known_by_its_commonest_letters(tmp_path: Path) -> None:
    sheet = opened(tmp_path, RUSSIAN.encode("windows-1251"))
    assert (sheet.encoding, sheet.header) == ("windows-1251", ["Фамилия", "Имя", "Адрес"])


@pytest.mark.parametrize(
    "content",
    ["Nom;Prénom\nLefèvre;Hélène\n".encode("latin-1"), "الاسم;اللقب\nمريم;الخطيب\n".encode("windows-1256"),
     RUSSIAN.upper().encode("windows-1251"), RUSSIAN.encode("koi8-r")],
    ids=["french", "arabic", "capitals", "koi8"],
)  # fmt: skip
def test_letters_that_could_be_others_are_not_guessed(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(Unreadable, match=r"not UTF-8"):
        list(opened(tmp_path, content).rows())


def test_an_encoding_can_be_chosen(tmp_path: Path) -> None:
    assert opened(tmp_path, RUSSIAN.encode("koi8-r"), encoding="koi8-r").header[0] == "Фамилия"
    with pytest.raises(Unreadable, match=r"not among those"):
        opened(tmp_path, b"a,b\n1,2\n", encoding="punycode")


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_the_separator_is_the_one_that_makes_columns(tmp_path: Path, sign: str) -> None:
    quoted = f'"a{"," if sign != "," else ";"}b"'
    sheet = opened(tmp_path, text(sign.join(("a", quoted, "c")), sign.join("123")).encode())
    assert sheet.separator == sign
    assert cells(sheet) == [["1", "2", "3"]]


def test_blank_rows_are_none_and_gzip_is_unpacked(tmp_path: Path) -> None:
    sheet = opened(tmp_path, gzip.compress(b"a,b\n1,2\n,\n\n3,4\n"))
    assert [(line.number, line.line) for line in sheet.rows()] == [(1, 2), (2, 5)]


BROKEN = {
    "empty": (b"", "The file is empty."),
    "nameless": (b",,\n1,2,3\n", "no names of columns"),
    "twice": (b"a,b,a\n1,2,3\n", "The column a is there twice."),
    "10000-columns": (b",".join(b"c%d" % n for n in range(10_000)) + b"\n1\n", "10000 columns; at most 200"),
    "nul": (b"a,b\n1,\x002\n", "contains NUL bytes"),
    "half": (text(HEADER, *ROWS).encode()[:-13] + b'"', "breaks off"),
    "half-gzip": (gzip.compress(text(HEADER, *ROWS * 3000).encode())[:-300], "breaks off"),
    "narrow": (b"a,b,c\n1,2,3\n1,2\n3,4,5\n", "Row 2 (line 3) has 2 columns instead of 3."),
    "quotes": (b'a,b\n1,"2"x\n', "Check its quotation marks."),
    "old-excel": (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "old Excel file (.xls)"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_refused_in_words(tmp_path: Path, kind: str) -> None:
    content, sentence = BROKEN[kind]
    with pytest.raises(Unreadable) as refusal:
        list(opened(tmp_path, content).rows())
    assert sentence in str(refusal.value)


def test_an_endless_packed_file_is_refused_without_being_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MOST_BYTES", 32 << 20)
    path = tmp_path / "endless.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as packed:
        for _ in range(40):
            packed.write(b"1,2\n" * (1 << 18))
    tracemalloc.start()
    try:
        with pytest.raises(Unreadable, match="at most 32 MB"):
            open_sheet(path)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


# -------------------------------------------------------------------------------------------------------------- Excel


def workbook(path: Path, rows: list[list[Any]], **options: Any) -> Path:
    """A workbook as Excel and its kin write them."""
    book = xlsxwriter.Workbook(path, {"default_date_format": "dd/mm/yy", **options})
    sheet = book.add_worksheet()
    for number, row in enumerate(rows):
        sheet.write_row(number, 0, row)
    book.close()
    return path


MIXED: list[list[Any]] = [
    ["Name", "Born", "Seen", "Number", "Price", "Empty", "Yes"],
    ["Öztürk <&> 王", date(1985, 3, 12), datetime(2020, 2, 29, 13, 45), 998901234567, 12.1, None, True],
    ["=1+1 is text here", date(1900, 1, 15), time(8, 30), -3, 1500, "", False],
    [" spaces ", date(2040, 12, 31), None, 0, 0.1 + 0.2, None, None],
]


@pytest.mark.parametrize("options", [{}, {"constant_memory": True}, {"date_1904": True}], ids=str)
def test_a_workbook_is_read_as_another_library_reads_it(tmp_path: Path, options: dict[str, Any]) -> None:
    path = workbook(tmp_path / "a.xlsx", MIXED, strings_to_formulas=False, **options)
    sheet = open_sheet(path)
    assert sheet.form == "xlsx"
    assert sheet.header == MIXED[0]
    mine = cells(sheet)
    assert mine[0] == ["Öztürk <&> 王", "1985-03-12", "2020-02-29 13:45:00", "998901234567", "12.1", "", "1"]
    if not options.get("date_1904"):  # its first day is later
        assert mine[1][1:3] == ["1900-01-15", "08:30:00"]
    assert [row[4] for row in mine] == ["12.1", "1500", "0.3"]
    theirs = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
    assert [row[0] for row in mine] == [row[0] for row in theirs[1:]]
    assert [float(row[3]) for row in mine] == [row[3] for row in theirs[1:]]


def test_the_first_shown_sheet_is_read_and_gaps_stay(tmp_path: Path) -> None:
    book = xlsxwriter.Workbook(tmp_path / "b.xlsx")
    hidden, shown = book.add_worksheet("old"), book.add_worksheet("new")
    hidden.write(0, 0, "wrong")
    hidden.hide()
    shown.activate()
    shown.set_first_sheet()
    for place, value in {(0, 0): "a", (0, 2): "c", (4, 2): "x", (9, 0): "y"}.items():
        shown.write(*place, value)
    book.close()
    sheet = open_sheet(tmp_path / "b.xlsx")
    assert [(line.number, line.line, line.cells) for line in sheet.rows()] == [
        (1, 5, ["", "", "x"]), (2, 10, ["y", "", ""]),
    ]  # fmt: skip


PARTS = {
    "[Content_Types].xml": "<Types/>",
    "_rels/.rels": '<Relationships><Relationship Id="r" Type="x/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": '<workbook xmlns:r="urn:r"><sheets><sheet name="a" r:id="s1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": '<Relationships><Relationship Id="s1" Type="x/worksheet" Target="worksheets/s.xml"/></Relationships>',
}  # fmt: skip
HEAD_ROW = '<row r="1"><c r="A1" t="inlineStr"><is><t>Name</t></is></c></row>'


def by_hand(folder: Path, sheet: str | None, more: dict[str, bytes] | None = None) -> Path:
    """A workbook as nobody's program writes it."""
    path = folder / "hand.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in PARTS.items():
            archive.writestr(name, content)
        if sheet is not None:
            archive.writestr("xl/worksheets/s.xml", sheet)
        for name, data in (more or {}).items():
            archive.writestr(name, data)
    return path


def of_rows(rows: str) -> str:
    return f"<worksheet><sheetData>{HEAD_ROW}{rows}</sheetData></worksheet>"


HOSTILE = {
    "far-column": (of_rows('<row r="2"><c r="XFD2"><v>1</v></c></row>'), "16384 columns; at most 200"),
    "no-column": (of_rows('<row r="2"><c r="ÄÖ2"><v>1</v></c></row>'), "breaks off or is damaged"),
    "beyond-the-header": (of_rows('<row r="2"><c r="B2"><v>1</v></c></row>'), "beyond the last column"),
    "endless-text": (of_rows(f'<row r="2"><c r="A2" t="str"><v>{"x" * 40_000}</v></c></row>'), "longer than 32767"),
    "endless-tag": (of_rows(f'<row r="2" x="{"x" * 3_000_000}"/>'), "breaks off or is damaged"),
    "no-such-text": (of_rows('<row r="2"><c r="A2" t="s"><v>7</v></c></row>'), "breaks off or is damaged"),
    "failed-formula": (of_rows('<row r="2"><c r="A2" t="e"><v>#REF!</v></c></row>'), "formula that has failed: #REF!"),
    "cut": (of_rows('<row r="2"><c r="A2"><v>1</v></c></row>')[:-30], "breaks off or is damaged"),
    "no-sheet": (None, "breaks off or is damaged"),
    "laughs": (
        '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>' + of_rows('<row><c t="str"><v>&b;</v></c></row>'),
        "declares a document type",
    ),
    "from-outside": (
        '<!DOCTYPE a SYSTEM "file:///etc/passwd">' + of_rows(""), "declares a document type",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_workbook_is_refused_in_words(tmp_path: Path, kind: str) -> None:
    sheet, sentence = HOSTILE[kind]
    with pytest.raises(Unreadable) as refusal:
        list(open_sheet(by_hand(tmp_path, sheet)).rows())
    assert sentence in str(refusal.value)


def test_a_bomb_is_refused_by_what_it_declares(tmp_path: Path) -> None:
    """Ten gigabytes of nothing, honestly declared."""
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in PARTS.items():
            archive.writestr(name, content)
        archive.writestr("xl/worksheets/s.xml", b"small")
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = (0xF0000000).to_bytes(4, "little")
    path.write_bytes(bytes(data))
    with pytest.raises(Unreadable, match="at most 512 MB unpacked"):
        open_sheet(path)


def test_a_bomb_that_lies_is_refused_by_what_comes_out(tmp_path: Path) -> None:
    path = by_hand(tmp_path, of_rows('<row r="2"><c r="A2" t="str"><v>x</v></c></row>' + " " * 8_000_000))
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\x01\x02")
    assert int.from_bytes(data[at + 24 : at + 28], "little") > 8_000_000
    tracemalloc.start()
    try:
        archive = zips.Archive(path)
        archive.left = 1_000_000
        with pytest.raises(Unreadable, match="too large"):
            list(archive.chunks("xl/worksheets/s.xml"))
        archive.close()
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
    data[at + 24 : at + 28] = (10).to_bytes(4, "little")
    path.write_bytes(bytes(data))
    with pytest.raises(Unreadable, match="breaks off or is damaged"):
        list(open_sheet(path).rows())


def test_an_archive_of_countless_files_is_refused_before_they_are_listed(tmp_path: Path) -> None:
    path = by_hand(tmp_path, of_rows(""), {f"x/{n}": b"" for n in range(600)})
    with pytest.raises(Unreadable, match="more than 500 files"):
        open_sheet(path)
    plain = tmp_path / "plain.zip"
    with zipfile.ZipFile(plain, "w") as archive:
        archive.writestr("people.csv", "a,b\n1,2\n")
    with pytest.raises(Unreadable, match="a ZIP archive and not an Excel workbook"):
        open_sheet(plain)


def test_a_cut_workbook_is_refused(tmp_path: Path) -> None:
    whole = workbook(tmp_path / "c.xlsx", [["a", "b"], *[[n, "x"] for n in range(500)]]).read_bytes()
    for size in (4, 200, len(whole) // 2, len(whole) - 5):
        with pytest.raises(Unreadable):
            list(open_sheet(wrote(tmp_path, whole[:size], "cut.xlsx")).rows())


def test_memory_stays_the_same_however_long_the_sheet(tmp_path: Path) -> None:
    """Shared texts, all different, and ten times as many rows: no more memory than a tenth of them took."""
    peaks = []
    for count in (600, 6_000):
        path = tmp_path / f"{count}.xlsx"
        workbook(path, [["a", "b", "c"], *[[f"text {n}", n, f"more {n}"] for n in range(count)]])
        tracemalloc.start()
        assert sum(1 for _ in xlsx.Book(path).rows()) == count + 1
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + (1 << 18)  # eight bytes for each text


# -------------------------------------------------------------------------------------------------- columns and values


@pytest.mark.parametrize(
    "header, expected",
    [
        (["First Name", "SURNAME", "D.O.B.", "Sex", "Mobile"], ["first_name", "last_name", "date_of_birth", "gender", "phone"]),
        (["Имя", "Фамилия:", "дата_рождения", "Пол", "№ карты"], ["first_name", "last_name", "date_of_birth", "gender", "number"]),
        (["Ism", "Familiya", "Tug‘ilgan sana", "Jins", "Otasining ismi"],
         ["first_name", "last_name", "date_of_birth", "gender", "middle_name"]),
        (["ФИО", "Телефон"], ["full_name", "phone"]),
        (["الاسم الأول", "اسم العائلة", "تاريخ الميلاد"], ["first_name", "last_name", "date_of_birth"]),
    ],
)  # fmt: skip
def test_columns_are_known_by_their_names(header: list[str], expected: list[str]) -> None:
    found = columns.matched(header, COLUMNS)
    assert {field: header.index(name) for field, name in found.items()} == {f: n for n, f in enumerate(expected)}


def test_a_mapping_that_cannot_be_is_refused() -> None:
    header = ["a", "b"]
    for chosen, sentence in (
        ({"last_name": "z"}, "no column z"), ({"what": "a"}, "no field what"),
        ({"last_name": "a", "first_name": "a"}, "cannot be two things"), ({"first_name": "a"}, "cannot be read without"),
    ):  # fmt: skip
        with pytest.raises(Invalid, match=sentence):
            columns.checked(chosen, header, COLUMNS, (("last_name", "full_name"),))


@pytest.mark.parametrize(
    "typed, region, expected",
    [
        ("2020-04-03", "DE", date(2020, 4, 3)), ("03.04.2020", "DE", date(2020, 4, 3)),
        ("3/4/2020", "UZ", date(2020, 4, 3)), ("3/4/2020", "US", date(2020, 3, 4)),
        ("2020-04-03T00:00:00Z", "DE", date(2020, 4, 3)), ("20200403", "DE", date(2020, 4, 3)),
        ("3 Apr 2020", "DE", date(2020, 4, 3)), ("April 3, 2020", "US", date(2020, 4, 3)),
        ("٠٣.٠٤.٢٠٢٠", "AE", date(2020, 4, 3)), ("29.02.2020", "DE", date(2020, 2, 29)), ("", "DE", None),
    ],
)  # fmt: skip
def test_days_are_read_in_their_usual_writings(typed: str, region: str, expected: date | None) -> None:
    assert values.day(typed, "day", region) == expected


@pytest.mark.parametrize("typed", ["29.02.2021", "31/31/2020", "03.04.20", "0000-00-00", "soon", "12345", "2020-4"])
def test_what_is_no_day_is_said(typed: str) -> None:
    with pytest.raises(Invalid):
        values.day(typed, "day", "DE")


@pytest.mark.parametrize(
    "typed, units",
    [("12,50", 1250), ("1 500", 150000), ("1,500.50", 150050), ("1.500,5", 150050), ("1.500", 150000), ("0", 0),
     ("1500.00 EUR", 150000), ("٣٠٠", 30000)],
)  # fmt: skip
def test_amounts_are_read_as_price_lists_write_them(typed: str, units: int) -> None:
    assert values.amount(typed, "price", "EUR", 10**12) == units


@pytest.mark.parametrize("typed", ["", "-5", "free", "1.2.3", "12,505", "1,50,0", "9" * 30])
def test_what_is_no_amount_is_said(typed: str) -> None:
    if typed == "12,505":  # thousands, in every language that writes so
        assert values.amount(typed, "price", "EUR", 10**12) == 1_250_500
        return
    with pytest.raises(Invalid):
        values.amount(typed, "price", "EUR", 10**12)


def test_words_of_gender_and_times() -> None:
    assert {values.gender(word) for word in ("F", "жен", "Ayol", "أنثى", "2")} == {Gender.FEMALE}
    assert values.gender("") == Gender.UNKNOWN
    assert values.wall("8:30 pm", "t") == time(20, 30)
    assert values.wall("08.30", "t") == time(8, 30)
    assert values.wall("24:00", "t") == time(0)
    for typed in ("25:00", "8", "noon", "12:75"):
        with pytest.raises(Invalid):
            values.wall(typed, "t")
