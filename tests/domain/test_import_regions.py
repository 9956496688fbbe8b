"""Regions by import: files and folders, the same twice, all or nothing, and what is said of each bad row."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from sqlalchemy import func, select

from reception.extensions import db
from reception.models import AuditEntry, District, Region, Settlement
from tests.factories import House

REGIONS = "code,name_uz,name_ru,name_en\n17,Toshkent,Ташкент,Tashkent\n18,Farg'ona,Фергана,Fergana\n"
DISTRICTS = "code,region_code,kind,name_uz\n17a,17,district,Olmazor\n18a,18,city,Qoʻqon\n"
SETTLEMENTS = "code,district_code,name_uz\n17a1,17a,Bo'ston\n"


def counts() -> list[int]:
    return [db.session.scalar(select(func.count()).select_from(kind)) or 0 for kind in (Region, District, Settlement)]


def run(house: House, *args: str) -> tuple[int, str]:
    done = house.app.test_cli_runner().invoke(args=["import", "regions", *args])
    db.session.rollback()
    return done.exit_code, done.output


def test_a_folder_twice_and_a_changed_name(house: House, tmp_path: Path) -> None:
    folder = tmp_path / "places"
    folder.mkdir()
    (folder / "regions.csv").write_text(REGIONS, encoding="utf-8-sig")
    (folder / "districts.csv").write_text(DISTRICTS, encoding="utf-8")
    with gzip.open(folder / "settlements.csv.gz", "wt", encoding="utf-8") as file:
        file.write(SETTLEMENTS)
    (folder / "nationality.csv").write_text("code,parent,name_uz\n1,,Ruslar\n")
    assert run(house, str(folder), "--dry-run")[0] == 0
    assert counts() == [0, 0, 0]
    status, said = run(house, str(folder))
    assert (status, counts()) == (0, [2, 2, 1])
    assert "5 added" in said
    assert "Not taken: nationality.csv" in said
    audited = db.session.scalar(select(func.count()).select_from(AuditEntry))
    assert "0 added, 0 changed, 5 were there already" in run(house, str(folder))[1]
    assert db.session.scalar(select(func.count()).select_from(AuditEntry)) == audited
    (folder / "regions.csv").write_text(REGIONS.replace("Tashkent", "Toshkent"), encoding="utf-8")
    assert "0 added, 1 changed, 1 were there already" in run(house, str(folder / "regions.csv"))[1]
    assert db.session.get_one(Region, "17").names["en"] == "Toshkent"


BAD = {
    "17b,99,district,Nowhere": "17b lies in 99, which is nowhere",
    "17a,18,district,Moved": "17a lies in 17 already",
    ",17,district,None": "the code is missing",
    "17b,17,district,": "there is no name",
    "17b,17,district," + "x" * 300: "a name is too long",
    "<b>,17,district,x": "the code is missing or has a wrong form",
    "17b,17,district,x\n17b,17,district,y": "is there twice",
}


def test_one_bad_row_stores_nothing(house: House, tmp_path: Path) -> None:
    for name, text in (("regions", REGIONS), ("districts", DISTRICTS)):
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
        assert run(house, str(tmp_path / f"{name}.csv"))[0] == 0
    before = counts()
    for rows, why in BAD.items():
        path = tmp_path / "bad.csv"
        path.write_text(f"code,region_code,kind,name_uz\n17c,17,district,Good\n{rows}\n", encoding="utf-8")
        status, said = run(house, str(path))
        assert (status, counts()) == (1, before), rows
        assert why in said, rows
        assert "nothing was stored" in said
    for content in (b"", b"\xff\xfe\x00", b"name,age\n1,2\n", b"code,name_uz\n", b"\x00" * 100):
        path.write_bytes(content)
        assert run(house, str(path))[0] == 1, content
    path.with_suffix(".csv.gz").write_bytes(b"no gzip")
    assert run(house, str(path.with_suffix(".csv.gz")))[0] == 1
    assert run(house, str(tmp_path / "regions.csv"), "--country", "XX")[0] == 1
    assert run(house, str(tmp_path / "nothing.csv"))[0] == 2
    assert counts() == before


@pytest.mark.data
@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_the_official_list(house: House) -> None:
    folder = os.environ.get("TEST_DATA")
    if not folder:
        pytest.skip("no TEST_DATA")
    assert run(house, str(Path(folder) / "uz-regions"))[0] == 0
    assert counts() == [14, 206, 2730]
