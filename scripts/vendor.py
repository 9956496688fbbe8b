"""Fetch the files other people wrote for the browser and write down what they are.

    make vendor

Everything comes from the npm packages below (npm must be on the PATH), is copied unchanged under a name that
carries its version, and is listed with its SHA-384 in a VENDOR.md beside it; tests/test_vendor.py holds the
files to that list. Only the icon sprite is made here, from scripts/icons.py.
"""

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

import icons

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ROOT / "reception/static/vendor"
TESTS = ROOT / "tests/browser/vendor"


@dataclass(frozen=True)
class Package:
    name: str
    version: str
    licence: str
    licence_file: str | None  # in the package; None: the package has none, ours is kept in licenses/
    files: dict[str, str]  # the name here -> the path in the package
    folder: Path = PRODUCT

    @property
    def label(self) -> str:
        return self.name.removeprefix("@").replace("/", "-").replace(".", "-")


# opsz: with the optical size axis, so that large figures get the display cut.
INTER = {f"inter-5.3.0-{part}.woff2": f"files/inter-{part}-opsz-normal.woff2"
         for part in ("latin", "latin-ext", "cyrillic", "greek")}  # fmt: skip

PACKAGES = [
    Package("htmx.org", "4.0.1", "0BSD", "LICENSE", {"htmx-4.0.1.min.js": "dist/htmx.min.js"}),
    Package("socket.io-client", "4.8.4", "MIT", "LICENSE", {"socket.io-4.8.4.min.js": "dist/socket.io.min.js"}),
    Package("@tabler/core", "1.6.1", "MIT", None, {
        "tabler-1.6.1.min.css": "dist/css/tabler.min.css",
        "tabler-1.6.1.min.js": "dist/js/tabler.min.js",
    }),
    Package("@tabler/icons", "3.51.0", "MIT", "LICENSE", {"icons.svg": ""}),
    Package("@fontsource-variable/inter", "5.3.0", "OFL-1.1", "LICENSE", INTER),
    Package("axe-core", "4.14.1", "MPL-2.0", "LICENSE", {"axe-4.14.1.min.js": "axe.min.js"}, TESTS),
]  # fmt: skip


def unpacked(package: Package, folder: Path) -> Path:
    """Download `package` into `folder` with npm, verified by npm's own integrity check, and unpack it."""
    said = subprocess.run(
        ["npm", "pack", "--json", f"{package.name}@{package.version}"],
        cwd=folder, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    with tarfile.open(folder / json.loads(said)[0]["filename"]) as archive:
        archive.extractall(folder / package.label, filter="data")
    return folder / package.label / "package"


def copy(package: Package, source: Path) -> None:
    licences = package.folder / "licenses"
    licences.mkdir(parents=True, exist_ok=True)
    if package.licence_file:
        shutil.copyfile(source / package.licence_file, licences / f"{package.label}.txt")
    for name, path in package.files.items():
        if name == "icons.svg":
            (package.folder / name).write_text(icons.sprite(source), encoding="utf-8", newline="\n")
        else:
            shutil.copyfile(source / path, package.folder / name)


def sha384(path: Path) -> str:
    """As browsers write it in an integrity attribute."""
    return "sha384-" + base64.b64encode(hashlib.sha384(path.read_bytes()).digest()).decode()


def listing(folder: Path) -> str:
    rows = [
        f"| {name} | {package.name} {package.version} | {package.licence} | `{sha384(folder / name)}` |"
        for package in PACKAGES
        if package.folder == folder
        for name in package.files
    ]
    return "\n".join([
        "# Files from elsewhere",
        "",
        "Written by `make vendor` (`scripts/vendor.py`); do not edit. Licences are in `licenses/`.",
        "",
        "| file | npm package | licence | sha384 |",
        "| --- | --- | --- | --- |",
        *rows,
        "",
    ])  # fmt: skip


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        for package in PACKAGES:
            copy(package, unpacked(package, Path(temporary)))
    for folder in (PRODUCT, TESTS):
        (folder / "VENDOR.md").write_text(listing(folder), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
