"""Vendored files are what VENDOR.md says they are, and nothing else lies beside them."""

import base64
import hashlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROW = re.compile(r"^\| (\S+) \| .+ \| `sha384-(\S+)` \|$", re.MULTILINE)
ICON = re.compile(r"""(?:\bicon\(\s*["']|icons\.svg[^#\n]{0,40}#)([a-z0-9-]+)""")  # icon("walk"), …/icons.svg…#walk


@pytest.mark.parametrize("place", ["reception/static/vendor", "tests/browser/vendor"])
def test_files_match_their_listing(place):
    folder = ROOT / place
    listed = dict(ROW.findall((folder / "VENDOR.md").read_text(encoding="utf-8")))
    found = {
        path.name: base64.b64encode(hashlib.sha384(path.read_bytes()).digest()).decode()
        for path in folder.iterdir()
        if path.is_file() and path.name != "VENDOR.md"
    }
    assert found == listed


def test_every_package_has_its_licence_text():
    for place in ("reception/static/vendor", "tests/browser/vendor"):
        packages = set(
            re.findall(r"^\| \S+ \| (\S+) [\d.]+ \|", (ROOT / place / "VENDOR.md").read_text(), re.MULTILINE)
        )
        texts = {path.stem for path in (ROOT / place / "licenses").iterdir()}
        assert texts == {name.removeprefix("@").replace("/", "-").replace(".", "-") for name in packages}


def test_sprite_has_every_icon_that_is_used():
    sprite = (ROOT / "reception/static/vendor/icons.svg").read_text(encoding="utf-8")
    there = set(re.findall(r'<symbol id="([a-z0-9-]+)"', sprite))
    used = {
        name
        for kind in ("templates/**/*.html", "static/*.js", "static/*.css")
        for path in (ROOT / "reception").glob(kind)
        for name in ICON.findall(path.read_text(encoding="utf-8"))
    }
    assert used <= there, f"add to scripts/icons.py: {sorted(used - there)}"
